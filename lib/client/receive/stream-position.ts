// A message arriving from a log (a RabbitMQ stream): where to go on reading when the link was lost.

import type { IncomingMessage } from '../message/incoming-message.js';

const OFFSET = 'x-stream-offset';

/** Follows what one consumer has handled of a log, which delivers nothing a second time by itself. */
export class StreamPosition {
  #next: bigint | undefined = undefined;
  /** Those that were not settled when it was looked at last, and those after them. */
  #open: IncomingMessage[] = [];
  #roomFor = 64;

  arrived(message: IncomingMessage): void {
    const offset = offsetOf(message);
    if (offset === undefined) return;
    this.#next = offset + 1n;
    if (message.settled) return;
    this.#open.push(message);
    if (this.#open.length <= this.#roomFor) return;
    this.#open = this.#open.filter((one) => !one.settled);
    this.#roomFor = Math.max(64, 2 * this.#open.length);
  }

  /** The first offset that is not handled; what stands behind it comes again. `undefined`: nothing came yet. */
  resume(): bigint | undefined {
    const first = this.#open.find((one) => !one.settled);
    if (first !== undefined) this.#next = offsetOf(first);
    this.#open = [];
    return this.#next;
  }
}

function offsetOf(message: IncomingMessage): bigint | undefined {
  const offset = message.messageAnnotations?.[OFFSET];
  if (typeof offset === 'bigint') return offset;
  return typeof offset === 'number' && Number.isSafeInteger(offset) ? BigInt(offset) : undefined;
}
