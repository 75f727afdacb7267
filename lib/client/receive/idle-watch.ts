/** Tells when nothing came for a time. One timer, which looks when it rings; a message costs a look at the clock. */
export class IdleWatch {
  #timer: NodeJS.Timeout | undefined = undefined;
  #lastAt = 0;

  /**
   * @param workedAt when work on what came ended last; now, while some goes on
   * @param idle called at most once per `start`
   */
  constructor(
    private readonly timeoutMs: number,
    private readonly workedAt: () => number,
    private readonly idle: () => void,
  ) {}

  start(): void {
    this.stop();
    this.touch();
    this.#lookIn(this.timeoutMs);
  }

  touch(): void {
    this.#lastAt = performance.now();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #lookIn(delayMs: number): void {
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }

  #look(): void {
    const leftMs = Math.max(this.#lastAt, this.workedAt()) + this.timeoutMs - performance.now();
    if (leftMs <= 0) this.idle();
    else this.#lookIn(Math.ceil(leftMs));
  }
}
