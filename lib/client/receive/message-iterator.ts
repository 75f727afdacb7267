// A message arriving, for those who iterate: the loop's side of it.

import { RELEASED } from '../../protocol/index.js';
import type { ReceivedMessage } from '../message/received-message.js';
import type { Pull } from './pull.js';
import { FAILED_DELIVERY } from './consumer.js';

const END = { done: true, value: undefined } as const;

/** One loop over the messages of a client. */
export class MessageIterator implements AsyncIterator<ReceivedMessage, undefined> {
  #isOver = false;

  constructor(
    private readonly pull: Pull,
    private readonly signal: AbortSignal | undefined,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    if (this.#isOver || this.pull.isClosed) return END;
    let value: ReceivedMessage | undefined = undefined;
    try {
      value = await this.pull.next(this, this.signal);
    } catch (error) {
      // The loop ends with this, and nobody calls return().
      if (this.signal?.aborted === true) await this.return();
      throw error;
    }
    this.#isOver ||= value === undefined;
    return value === undefined ? END : { done: false, value };
  }

  async return(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    if (!this.#isOver) await this.pull.stop(this, RELEASED);
    this.#isOver = true;
    return END;
  }

  /** Called by hand only: a loop whose body throws calls `return`. */
  async throw(error: unknown): Promise<IteratorResult<ReceivedMessage, undefined>> {
    if (!this.#isOver) await this.pull.stop(this, FAILED_DELIVERY);
    this.#isOver = true;
    throw error;
  }
}
