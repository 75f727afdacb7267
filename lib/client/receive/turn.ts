/** Handler calls in a row without a look at the clock. */
const CALLS_PER_LOOK = 16;
const MOST_CALLS = 256;
const MOST_MS = 8;

/** One consumer's share of a turn of the event loop, so that handlers without an await do not starve everybody else. */
export class Turn {
  #calls = 0;
  #startedAt = 0;
  #isOver = false;
  #hasBegun = false;

  /** @param next a new turn began, and the last one was cut short */
  constructor(private readonly next: () => void) {}

  /** Whether the share is used up; counts one more call otherwise. */
  isOver(): boolean {
    if (this.#isOver) return true;
    if (this.#calls === 0) {
      this.#startedAt = performance.now();
      if (!this.#hasBegun) setImmediate(this.#begin);
      this.#hasBegun = true;
    } else if (this.#calls % CALLS_PER_LOOK === 0) {
      this.#isOver = this.#calls >= MOST_CALLS || performance.now() - this.#startedAt > MOST_MS;
      if (this.#isOver) return true;
    }
    this.#calls++;
    return false;
  }

  readonly #begin = (): void => {
    const wasOver = this.#isOver;
    this.#hasBegun = false;
    this.#calls = 0;
    this.#isOver = false;
    if (wasOver) this.next();
  };
}
