// A message arriving: ... the values of your method -> (here) -> replies, no more at once than the requester's peer takes.

import { RpcException } from '@nestjs/microservices';

import type { Reply } from './replies.js';

/** Replies of one stream whose acceptance is waited for at once. */
const MOST_AT_ONCE = 100;
/** Values of an Observable that may wait; it cannot be told to wait itself. */
const MOST_WAITING = 100_000;

/** An Observable gave values faster than they could be sent, for too long. */
export class StreamOverflowError extends RpcException {
  constructor() {
    super(`a stream of replies had ${MOST_WAITING} values waiting; an async iterable waits itself`);
  }
}

/** The values that one request is answered with, in order. Without a reply they go nowhere. */
export class ReplyStream {
  private waiting: unknown[] = [];
  private next = 0;
  private sending = 0;
  private refused = false;
  private waker: (() => void) | undefined;

  /** @param onRefused nobody takes any more of it */
  constructor(
    private readonly reply: Reply | undefined,
    private readonly onRefused: () => void = () => undefined,
  ) {}

  /** Nobody takes any more of it. */
  get isRefused(): boolean {
    return this.refused;
  }

  /**
   * Sends it as soon as there is room.
   *
   * @throws StreamOverflowError when too many wait already
   */
  push(value: unknown): void {
    if (this.reply === undefined || this.refused) return;
    if (this.waiting.length - this.next >= MOST_WAITING) {
      this.waiting = [];
      this.next = 0;
      throw new StreamOverflowError();
    }
    this.waiting.push(value);
    this.pump();
  }

  /** Takes a value at a time, each when there is room for it. Rejects with what the iterable fails with. */
  async pull(values: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
    // Leaving the loop lets the iterable go.
    for await (const value of values) {
      if (signal.aborted) return;
      this.push(value);
      while (this.sending >= MOST_AT_ONCE && !this.refused && !signal.aborted) await this.progress();
      if (this.refused || signal.aborted) return;
    }
  }

  /** Resolves when every value is sent, or nobody takes them. */
  async flushed(): Promise<void> {
    while (!this.refused && (this.sending > 0 || this.next < this.waiting.length)) await this.progress();
  }

  /** The end; resolves when all of it is sent. */
  async end(): Promise<void> {
    await this.flushed();
    if (!this.refused) await this.reply?.complete();
  }

  /** A reply is through. They all are in time: each has a deadline. */
  private progress(): Promise<void> {
    return new Promise((resolve) => {
      this.waker = resolve;
    });
  }

  private pump(): void {
    while (this.sending < MOST_AT_ONCE && this.next < this.waiting.length) {
      const value = this.waiting[this.next];
      this.waiting[this.next] = undefined;
      this.next += 1;
      this.send(value);
    }
    // What is through goes now and then, not at each value.
    if (this.next === this.waiting.length || this.next > 1_000) {
      this.waiting = this.waiting.slice(this.next);
      this.next = 0;
    }
  }

  private send(value: unknown): void {
    this.sending += 1;
    void this.reply
      ?.next(value)
      .catch(() => false) // an encoder that fails: the value cannot be told
      .then((isTaken) => {
        this.sending -= 1;
        if (!isTaken && !this.refused) {
          this.refused = true;
          this.waiting = [];
          this.next = 0;
          this.onRefused();
        }
        this.pump();
        const { waker } = this;
        this.waker = undefined;
        waker?.();
      });
  }
}

/** An async generator's iterator, a readable stream: something that is asked for each value. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
