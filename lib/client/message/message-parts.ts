// What a message says, with the specification's word where it says nothing, and its body as it is on the wire.

import type { AmqpMessage, MessageHeader } from '../../protocol/index.js';
import { rawBodyOf } from './raw-body.js';

/** A header with nothing left open but the time to live, which has no default. */
export interface CompleteHeader extends MessageHeader {
  readonly durable: boolean;
  readonly priority: number;
  readonly ttl: number | undefined;
  readonly firstAcquirer: boolean;
  readonly deliveryCount: number;
}

/** The header with the defaults of section 3.2.1 for what it, or the message, leaves out: not durable, priority 4, count 0. */
export function headerOf(message: AmqpMessage): CompleteHeader {
  const { durable = false, priority = 4, ttl, firstAcquirer = false, deliveryCount = 0 } = message.header ?? {};
  return { durable, priority, ttl, firstAcquirer, deliveryCount };
}

/** A body by its kind. `data` is one Buffer per section; `sequence` and `value` hold what the sections hold. */
export type MessageBody =
  | { readonly kind: 'data'; readonly data: readonly Buffer[] }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'sequence'; readonly sequence: readonly unknown[] }
  | { readonly kind: 'none' };

/** The body as it is on the wire, whatever a codec made of it. Sections of one message that were received are joined to one. */
export function bodyOf(message: AmqpMessage): MessageBody {
  const body = rawBodyOf(message);
  switch (message.bodyType) {
    case 'data':
      return { kind: 'data', data: Array.isArray(body) ? body.map(toBuffer) : [toBuffer(body)] };
    case 'value':
      return { kind: 'value', value: body };
    case 'sequence':
      return { kind: 'sequence', sequence: Array.isArray(body) ? body : [] };
    case 'none':
      return { kind: 'none' };
  }
}

/** A string in a data body goes out as UTF-8; it can only stand in a message that was made here. */
function toBuffer(data: unknown): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return data instanceof Uint8Array
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(String(data));
}
