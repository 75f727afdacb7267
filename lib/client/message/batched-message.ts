// A message arriving within a batch: one data section -> sections, and the body as its codec reads it.

import {
  BATCH_FORMAT,
  DecodeError,
  decodeDataSections,
  decodeMessageInto,
  type AmqpMessage,
} from '../../protocol/index.js';
import type { CodecRegistry } from '../codec/codec-registry.js';
import { Message } from './message.js';
import { RAW } from './raw-body.js';

/** As received, but without a delivery of its own: the batch is settled as a whole. */
class BatchedMessage extends Message {
  #raw: unknown = undefined;

  read(bytes: Buffer, codecs: CodecRegistry): this {
    decodeMessageInto(this, bytes, 0, bytes.length);
    this.#raw = this.body;
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
export function readBatch(sections: readonly Buffer[], address: string, codecs: CodecRegistry): AmqpMessage[] {
  return sections.map((bytes, index) => {
    try {
      return new BatchedMessage().read(bytes, codecs);
    } catch (cause) {
      const facts = { condition: 'amqp:decode-error', cause };
      throw new DecodeError(
        `message ${index + 1} of ${sections.length} in a batch from "${address}" cannot be read`,
        facts,
      );
    }
  });
}
