/** Width of one bucket. */
export const BUCKET_MS = 5_000;
/** Buckets that are kept: five minutes. */
export const BUCKETS = 60;

/** How often something happened in each of the last {@link BUCKETS} buckets of {@link BUCKET_MS}; never grows. */
export class RateRing {
  readonly #counts = new Uint32Array(BUCKETS);
  /** Number of the bucket that was counted in last, from the clock's zero. */
  #last = 0;

  /** @param nowMs of a clock that never goes back */
  add(nowMs: number, count = 1): void {
    const slot = this.#forward(nowMs) % BUCKETS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count;
  }

  /** The oldest first; the last is the bucket that is still running. */
  counts(nowMs: number): number[] {
    const last = this.#forward(nowMs);
    return Array.from({ length: BUCKETS }, (_, index) => this.#counts[(last + 1 + index) % BUCKETS] ?? 0);
  }

  /** Of the last minute, the running bucket left out. */
  perSecond(nowMs: number): number {
    const buckets = 60_000 / BUCKET_MS;
    const complete = this.counts(nowMs).slice(-1 - buckets, -1);
    return complete.reduce((sum, count) => sum + count, 0) / 60;
  }

  /** Empties the buckets that nothing happened in. @returns the number of the bucket of now */
  #forward(nowMs: number): number {
    const now = Math.max(Math.floor(nowMs / BUCKET_MS), this.#last);
    const passed = now - this.#last;
    if (passed >= BUCKETS) this.#counts.fill(0);
    else for (let bucket = this.#last + 1; bucket <= now; bucket += 1) this.#counts[bucket % BUCKETS] = 0;
    this.#last = now;
    return now;
  }
}
