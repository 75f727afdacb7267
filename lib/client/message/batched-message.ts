// A message arriving within a batch: one data section -> sections, and the body as its codec reads it.

import {
  AmqpError,
  BATCH_FORMAT,
  DecodeError,
  decodeDataSections,
  decodeMessageInto,
  type AmqpMessage,
} from '../../protocol/index.js';
import type { CodecRegistry } from '../codec/codec-registry.js';
import { BodyTooLarge, compressionOf, decompressNow } from '../codec/compression.js';
import { Message } from './message.js';
import { RAW } from './raw-body.js';

/** Where a batch came from. */
export interface BatchHost {
  readonly address: string;
  readonly maxMessageBytes: number;
  readonly codecs: CodecRegistry;
}

/** As received, but without a delivery of its own: the batch is settled as a whole. */
class BatchedMessage extends Message {
  #raw: unknown = undefined;
  /** What its body grew to; 0: it was not compressed. */
  inflatedBytes = 0;

  /** @throws BodyTooLarge when its body is larger than that once it is decompressed; whatever the decoders throw */
  read(bytes: Buffer, codecs: CodecRegistry, maxInflatedBytes: number): this {
    decodeMessageInto(this, bytes, 0, bytes.length);
    // Sent on, it goes as it came.
    this.#raw = this.body;
    const how = compressionOf(this);
    if (how !== undefined && Buffer.isBuffer(this.body)) {
      const inflated = decompressNow(this.body, how, maxInflatedBytes);
      this.inflatedBytes = inflated.length;
      this.body = inflated;
    }
    this.body = codecs.decode(this);
    return this;
  }

  get [RAW](): unknown {
    return this.#raw;
  }
}

/** The data sections of a batch's payload, copied; `undefined` when it is no batch. @throws DecodeError */
export function batchSections(format: number, payload: Buffer, start: number, end: number): Buffer[] | undefined {
  if (format !== BATCH_FORMAT) return undefined;
  return decodeDataSections(payload, start, end).map((section) => Buffer.from(section));
}

/** Whether the raw body of a received message is what `batchSections` made of it. */
export function isBatch(format: number, raw: unknown): raw is Buffer[] {
  return format === BATCH_FORMAT && Array.isArray(raw);
}

/** @throws DecodeError naming the first that cannot be read */
export function readBatch(sections: readonly Buffer[], host: BatchHost): AmqpMessage[] {
  const { address, codecs, maxMessageBytes } = host;
  let inflatedBytes = 0;
  return sections.map((bytes, index) => {
    try {
      const message = new BatchedMessage().read(bytes, codecs, maxMessageBytes - inflatedBytes);
      inflatedBytes += message.inflatedBytes;
      return message;
    } catch (cause) {
      const which = `message ${index + 1} of ${sections.length} in a batch from "${address}"`;
      throw cause instanceof BodyTooLarge ? tooLarge(which, cause) : unreadable(which, cause);
    }
  });
}

function unreadable(which: string, cause: unknown): DecodeError {
  return AmqpError.inOwnWords(new DecodeError(`${which} cannot be read`, { condition: 'amqp:decode-error', cause }));
}

function tooLarge(which: string, cause: BodyTooLarge): DecodeError {
  const facts = { condition: 'amqp:link:message-size-exceeded', cause };
  return AmqpError.inOwnWords(
    new DecodeError(
      `${which} makes it larger than maxMessageBytes once it is decompressed`,
      facts,
      'message-too-large',
    ),
  );
}
