// How much a send client may hold, and who waits for room in it.

import { AmqpError } from '../../protocol/index.js';
import { SendQueueFullError } from '../errors.js';
import type { PendingSend } from './pending-send.js';
import { SendList } from './send-list.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';

/** Counts messages and bytes that are pending; the sends that found no room stand in `waiting`. */
export class SendRoom {
  readonly waiting = new SendList();
  #messages = 0;
  #bytes = 0;
  #callers: (() => void)[] = [];

  constructor(
    private readonly address: string,
    private readonly options: ResolvedSendClientOptions,
  ) {}

  /** Messages inside. */
  get messages(): number {
    return this.#messages;
  }

  /** Takes its place at once. `false`: there is none now. */
  enter(pending: PendingSend): boolean {
    if (this.waiting.size > 0 || !this.#fits(pending)) return false;
    this.#take(pending);
    return true;
  }

  /** What a send is told that found no room. */
  refusal(pending: PendingSend, whenFull: 'fail' | 'wait' | 'queue'): SendQueueFullError | undefined {
    const { maxPendingBytes, maxPendingMessages, maxWaitingSends } = this.options;
    const text = (why: string): string => `a send to "${this.address}" failed: ${why}`;
    if (pending.bytes > maxPendingBytes)
      return AmqpError.inOwnWords(
        new SendQueueFullError(
          text(`the message has ${pending.bytes} bytes, more than maxPendingBytes (${maxPendingBytes})`),
          this.address,
          { retryable: false },
        ),
      );
    if (whenFull !== 'fail') {
      if (whenFull === 'queue' || this.waiting.size < maxWaitingSends) return undefined;
      return AmqpError.inOwnWords(
        new SendQueueFullError(text(`${maxWaitingSends} sends wait for room already (maxWaitingSends)`), this.address),
      );
    }
    const held = `${this.#messages} messages of ${this.#bytes} bytes are pending`;
    const bounds = `the bounds are maxPendingMessages ${maxPendingMessages} and maxPendingBytes ${maxPendingBytes}`;
    return AmqpError.inOwnWords(
      new SendQueueFullError(text(`${held}; ${bounds}. Await ready(), or set whenFull: 'wait'`), this.address),
    );
  }

  /** Gives its place back. Answers whether somebody may be waiting for it. */
  leave(pending: PendingSend): boolean {
    this.#messages--;
    this.#bytes -= pending.bytes;
    return this.waiting.size > 0 || this.#callers.length > 0;
  }

  /** The next of those who wait, when there is room for it now; it has taken its place. */
  admit(): PendingSend | undefined {
    const next = this.waiting.first;
    if (next !== undefined) {
      if (!this.#fits(next)) return undefined;
      this.waiting.remove(next);
      this.#take(next);
      return next;
    }
    if (this.hasRoom) this.wakeCallers();
    return undefined;
  }

  /** One more message would not be refused for the number of those before it. */
  get hasRoom(): boolean {
    const { maxPendingBytes, maxPendingMessages } = this.options;
    return this.waiting.size === 0 && this.#messages < maxPendingMessages && this.#bytes < maxPendingBytes;
  }

  /** Resolves when `hasRoom`, or when `wakeCallers` is called. */
  ready(): Promise<void> {
    return this.hasRoom ? Promise.resolve() : new Promise((resolve) => this.#callers.push(resolve));
  }

  wakeCallers(): void {
    const callers = this.#callers;
    this.#callers = [];
    for (const resolve of callers) resolve();
  }

  #fits(pending: PendingSend): boolean {
    const { maxPendingBytes, maxPendingMessages } = this.options;
    return this.#messages < maxPendingMessages && this.#bytes + pending.bytes <= maxPendingBytes;
  }

  #take(pending: PendingSend): void {
    this.#messages++;
    this.#bytes += pending.bytes;
  }
}
