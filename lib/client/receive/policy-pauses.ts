/** The pauses of one consumer that its policy asks for: one at a time, and counted as long as no handler succeeds between them. */
export class PolicyPauses {
  #timer: NodeJS.Timeout | undefined = undefined;
  #inRow = 0;

  /** Since a handler last succeeded. */
  get inRow(): number {
    return this.#inRow;
  }

  /** @param over called once, unless it ends before */
  begin(delayMs: number, over: () => void): void {
    this.end();
    this.#inRow++;
    this.#timer = setTimeout(over, delayMs);
  }

  /** Nothing follows the one under way. It counts all the same. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /** A handler has succeeded. */
  succeeded(): void {
    this.#inRow = 0;
  }
}
