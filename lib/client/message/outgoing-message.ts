// A message leaving, first step: value and options -> sections.

import type { AmqpMessage, MessageHeader, MessageId, MessageProperties } from '../../protocol/index.js';
import type { CodecRegistry, EncodedBody } from '../codec/codec-registry.js';
import type { MessageIds } from './message-ids.js';
import { isAmqpMessage, Message } from './message.js';
import { RAW, rawBodyOf } from './raw-body.js';
import type { SendOptions } from './send-options.js';

/** The header of nearly every message. Shared, so that it costs nothing. */
const DURABLE: MessageHeader = Object.freeze({
  durable: true,
  priority: undefined,
  ttl: undefined,
  firstAcquirer: undefined,
  deliveryCount: undefined,
});

/** Makes messages of values for one client. */
export class OutgoingMessages {
  constructor(
    private readonly codecs: CodecRegistry,
    private readonly ids: MessageIds,
  ) {}

  /**
   * @param options already checked
   * @throws whatever the codec throws
   */
  make(value: unknown, options: SendOptions | undefined): AmqpMessage {
    if (typeof value === 'object' && value !== null && isAmqpMessage(value)) return this.#remake(value, options);
    const message = new Message();
    if (options === undefined) {
      const { body, bodyType, contentType } = this.codecs.encode(value, undefined);
      message.header = DURABLE;
      message.properties = properties(this.ids.next(), contentType);
      message.body = body;
      message.bodyType = bodyType;
      return message;
    }
    const { body, bodyType, contentType } = this.#encode(value, options);
    message.header = header(options);
    message.properties = withOptions(properties(options.messageId ?? this.ids.next(), contentType), options);
    message.body = body;
    message.bodyType = bodyType;
    return withMaps(message, options);
  }

  #encode(value: unknown, { bodyType, contentType }: SendOptions): EncodedBody {
    if (bodyType === undefined || bodyType === 'data') return this.codecs.encode(value, contentType);
    if (bodyType === 'sequence' && !Array.isArray(value))
      throw new TypeError("a body of type 'sequence' must be an array");
    return { body: value, bodyType, contentType };
  }

  /** A message of the user's, or a received one that is sent on: its sections, with the options over them. */
  #remake(given: AmqpMessage, options: SendOptions = {}): AmqpMessage {
    const received = RAW in given;
    const message = new Message();
    // What belongs to the delivery that brought a message does not go on with it: its count, its time left, its hop's annotations.
    message.header = header({
      durable: options.durable ?? given.header?.durable,
      priority: options.priority ?? given.header?.priority,
      ttlMs: options.ttlMs ?? (received ? undefined : given.header?.ttl),
    });
    const own = given.properties;
    const id = options.messageId ?? own?.messageId ?? this.ids.next();
    message.properties = withOptions({ ...properties(id, undefined), ...own, messageId: id }, options);
    if (options.contentType !== undefined) message.properties.contentType = options.contentType;
    message.deliveryAnnotations = received ? undefined : given.deliveryAnnotations;
    message.messageAnnotations = given.messageAnnotations;
    message.applicationProperties = given.applicationProperties;
    message.footer = given.footer;
    message.body = rawBodyOf(given);
    message.bodyType = given.bodyType;
    // Only on the few that have one, so that all others keep one shape.
    if (given.messageFormat !== undefined && given.messageFormat !== 0)
      Object.assign(message, { messageFormat: given.messageFormat });
    return withMaps(message, options);
  }
}

function header({ durable = true, priority, ttlMs }: SendOptions): MessageHeader {
  if (durable && priority === undefined && ttlMs === undefined) return DURABLE;
  return { durable, priority, ttl: ttlMs, firstAcquirer: undefined, deliveryCount: undefined };
}

/** In the specification's order and always all of them: one shape for the encoder. */
function properties(messageId: MessageId, contentType: string | undefined): MessageProperties {
  return {
    messageId,
    userId: undefined,
    to: undefined,
    subject: undefined,
    replyTo: undefined,
    correlationId: undefined,
    contentType,
    contentEncoding: undefined,
    absoluteExpiryTime: undefined,
    creationTime: undefined,
    groupId: undefined,
    groupSequence: undefined,
    replyToGroupId: undefined,
  };
}

function withOptions(target: MessageProperties, options: SendOptions): MessageProperties {
  if (options.userId !== undefined) target.userId = Buffer.from(options.userId);
  if (options.to !== undefined) target.to = options.to;
  if (options.subject !== undefined) target.subject = options.subject;
  if (options.replyTo !== undefined) target.replyTo = options.replyTo;
  if (options.correlationId !== undefined) target.correlationId = options.correlationId;
  if (options.contentEncoding !== undefined) target.contentEncoding = options.contentEncoding;
  if (options.creationTime !== undefined) target.creationTime = options.creationTime;
  if (options.groupId !== undefined) target.groupId = options.groupId;
  if (options.groupSequence !== undefined) target.groupSequence = options.groupSequence;
  return target;
}

function withMaps(message: Message, options: SendOptions): Message {
  if (options.applicationProperties !== undefined)
    message.applicationProperties = join(message.applicationProperties, options.applicationProperties);
  if (options.messageAnnotations !== undefined)
    message.messageAnnotations = join(message.messageAnnotations, options.messageAnnotations);
  if (options.deliveryAnnotations !== undefined) message.deliveryAnnotations = options.deliveryAnnotations;
  if (options.footer !== undefined) message.footer = options.footer;
  return message;
}

function join(own: Record<string, unknown> | undefined, added: Record<string, unknown>): Record<string, unknown> {
  return own === undefined ? added : { ...own, ...added };
}
