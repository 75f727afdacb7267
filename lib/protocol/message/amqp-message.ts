import type { Uuid } from '../types/uuid.js';

/** A message id or correlation id (AMQP 1.0 section 3.2.11 to 3.2.14). A bigint travels as ulong. */
export type MessageId = string | bigint | Buffer | Uuid;

/** The header section (3.2.1). */
export interface MessageHeader {
  durable?: boolean | undefined;
  /** 0 to 255; the peer assumes 4. */
  priority?: number | undefined;
  /** Milliseconds, 0 to 2^32 - 1. */
  ttl?: number | undefined;
  firstAcquirer?: boolean | undefined;
  deliveryCount?: number | undefined;
}

/** The properties section (3.2.4). */
export interface MessageProperties {
  messageId?: MessageId | undefined;
  userId?: Buffer | undefined;
  to?: string | undefined;
  subject?: string | undefined;
  replyTo?: string | undefined;
  correlationId?: MessageId | undefined;
  contentType?: string | undefined;
  contentEncoding?: string | undefined;
  absoluteExpiryTime?: Date | undefined;
  creationTime?: Date | undefined;
  groupId?: string | undefined;
  groupSequence?: number | undefined;
  replyToGroupId?: string | undefined;
}

/** Which kind of body section a message has (section 3.2.6 to 3.2.8). `none`: it has none. */
export type BodyType = 'data' | 'value' | 'sequence' | 'none';

/** A message's sections under their names in the specification. An absent section is `undefined`. */
export interface AmqpMessage {
  header?: MessageHeader | undefined;
  deliveryAnnotations?: Record<string, unknown> | undefined;
  messageAnnotations?: Record<string, unknown> | undefined;
  properties?: MessageProperties | undefined;
  applicationProperties?: Record<string, unknown> | undefined;
  footer?: Record<string, unknown> | undefined;
  /**
   * Outgoing, by `bodyType`: `data`: a Buffer, Uint8Array, a string (written as UTF-8) or an array of Buffers (one section
   * each); `value`: any value the type system can say; `sequence`: an array; `none`: not looked at.
   * Incoming, before a codec saw it: `data`: a Buffer, several sections joined; `sequence`: an array, several sections joined.
   */
  body: unknown;
  bodyType: BodyType;
  /** The transfer's message-format (section 2.7.5). Absent: 0, a message as section 3.2 has it. */
  readonly messageFormat?: number | undefined;
}
