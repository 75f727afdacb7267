import type { DashboardSender } from '../snapshot.js';
import { RateRing } from './rate-ring.js';

/** What was sent to one address so far. */
export class SenderRow {
  readonly rate = new RateRing();
  /** By code: SendError has few. */
  readonly failed = new Map<string, number>();
  sent = 0;
  pending = 0;

  snapshot(address: string, connection: string, nowMs: number): DashboardSender {
    return {
      address,
      connection,
      sent: this.sent,
      failed: Object.fromEntries(this.failed),
      pending: this.pending,
      perSecond: this.rate.perSecond(nowMs),
      history: this.rate.counts(nowMs),
    };
  }
}
