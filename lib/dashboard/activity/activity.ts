import type { DashboardFailure, DashboardRates } from '../snapshot.js';
import { Latest } from './latest.js';
import { BUCKET_MS, RateRing } from './rate-ring.js';

/** What all connections of one application have in common. */
export class Activity {
  readonly received = new RateRing();
  readonly sent = new RateRing();
  readonly failed = new RateRing();
  readonly failures: Latest<DashboardFailure>;

  /**
   * @param maxAddresses rows of each table of each connection
   * @param now milliseconds of a clock that never goes back
   * @param startedAt epoch milliseconds of that clock's zero
   */
  constructor(
    readonly maxAddresses: number,
    maxFailures: number,
    readonly now: () => number = () => performance.now(),
    private readonly startedAt: number = performance.timeOrigin,
  ) {
    this.failures = new Latest(maxFailures);
  }

  /** Epoch milliseconds of a moment of the clock. */
  dated(nowMs: number): number {
    return Math.round(this.startedAt + nowMs);
  }

  rates(nowMs: number): DashboardRates {
    return {
      bucketMs: BUCKET_MS,
      received: this.received.counts(nowMs),
      sent: this.sent.counts(nowMs),
      failed: this.failed.counts(nowMs),
    };
  }
}
