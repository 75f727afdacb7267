// A message at the broker: the bytes as they came, shared by every queue that holds it, and what routing asks of them, decoded when asked.

import { type AmqpMessage, decodeMessageInto, decodeValue, scanValue } from '../../protocol/acceptor/index.js';
import { type BrokerHeader, readHeader } from './header.js';
import { findSections, listField, type Sections, type Slice } from './sections.js';

/** Fields of the properties section (3.2.4) by their place in the list. */
const TO = 2;
const SUBJECT = 3;
const REPLY_TO = 4;
const MESSAGE_ID = 0;
const CORRELATION_ID = 5;
const ABSOLUTE_EXPIRY_TIME = 8;

/** One message, never changed. */
export class MessageContent {
  readonly header: BrokerHeader;
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly #sections: Sections;
  #applicationProperties: Readonly<Record<string, unknown>> | undefined;

  /**
   * @param bytes owned from here on
   * @throws {DecodeError} when they are no message
   */
  constructor(
    readonly bytes: Buffer,
    readonly messageFormat = 0,
  ) {
    this.#sections = findSections(bytes, 0, bytes.length);
    this.header = readHeader(this.#value(this.#sections.header));
    this.annotations = record(this.#value(this.#sections.annotations));
  }

  /** As {@link MessageContent}, of borrowed bytes. */
  static copyOf(payload: Buffer, start: number, end: number, messageFormat: number): MessageContent {
    return new MessageContent(Buffer.from(payload.subarray(start, end)), messageFormat);
  }

  get size(): number {
    return this.bytes.length;
  }

  /** @throws {DecodeError} when one of its values is none of AMQP's */
  get applicationProperties(): Readonly<Record<string, unknown>> {
    return (this.#applicationProperties ??= record(this.#value(this.#sections.applicationProperties)));
  }

  get to(): string | undefined {
    return text(this.#property(TO));
  }

  get subject(): string | undefined {
    return text(this.#property(SUBJECT));
  }

  get replyTo(): string | undefined {
    return text(this.#property(REPLY_TO));
  }

  get messageId(): unknown {
    return this.#property(MESSAGE_ID);
  }

  get correlationId(): unknown {
    return this.#property(CORRELATION_ID);
  }

  /** Milliseconds of the epoch. */
  get absoluteExpiryTime(): number | undefined {
    const value = this.#property(ABSOLUTE_EXPIRY_TIME);
    return value instanceof Date ? value.getTime() : undefined;
  }

  /** The message annotations as they came, with their descriptor; empty when there are none. */
  get annotationsSection(): Buffer {
    const slice = this.#sections.annotations;
    if (slice === undefined) return EMPTY;
    return Buffer.concat([MESSAGE_ANNOTATIONS, this.bytes.subarray(slice.start, slice.end)]);
  }

  /** Each annotation as it came, key and value. A key that is no text stands under `undefined`, as often as there are such. */
  get annotationEntries(): readonly (readonly [key: string | undefined, bytes: Buffer])[] {
    const slice = this.#sections.annotations;
    const code = slice === undefined ? 0x40 : this.bytes[slice.start];
    if (slice === undefined || (code !== 0xc1 && code !== 0xd1)) return [];
    const entries: [string | undefined, Buffer][] = [];
    for (let at = slice.start + (code === 0xc1 ? 3 : 9); at < slice.end;) {
      const value = scanValue(this.bytes, at, slice.end);
      const end = scanValue(this.bytes, value, slice.end);
      entries.push([text(decodeValue(this.bytes, at, value)), this.bytes.subarray(at, end)]);
      at = end;
    }
    return entries;
  }

  /** Properties to footer as they came. */
  get bareMessage(): Buffer {
    return this.bytes.subarray(this.#sections.bare.start, this.#sections.bare.end);
  }

  /**
   * Every section decoded.
   *
   * @throws {DecodeError} when one cannot be
   */
  decode(): AmqpMessage {
    const message: AmqpMessage = { body: undefined, bodyType: 'none' };
    decodeMessageInto(message, this.bytes, 0, this.bytes.length);
    return message;
  }

  #property(index: number): unknown {
    const list = this.#sections.properties;
    return list === undefined ? undefined : this.#value(listField(this.bytes, list, index));
  }

  #value(slice: Slice | undefined): unknown {
    return slice === undefined ? undefined : decodeValue(this.bytes, slice.start, slice.end);
  }
}

const EMPTY = Buffer.alloc(0);
const MESSAGE_ANNOTATIONS = Buffer.from([0x00, 0x53, 0x72]);

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Keys that are no text (a map may have such) are not seen here; they travel on in the bytes. */
function record(value: unknown): Readonly<Record<string, unknown>> {
  if (value instanceof Map) {
    return Object.fromEntries([...value].filter((entry): entry is [string, unknown] => typeof entry[0] === 'string'));
  }
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
