import type { AmqpMessage } from '../../protocol/index.js';

/** A received message answers its body under this key as it came, before a codec saw it. */
export const RAW = Symbol.for('nestjs-amqp10:raw-body');

/** The body that goes on the wire when the message is sent on. */
export function rawBodyOf(message: AmqpMessage): unknown {
  return RAW in message ? message[RAW] : message.body;
}
