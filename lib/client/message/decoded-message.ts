// A message arriving: borrowed bytes -> sections, and the body as its codec reads it.

import {
  AmqpError,
  DecodeError,
  decodeMessageInto,
  ownBytes,
  type AmqpMessage,
  type IncomingDelivery,
} from '../../protocol/index.js';
import { BodyTooLarge, compressionOf, decompress, type Compression } from '../codec/compression.js';
import { batchSections, isBatch, readBatch } from './batched-message.js';
import type { DeliveryHost } from './delivery-host.js';
import { Message } from './message.js';
import { RAW } from './raw-body.js';
import type { DeliveryInfo } from './received-message.js';

/** The sections of a delivery. Made once per message, so it holds only what every message needs. */
export class DecodedMessage extends Message {
  readonly #host: DeliveryHost;
  readonly #incoming: IncomingDelivery;
  #raw: unknown = undefined;
  #compression: Compression | undefined = undefined;
  #failure: { readonly error: unknown } | undefined = undefined;

  constructor(host: DeliveryHost, incoming: IncomingDelivery) {
    super();
    this.#host = host;
    this.#incoming = incoming;
  }

  /** Fills the sections from borrowed bytes. Never throws: what cannot be read becomes `failure`. */
  read(payload: Buffer, start: number, end: number): void {
    if (this.#incoming.oversized) {
      const limit = `${this.#host.maxMessageBytes} bytes`;
      this.#fail(`is larger than maxMessageBytes (${limit}) and was discarded`, {
        code: 'message-too-large',
        condition: 'amqp:link:message-size-exceeded',
      });
      return;
    }
    try {
      decodeMessageInto(this, payload, start, end, 'borrowed');
      if (this.bodyType === 'data')
        this.body = batchSections(this.#incoming.messageFormat, payload, start, end) ?? this.body;
    } catch (cause) {
      this.#raw = Buffer.from(payload.subarray(start, end));
      this.#fail('is malformed', { cause });
      return;
    }
    this.#compression = compressionOf(this);
    if (this.#compression === undefined) this.#decode();
    else if (Buffer.isBuffer(this.body)) this.#raw = this.body = ownBytes(this.body, 0, this.body.length);
  }

  /** Its body waits for `inflate`. */
  get isCompressed(): boolean {
    return this.#compression !== undefined;
  }

  /** Decompresses and decodes the body. Never rejects: what cannot be read becomes `failure`. */
  async inflate(): Promise<void> {
    const how = this.#compression;
    if (how === undefined || !Buffer.isBuffer(this.#raw)) return;
    this.#compression = undefined;
    try {
      this.body = await decompress(this.#raw, how, this.#host.maxMessageBytes);
    } catch (cause) {
      if (cause instanceof BodyTooLarge)
        this.#fail('is larger than maxMessageBytes once it is decompressed', {
          cause,
          code: 'message-too-large',
          condition: 'amqp:link:message-size-exceeded',
        });
      else this.#fail(`has a body that cannot be decompressed (${how})`, { cause });
      return;
    }
    const raw = this.#raw;
    this.#decode();
    // Sent on, it goes as it came.
    this.#raw = raw;
  }

  /** Why it cannot be handed to a handler: it could not be read, or not be sorted into a lane. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  failBeforeHandler(error: unknown): void {
    this.#failure ??= { error };
  }

  get [RAW](): unknown {
    // Nearly nobody asks, so the bytes of a text are made again when somebody does.
    if (this.bodyType === 'data' && typeof this.#raw === 'string') this.#raw = Buffer.from(this.#raw);
    return this.#raw;
  }

  get tag(): Buffer {
    return this.#incoming.tag;
  }

  get address(): string {
    return this.#host.address;
  }

  get deliveryCount(): number {
    return this.header?.deliveryCount ?? 0;
  }

  get redelivered(): boolean {
    if (this.deliveryCount > 0 || this.header?.firstAcquirer === false) return true;
    // RabbitMQ's quorum queues count here what was only released.
    return Number(this.messageAnnotations?.['x-delivery-count'] ?? 0) > 0;
  }

  get deliveryInfo(): DeliveryInfo {
    const { tag, address, redelivered, deliveryCount } = this;
    return { tag, address, redelivered, deliveryCount, ...this.#host.routeOf?.(this) };
  }

  get messageFormat(): number {
    return this.#incoming.messageFormat;
  }

  unbatch(): AmqpMessage[] {
    const raw = this.#raw;
    return isBatch(this.messageFormat, raw) ? readBatch(raw, this.#host) : [this];
  }

  #decode(): void {
    try {
      this.#decodeBody();
    } catch (cause) {
      const type = this.properties?.contentType ?? 'no content type';
      this.#fail(`has a body that its codec cannot read (${type})`, { cause });
    }
  }

  /** The body is borrowed until it is a text, or bytes of its own. @throws whatever the codec throws */
  #decodeBody(): void {
    const { codecs } = this.#host;
    const text = codecs.textOf(this);
    if (text !== undefined && this.#takeText(text)) return;
    if (this.bodyType === 'data' && Buffer.isBuffer(this.body)) this.body = ownBytes(this.body, 0, this.body.length);
    this.#raw = this.body;
    this.body = codecs.decode(this);
  }

  /** `false`: it has no value, and `decode` will say why. */
  #takeText(text: string): boolean {
    try {
      this.body = this.#host.codecs.valueOf(text, this);
    } catch {
      return false;
    }
    this.#raw = text;
    return true;
  }

  #fail(what: string, facts: { code?: string; condition?: string; cause?: unknown }): void {
    const { code, condition = 'amqp:decode-error', cause } = facts;
    const error = AmqpError.inOwnWords(
      new DecodeError(`a message from "${this.#host.address}" ${what}`, { condition, cause }, code),
    );
    this.#failure = { error };
  }
}
