// Who waits for one link to be attached. Each hears of it once, or gives up by its own signal.

import { raceSignal } from '../deadline.js';

export class AttachWaiters {
  readonly #waiting = new Set<{ resolve(): void; reject(error: Error): void }>();

  /**
   * Resolves or rejects as {@link settle} says; rejects with the signal's reason when that comes first.
   *
   * @param wish runs when the place is taken, so that an answer which comes at once is heard
   */
  async wait(signal: AbortSignal, wish: () => void): Promise<void> {
    let place: { resolve(): void; reject(error: Error): void } | undefined;
    const attached = new Promise<void>((resolve, reject) => {
      place = { resolve, reject };
      this.#waiting.add(place);
    });
    wish();
    try {
      await raceSignal(attached, signal);
    } finally {
      if (place !== undefined) this.#waiting.delete(place);
    }
  }

  /** `undefined`: it is attached. */
  settle(error: Error | undefined): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const place of waiting) {
      if (error === undefined) place.resolve();
      else place.reject(error);
    }
  }
}
