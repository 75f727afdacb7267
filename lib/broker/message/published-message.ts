// `BrokerQueue.publish`: a value and send options -> the bytes a client would have sent.

import { randomUUID } from 'node:crypto';
import type { SendOptions } from '../../client/index.js';
import { type AmqpMessage, type BodyType, encodeMessage, InvalidOptionsError } from '../../protocol/acceptor/index.js';
import { checkNames, objectOption } from '../check-options.js';

/** A received message answers its body as it came under this key. */
const RAW_BODY = Symbol.for('nestjs-amqp10:raw-body');
const BODY_TYPES: readonly BodyType[] = ['data', 'value', 'sequence', 'none'];

/** What a queue in this process can do with. */
const NAMES: readonly (keyof SendOptions)[] = [
  'messageId',
  'to',
  'subject',
  'replyTo',
  'correlationId',
  'contentType',
  'contentEncoding',
  'groupId',
  'groupSequence',
  'userId',
  'creationTime',
  'ttlMs',
  'priority',
  'durable',
  'delayMs',
  'applicationProperties',
  'messageAnnotations',
  'deliveryAnnotations',
  'footer',
  'bodyType',
];

/**
 * @throws {InvalidOptionsError} an option that means nothing here
 * @throws {EncodingFailure} a value that has no form in AMQP
 */
export function publishedMessage(value: unknown, options: SendOptions): Buffer {
  checkNames(objectOption(options, 'options'), NAMES, '');
  return encodeMessage(isMessage(value) ? completed(value) : messageOf(value, options));
}

/** As `createMessage` makes it, or as it was received. */
function isMessage(value: unknown): value is AmqpMessage {
  if (typeof value !== 'object' || value === null || !('body' in value) || !('bodyType' in value)) return false;
  return BODY_TYPES.some((type) => type === value.bodyType);
}

function completed(message: AmqpMessage): AmqpMessage {
  const { header, messageAnnotations, properties, applicationProperties, footer, bodyType } = message;
  const body: unknown = RAW_BODY in message ? message[RAW_BODY] : message.body;
  return {
    header: { durable: true, ...header },
    messageAnnotations,
    properties,
    applicationProperties,
    footer,
    body,
    bodyType,
  };
}

function messageOf(value: unknown, options: SendOptions): AmqpMessage {
  const { ttlMs, priority, durable = true, delayMs, userId, bodyType = 'data', creationTime } = options;
  const encoded = bodyType === 'data' ? dataBody(value, options.contentType) : { body: value, contentType: undefined };
  const delay = delayMs === undefined ? {} : { 'x-opt-delivery-delay': delayMs };
  const annotations = { ...options.messageAnnotations, ...delay };
  return {
    header: { durable, priority, ttl: ttlMs },
    messageAnnotations: Object.keys(annotations).length === 0 ? undefined : annotations,
    properties: {
      messageId: options.messageId ?? randomUUID(),
      userId: userId === undefined ? undefined : Buffer.from(userId),
      to: options.to,
      subject: options.subject,
      replyTo: options.replyTo,
      correlationId: options.correlationId,
      contentType: options.contentType ?? encoded.contentType,
      contentEncoding: options.contentEncoding,
      creationTime,
      groupId: options.groupId,
      groupSequence: options.groupSequence,
    },
    applicationProperties: options.applicationProperties,
    footer: options.footer,
    body: encoded.body,
    bodyType,
  };
}

function dataBody(value: unknown, contentType: string | undefined): { body: Buffer; contentType: string } {
  if (value instanceof Uint8Array) return { body: Buffer.from(value), contentType: 'application/octet-stream' };
  const isJson = contentType !== undefined && /json\b/u.test(contentType);
  if (typeof value === 'string' && !isJson) {
    return { body: Buffer.from(value), contentType: 'text/plain; charset=utf-8' };
  }
  // `undefined` for what JSON cannot say: a function, a symbol, undefined itself.
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new InvalidOptionsError('value', 'something that JSON can say', value);
  return { body: Buffer.from(text), contentType: 'application/json' };
}
