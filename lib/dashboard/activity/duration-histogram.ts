/** Upper bounds, each twice the one before: 1/8 ms to 65 s; the last bucket has what took longer. */
const BOUNDS_MS: readonly number[] = Array.from({ length: 20 }, (_, index) => 0.125 * 2 ** index);
/** So many calls are remembered whole; then all counts are halved, so that the latest weigh most. */
const MOST = 4_096;

/** Durations in a fixed number of buckets; a quantile is off by less than a factor of two. */
export class DurationHistogram {
  readonly #counts = new Uint32Array(BOUNDS_MS.length + 1);
  #total = 0;

  add(durationMs: number): void {
    let bucket = 0;
    while (durationMs > (BOUNDS_MS[bucket] ?? Infinity)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    if (this.#total >= MOST) this.#halve();
  }

  /** Milliseconds that a share of the calls did not exceed; `undefined` before the first call. */
  quantile(share: number): number | undefined {
    if (this.#total === 0) return undefined;
    let left = share * this.#total;
    for (const [bucket, count] of this.#counts.entries()) {
      if (count > 0 && left <= count) return within(bucket, left / count);
      left -= count;
    }
    return BOUNDS_MS.at(-1);
  }

  #halve(): void {
    this.#total = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      this.#counts[bucket] = count >>> 1;
      this.#total += count >>> 1;
    }
  }
}

/** Evenly between the bounds of the bucket. */
function within(bucket: number, share: number): number {
  const from = BOUNDS_MS[bucket - 1] ?? 0;
  const to = BOUNDS_MS[bucket] ?? from;
  return from + (to - from) * share;
}
