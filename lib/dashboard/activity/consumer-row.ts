import type { Outcome, PolicyDecision } from '../../client/index.js';
import type { DashboardConsumer, DashboardError } from '../snapshot.js';
import { shortened } from './bounded-table.js';
import { DurationHistogram } from './duration-histogram.js';
import { Latest } from './latest.js';
import { RateRing } from './rate-ring.js';

const MOST_ERRORS = 5;
const MOST_ADDRESSES = 5;

/** What one consumer has done so far. */
export class ConsumerRow {
  readonly outcomes: Record<Outcome['kind'], number> = { accepted: 0, rejected: 0, released: 0, modified: 0 };
  readonly decisions: Record<PolicyDecision['kind'], number> = {
    retry: 0,
    settle: 0,
    redeliver: 0,
    'dead-letter': 0,
    pause: 0,
    stop: 0,
  };
  readonly rate = new RateRing();
  readonly durations = new DurationHistogram();
  readonly errors = new Latest<DashboardError>(MOST_ERRORS);
  begun = 0;
  ended = 0;
  failed = 0;
  fetched = 0;
  readonly #addresses = new Set<string>();
  #lastAddress: string | undefined;

  seenAt(address: string): void {
    if (address === this.#lastAddress) return;
    this.#lastAddress = address;
    if (this.#addresses.size < MOST_ADDRESSES) this.#addresses.add(shortened(address));
  }

  snapshot(name: string, connection: string, nowMs: number): DashboardConsumer {
    const p50Ms = this.durations.quantile(0.5);
    const p95Ms = this.durations.quantile(0.95);
    return {
      name,
      connection,
      addresses: [...this.#addresses],
      handled: this.ended,
      fetched: this.fetched,
      failed: this.failed,
      running: this.begun - this.ended,
      perSecond: this.rate.perSecond(nowMs),
      history: this.rate.counts(nowMs),
      outcomes: { ...this.outcomes },
      decisions: { ...this.decisions },
      ...(p50Ms === undefined || p95Ms === undefined ? {} : { durations: { p50Ms, p95Ms } }),
      lastErrors: this.errors.all(),
    };
  }
}
