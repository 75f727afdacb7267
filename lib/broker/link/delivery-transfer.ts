// A message leaving the broker, step 2: one delivery on a link, and what becomes of it.

import type { AmqpMessage, Outcome, ServerTransfer } from '../../protocol/acceptor/index.js';
import { ACCEPTED, RELEASED } from '../../protocol/acceptor/index.js';
import type { QueuedMessage } from '../message/queued-message.js';
import type { Queue } from '../queue/queue.js';
import type { Transactions } from '../transaction/transactions.js';

/** Stands where a message must be and the encoded bytes are looked at instead. */
export const NO_MESSAGE: AmqpMessage = Object.freeze({ body: undefined, bodyType: 'none' });

/** A message that a consumer takes away. */
export class DeliveryTransfer implements ServerTransfer {
  readonly message = NO_MESSAGE;
  readonly messageFormat: number;

  constructor(
    private readonly queue: Queue,
    private readonly queued: QueuedMessage,
    private readonly transactions: Transactions,
    readonly encoded: Buffer,
    readonly presettled: boolean,
  ) {
    this.messageFormat = queued.content.messageFormat;
  }

  settled(outcome: Outcome | undefined): void {
    // A receiver that settles without a state says nothing about the message: it is not lost for that.
    this.queue.settle(this.queued, outcome ?? (this.presettled ? ACCEPTED : RELEASED));
  }

  settledInTransaction(transactionId: Buffer, outcome: Outcome | undefined): void {
    // It stays unsettled until the discharge.
    const isHeld = this.transactions.settle(transactionId, this.queue, this.queued, outcome ?? RELEASED);
    if (!isHeld) this.queue.settle(this.queued, RELEASED);
  }

  failed(_error: unknown, written: boolean): void {
    this.queue.giveBack(this.queued, written);
  }
}

/** A copy for a link that browses: what becomes of it changes nothing. */
export class BrowseTransfer implements ServerTransfer {
  readonly message = NO_MESSAGE;

  constructor(
    readonly encoded: Buffer,
    readonly messageFormat: number,
    readonly presettled: boolean,
  ) {}

  settled(): void {
    // The message never left its queue.
  }

  settledInTransaction(): void {
    // Nor does a transaction change that.
  }

  failed(): void {
    // Nor does the end of the link.
  }
}
