// A message leaving, from the call to its outcome: one object is the link's transfer, the sweeper's entry and the signal's listener.

import type { AmqpError, AmqpMessage, Outcome, OutgoingTransfer } from '../../protocol/index.js';
import type { DeadlineEntry } from '../client-context.js';
import type { SendTokens } from '../observer/observers.js';
import type { LocalTransaction, TransactionalSend } from '../transaction/local-transaction.js';
import type { SendList } from './send-list.js';
import type { SendResult } from './send-result.js';

/** Who is told what becomes of a pending send. */
export interface SendEvents {
  settled(pending: PendingSend, outcome: Outcome | undefined, problem: string | undefined): void;
  lost(pending: PendingSend, error: AmqpError, written: boolean): void;
  expired(pending: PendingSend): void;
  aborted(pending: PendingSend): void;
}

/** What only the peer's profile can complete, once it is known. */
export interface Unfinished {
  readonly delayMs: number | undefined;
  /** The message's `to` is written as a target's string. */
  readonly address: boolean;
}

/** Mutable on purpose: nothing else is made per message. */
export class PendingSend implements OutgoingTransfer, DeadlineEntry, TransactionalSend {
  message: AmqpMessage;
  messageFormat: number | undefined = undefined;
  presettled: boolean;
  /** The body, when it is bytes that were made here and nobody else writes into. */
  ownBody: Buffer | undefined = undefined;
  /** The caller has the message too, and may write into its body. */
  isShared = false;
  /** Its body is being compressed: it keeps its place in the queue, and those behind it wait. */
  isCompressing = false;
  transaction: LocalTransaction | undefined = undefined;
  /** Ends the wait for the next try. */
  retryTimer: NodeJS.Timeout | undefined = undefined;
  deadlineAt = 0;
  sweepSlot: number | undefined = undefined;
  /** Bytes counted for the queue's bound. */
  bytes = 0;
  /** Order of the calls. */
  sequence = 0;
  attempts = 0;
  retries = 0;
  /** An earlier transfer was lost, so the peer may have the message whatever comes now. */
  inDoubt = false;
  /** Unset: by the target. */
  mandatory: boolean | undefined = undefined;
  timeoutMs = 0;
  unfinished: Unfinished | undefined = undefined;
  tokens: SendTokens | undefined = undefined;
  signal: AbortSignal | undefined = undefined;
  /** Unset: nobody waits. */
  resolve: ((result: SendResult) => void) | undefined = undefined;
  /** Unset: a failure is resolved as a result. */
  reject: ((error: unknown) => void) | undefined = undefined;
  /** The list it stands in says how far it is; none: done. */
  list: SendList | undefined = undefined;
  previous: PendingSend | undefined = undefined;
  next: PendingSend | undefined = undefined;
  readonly #events: SendEvents;

  constructor(events: SendEvents, message: AmqpMessage, presettled: boolean) {
    this.#events = events;
    this.message = message;
    this.presettled = presettled;
  }

  get transactionId(): Buffer | undefined {
    return this.transaction?.id;
  }

  settled(outcome: Outcome | undefined, problem?: string): void {
    this.#events.settled(this, outcome, problem);
  }

  failed(error: AmqpError, written: boolean): void {
    this.#events.lost(this, error, written);
  }

  expired(): void {
    this.#events.expired(this);
  }

  /** Hands the message out while it is pending: from now on its body is copied when it is written. */
  share(): AmqpMessage {
    this.isShared = true;
    this.ownBody = undefined;
    return this.message;
  }

  /** Gives it up; a message that was written may still arrive. Harmless when it is done. */
  abort(): void {
    if (this.list !== undefined) this.#events.aborted(this);
  }

  /** As the listener of its signal. */
  handleEvent(): void {
    this.abort();
  }
}
