/** A small generator of numbers that repeats itself from its seed (mulberry32). */
export class SeededRandom {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 to 2^32 - 1. */
  uint32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 4_294_967_296) * limit);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[this.below(choices.length)];
    if (choices.length === 0) throw new RangeError('nothing to pick from');
    // Index in range, list not empty.
    return chosen as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** The generator of one case: case `index` of a seed can be run again by itself. */
export function randomOfCase(seed: number, index: number): SeededRandom {
  return new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
}

/** A seed for tests that print it; `FUZZ_SEED` fixes it. */
export function seedOfRun(): number {
  const fixed = process.env['FUZZ_SEED'];
  return fixed === undefined || fixed === '' ? Math.floor(Math.random() * 0xffff_ffff) : Number(fixed) >>> 0;
}
