// A message arriving: one delivery in hand, settled once.

import type { ServerDelivery } from '../acceptor/acceptor.js';
import type { Outcome } from '../outcome.js';
import { encodeDeclared } from './delivery-state.js';
import type { PlaneReceiver } from './receiver.js';

export class PlaneDelivery implements ServerDelivery {
  /**
   * Never used. While it lives so does the hidden class of all others, and the code that was compiled for them: where no delivery is in hand,
   * a full garbage collection would take both.
   */
  // True enough for what nobody calls.
  static readonly kept: object = new PlaneDelivery({} as PlaneReceiver, 0, '', 0, false, false, undefined);

  private answer: 'settled' | 'stale' | undefined;
  private holdsPlace = true;

  constructor(
    readonly link: PlaneReceiver,
    readonly deliveryId: number,
    private readonly tagBytes: string,
    readonly messageFormat: number,
    readonly presettled: boolean,
    readonly oversized: boolean,
    readonly transactionId: Buffer | undefined,
  ) {}

  get tag(): Buffer {
    return Buffer.from(this.tagBytes, 'latin1');
  }

  get isSettled(): boolean {
    return this.presettled || this.answer !== undefined;
  }

  settle(outcome: Outcome, transactionId?: Buffer): 'settled' | 'stale' {
    if (this.answer !== undefined) return this.answer;
    if (this.presettled) {
      this.done();
      return (this.answer = 'settled');
    }
    // Encodes first: what has no form in AMQP throws and leaves the delivery as it was.
    return this.settleAs(this.link.stateFor(outcome, transactionId));
  }

  declared(transactionId: Buffer): void {
    if (this.answer === undefined && !this.presettled) this.settleAs(encodeDeclared(transactionId));
  }

  done(): void {
    if (!this.presettled || !this.holdsPlace) return;
    this.holdsPlace = false;
    this.link.freePlace();
  }

  private settleAs(state: Buffer): 'settled' | 'stale' {
    this.holdsPlace = false;
    return (this.answer = this.link.settle(this.deliveryId, state) ? 'settled' : 'stale');
  }
}
