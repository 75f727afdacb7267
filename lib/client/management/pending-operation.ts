// A management request from its call to its answer: one object is the transfer, the map's entry and the sweeper's entry.

import type { AmqpError, AmqpMessage, Outcome, OutgoingTransfer } from '../../protocol/index.js';
import type { DeadlineEntry } from '../client-context.js';
import type { IncomingMessage } from '../message/incoming-message.js';

/** Who is told what becomes of it. */
export interface OperationEvents {
  expired(pending: PendingOperation): void;
  /** The peer settled the request; the answer may have come before, or come yet. */
  settled(pending: PendingOperation, outcome: Outcome | undefined): void;
  lost(pending: PendingOperation, error: AmqpError): void;
}

/** Who waits for the answer. Exactly one of the two is called, once. */
export interface AnswerHandler {
  answered(message: IncomingMessage): void;
  failed(error: unknown): void;
}

export class PendingOperation implements DeadlineEntry, OutgoingTransfer {
  readonly deadlineAt: number;
  sweepSlot: number | undefined = undefined;
  /** Handed to the link. */
  isSent = false;

  constructor(
    private readonly events: OperationEvents,
    readonly id: string,
    readonly message: AmqpMessage,
    readonly timeoutMs: number,
    readonly handler: AnswerHandler,
  ) {
    this.deadlineAt = performance.now() + timeoutMs;
  }

  expired(): void {
    this.events.expired(this);
  }

  settled(outcome: Outcome | undefined): void {
    this.events.settled(this, outcome);
  }

  failed(error: AmqpError): void {
    this.events.lost(this, error);
  }
}
