// A request from its call to its last reply: one object is the map's entry, the sweeper's entry and the signal's listener.

import type { DeadlineEntry } from '../client-context.js';
import type { ReceivedMessage } from '../message/received-message.js';
import type { MergedSendOptions } from '../message/send-options.js';
import type { RequestTokens } from '../observer/observers.js';
import type { PendingSend } from '../send/pending-send.js';

/** Who gets the replies: any number of `next`, then exactly one of the others, unless the first `next` is all that is wanted. */
export interface ReplyHandler {
  next(message: ReceivedMessage): void;
  /** No more comes. @param message the one that said so; `undefined` when it was the value itself */
  complete(message: ReceivedMessage | undefined): void;
  error(error: unknown): void;
}

/** The first reply; all of them, where one without `x-reply` is the last; or all, until whoever takes them gives it up. */
export type RepliesTaken = 'one' | 'all' | 'until-aborted';

/** Who is told what becomes of a pending request. */
export interface RequestEvents {
  expired(pending: PendingRequest): void;
  aborted(pending: PendingRequest): void;
}

export class PendingRequest implements DeadlineEntry {
  deadlineAt: number;
  sweepSlot: number | undefined = undefined;
  /** Handed to the send client. */
  isSent = false;
  /** As long as it is there, the send may be taken back. */
  send: PendingSend | undefined = undefined;
  tokens: RequestTokens | undefined = undefined;

  readonly signal: AbortSignal | undefined;

  /** @param options checked; its own, completed on its way; with the ids that its replies are known by */
  constructor(
    private readonly events: RequestEvents,
    readonly key: string,
    readonly value: unknown,
    readonly options: MergedSendOptions,
    readonly timeoutMs: number,
    readonly handler: ReplyHandler,
    readonly takes: RepliesTaken,
  ) {
    this.deadlineAt = performance.now() + timeoutMs;
    // Watched here; the send is taken back from here, too.
    this.signal = options.signal;
    options.signal = undefined;
  }

  expired(): void {
    this.events.expired(this);
  }

  /** Gives it up: the handler is told, later replies are dropped. Harmless when it is over. */
  abort(): void {
    this.events.aborted(this);
  }

  /** As the listener of its signal. */
  handleEvent(): void {
    this.abort();
  }
}
