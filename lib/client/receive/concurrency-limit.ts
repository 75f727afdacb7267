// A message arriving: the gate that several consumers stand at together.

import { InvalidOptionsError } from '../../protocol/index.js';
import { checkWhole } from '../options/check.js';

/** Who waits for a place. */
export interface PlaceSeeker {
  /** There may be a place: takes it with `take()`, or leaves it. */
  placeFree(): void;
}

/**
 * A number of handler calls at a time that several subscriptions share, of one connection or of several: pass the same one to each as
 * `concurrencyLimit`. A place that becomes free goes to whoever has waited longest.
 */
export class ConcurrencyLimit {
  #running = 0;
  readonly #waiting = new Set<PlaceSeeker>();

  /** @throws InvalidOptionsError unless it is a whole number of at least 1 */
  constructor(readonly maxConcurrency: number) {
    const given = checkWhole(maxConcurrency, 'maxConcurrency', { min: 1, max: 1_000_000, default: undefined });
    if (given === undefined) throw new InvalidOptionsError('maxConcurrency', 'a whole number of at least 1', given);
  }

  /** Handler calls that run now, or wait for a retry. */
  get running(): number {
    return this.#running;
  }

  /** @internal `false`: none is free; `placeFree` follows. */
  take(seeker: PlaceSeeker): boolean {
    if (this.#running >= this.maxConcurrency) {
      this.#waiting.add(seeker);
      return false;
    }
    this.#running++;
    return true;
  }

  /** @internal */
  give(): void {
    this.#running--;
    // Who has nothing to start any more leaves the place to the next.
    for (const next of this.#waiting) {
      if (this.#running >= this.maxConcurrency) return;
      this.#waiting.delete(next);
      next.placeFree();
    }
  }
}
