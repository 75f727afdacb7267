/** The peer's CLOSE that answers ours. Whatever else ends the connection ends the wait for it too. */
export class PeerClose {
  /** It came, or will not come. */
  arrived: () => void = () => undefined;

  /** Resolves when it has come, at the latest after `timeoutMs`. */
  within(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
