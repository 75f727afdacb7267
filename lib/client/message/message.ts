import type { AmqpMessage, BodyType, MessageHeader, MessageProperties } from '../../protocol/index.js';

const BRAND = Symbol.for('nestjs-amqp10:message');

/** All sections in a fixed order, so that every message has one shape for the encoder and the decoder. */
export class Message implements AmqpMessage {
  header: MessageHeader | undefined = undefined;
  deliveryAnnotations: Record<string, unknown> | undefined = undefined;
  messageAnnotations: Record<string, unknown> | undefined = undefined;
  properties: MessageProperties | undefined = undefined;
  applicationProperties: Record<string, unknown> | undefined = undefined;
  footer: Record<string, unknown> | undefined = undefined;
  body: unknown = undefined;
  bodyType: BodyType = 'none';

  /** @internal */
  get [BRAND](): true {
    return true;
  }
}

/** Whether it was made by `createMessage` or received, in either module format: what `send` takes as it is. */
export function isAmqpMessage(value: unknown): value is AmqpMessage {
  return typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === true;
}
