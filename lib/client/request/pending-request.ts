// A request from its call to its last reply: one object is the map's entry, the sweeper's entry and the signal's listener.

import type { DeadlineEntry } from '../client-context.js';
import type { ReceivedMessage } from '../message/received-message.js';
import type { SendOptions } from '../message/send-options.js';

/** Who gets the replies: any number of `next`, then exactly one of the others, unless the first `next` is all that is wanted. */
export interface ReplyHandler {
  next(message: ReceivedMessage): void;
  /** No more comes. @param message the one that said so; `undefined` when it was the value itself */
  complete(message: ReceivedMessage | undefined): void;
  error(error: unknown): void;
}

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

  /** @param options checked, with the ids that its replies are known by */
  constructor(
    private readonly events: RequestEvents,
    readonly key: string,
    readonly value: unknown,
    readonly options: SendOptions,
    readonly timeoutMs: number,
    readonly handler: ReplyHandler,
    readonly takes: 'one' | 'all',
  ) {
    this.deadlineAt = performance.now() + timeoutMs;
  }

  expired(): void {
    this.events.expired(this);
  }

  /** As the listener of its signal. */
  handleEvent(): void {
    this.events.aborted(this);
  }
}
