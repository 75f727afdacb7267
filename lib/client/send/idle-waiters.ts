/** Those who wait until nothing is pending. */
export class IdleWaiters {
  readonly #waiting = new Set<() => void>();

  /** Resolves with the next `tell`, at the latest after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const tell = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(tell);
        resolve();
      };
      const timer = setTimeout(tell, timeoutMs);
      this.#waiting.add(tell);
    });
  }

  get areThere(): boolean {
    return this.#waiting.size > 0;
  }

  tell(): void {
    for (const tell of this.#waiting) tell();
  }
}
