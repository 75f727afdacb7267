// A message leaving: sections -> bytes, straight into the buffer they are sent from.

import { EncodingFailure } from '../errors.js';
import { ByteWriter, writeSymbolMap, writeValue } from '../types/encode.js';
import { failureAt } from '../types/failure-path.js';
import { checkWellFormed, kind } from '../types/scalar-checks.js';
import { isPlain, isScalar } from '../types/value-kind.js';
import { writeNumber, writeUint32 } from '../types/write-number.js';
import { writeText } from '../types/write-text.js';
import type { AmqpMessage, MessageHeader } from './amqp-message.js';
import { writeBinary, writeProperties } from './encode-properties.js';
import * as section from './sections.js';
import { boundBeforeBody, encodedSizeBound } from './size-bound.js';
import { isPresent, writeSection } from './write-head.js';

export { encodedSizeBound } from './size-bound.js';

/** Descriptor, type code and length of a data section. */
const DATA_HEAD = 8;

/**
 * The sections of a message in a buffer of their own.
 * @throws {EncodingFailure} a value in it has no form in AMQP; the path names it
 */
export function encodeMessage(message: AmqpMessage): Buffer {
  const buffer = Buffer.allocUnsafe(encodedSizeBound(message));
  return buffer.subarray(0, encodeMessageInto(buffer, 0, message));
}

/**
 * What stands before the bytes of a data body that is not copied: the other sections, and the section's head. No footer is written.
 * @throws {EncodingFailure} a value in the message has no form in AMQP; the path names it
 */
export function encodeBeforeBody(message: AmqpMessage, bodyBytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(boundBeforeBody(message) + DATA_HEAD);
  const at = writeSection(buffer, writeBeforeBody(buffer, 0, message), section.DATA);
  buffer[at] = 0xb0;
  const end = writeUint32(buffer, at + 1, bodyBytes);
  checkRoom(buffer, end);
  return buffer.subarray(0, end);
}

/**
 * Writes the sections at `offset` and answers where they end. The buffer must have room for `encodedSizeBound(message)` from there.
 * What is behind the answered end, or behind `offset` after a failure, is undefined.
 * @throws {EncodingFailure} a value in the message has no form in AMQP; the path names it
 */
export function encodeMessageInto(buffer: Buffer, offset: number, message: AmqpMessage): number {
  let at = writeBody(buffer, writeBeforeBody(buffer, offset, message), message);
  if (message.footer) at = writeAnnotations(buffer, at, section.FOOTER, message.footer, 'footer');
  checkRoom(buffer, at);
  return at;
}

/** Only a getter that answers something larger the second time can bring about that there was none. */
function checkRoom(buffer: Buffer, end: number): void {
  if (end > buffer.length) throw new EncodingFailure('the message changed while it was encoded');
}

function writeBeforeBody(buffer: Buffer, offset: number, message: AmqpMessage): number {
  let at = offset;
  if (message.header) at = writeHeader(buffer, at, message.header);
  if (message.deliveryAnnotations)
    at = writeAnnotations(buffer, at, section.DELIVERY_ANNOTATIONS, message.deliveryAnnotations, 'deliveryAnnotations');
  if (message.messageAnnotations)
    at = writeAnnotations(buffer, at, section.MESSAGE_ANNOTATIONS, message.messageAnnotations, 'messageAnnotations');
  if (message.properties) at = writeProperties(buffer, at, message.properties);
  if (message.applicationProperties) at = writeApplicationProperties(buffer, at, message.applicationProperties);
  return at;
}

function writeHeader(buffer: Buffer, offset: number, header: MessageHeader): number {
  let at = writeSection(buffer, offset, section.HEADER);
  buffer[at] = 0xc0;
  const size = at + 1;
  at += 3;
  let end = at;
  let count = 0;
  const { durable, priority, ttl, firstAcquirer, deliveryCount } = header;
  if (isPresent(durable)) {
    buffer[at++] = durable ? 0x41 : 0x42;
    end = at;
    count = 1;
  } else buffer[at++] = 0x40;
  if (isPresent(priority)) {
    buffer[at++] = 0x50;
    buffer[at++] = check(priority, 'ubyte', 255, 'header.priority');
    end = at;
    count = 2;
  } else buffer[at++] = 0x40;
  if (isPresent(ttl)) {
    buffer[at] = 0x70;
    at = end = writeUint32(buffer, at + 1, check(ttl, 'uint', 0xffff_ffff, 'header.ttl'));
    count = 3;
  } else buffer[at++] = 0x40;
  if (isPresent(firstAcquirer)) {
    buffer[at++] = firstAcquirer ? 0x41 : 0x42;
    end = at;
    count = 4;
  } else buffer[at++] = 0x40;
  if (isPresent(deliveryCount)) {
    buffer[at] = 0x70;
    end = writeUint32(buffer, at + 1, check(deliveryCount, 'uint', 0xffff_ffff, 'header.deliveryCount'));
    count = 5;
  }
  buffer[size] = end - size - 1;
  buffer[size + 1] = count;
  return end;
}

function check(value: number, type: string, most: number, path: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new EncodingFailure(`must be ${type}, an integer from 0 to ${most}`, path);
}

function writeAnnotations(buffer: Buffer, offset: number, code: number, record: unknown, path: string): number {
  return writeWith(buffer, writeSection(buffer, offset, code), path, (out) => writeSymbolMap(out, record));
}

/** Whatever is not written by hand. */
function writeWith(buffer: Buffer, offset: number, path: string, write: (out: ByteWriter) => void): number {
  const out = new ByteWriter(buffer, offset);
  try {
    write(out);
  } catch (error) {
    throw failureAt(path, error);
  }
  if (out.buffer !== buffer) throw new EncodingFailure('the value changed while it was encoded', path);
  return out.position;
}

function writeApplicationProperties(buffer: Buffer, offset: number, record: Record<string, unknown>): number {
  if (!isPlain(record)) throw new EncodingFailure(`${kind(record)} is no map`, 'applicationProperties');
  let at = writeSection(buffer, offset, section.APPLICATION_PROPERTIES);
  buffer[at] = 0xd1;
  const size = at + 1;
  at += 9;
  let count = 0;
  let key = '';
  try {
    for (key in record) {
      at = writeText(buffer, at, key, 0xa1, '');
      at = writeSimple(buffer, at, record[key]);
      count += 2;
    }
  } catch (error) {
    throw failureAt('applicationProperties', failureAt(key, error));
  }
  writeUint32(buffer, size, at - size - 4);
  writeUint32(buffer, size + 4, count);
  return at;
}

/** A value of the application properties: section 3.2.5 allows no lists, maps and arrays. */
function writeSimple(buffer: Buffer, offset: number, value: unknown): number {
  if (typeof value === 'string') return writeText(buffer, offset, value, 0xa1, '');
  if (typeof value === 'number') return writeNumber(buffer, offset, value);
  if (value === undefined || value === null) {
    buffer[offset] = 0x40;
    return offset + 1;
  }
  if (typeof value === 'boolean') {
    buffer[offset] = value ? 0x41 : 0x42;
    return offset + 1;
  }
  if (typeof value === 'object' && !isScalar(value))
    throw new EncodingFailure('application properties hold simple values only: no lists, maps and other objects');
  const out = new ByteWriter(buffer, offset);
  writeValue(out, value);
  if (out.buffer !== buffer) throw new EncodingFailure('the value changed while it was encoded');
  return out.position;
}

function writeBody(buffer: Buffer, offset: number, message: AmqpMessage): number {
  const body = message.body;
  switch (message.bodyType) {
    case 'data':
      return Array.isArray(body) ? writeParts(buffer, offset, body) : writeData(buffer, offset, body, 'body');
    case 'value': {
      const start = writeSection(buffer, offset, section.VALUE);
      return writeWith(buffer, start, 'body', (out) => writeValue(out, body));
    }
    case 'sequence': {
      if (!Array.isArray(body)) throw new EncodingFailure(`${kind(body)} is no sequence`, 'body');
      const start = writeSection(buffer, offset, section.SEQUENCE);
      return writeWith(buffer, start, 'body', (out) => writeValue(out, body));
    }
    case 'none': {
      const at = writeSection(buffer, offset, section.VALUE);
      buffer[at] = 0x40;
      return at + 1;
    }
  }
}

function writeParts(buffer: Buffer, offset: number, parts: readonly unknown[]): number {
  let at = offset;
  for (let i = 0; i < parts.length; i++) at = writeData(buffer, at, parts[i], `body[${i}]`);
  return at;
}

function writeData(buffer: Buffer, offset: number, body: unknown, path: string): number {
  const at = writeSection(buffer, offset, section.DATA);
  if (body instanceof Uint8Array) return writeBinary(buffer, at, body, path);
  if (typeof body !== 'string')
    throw new EncodingFailure(`${kind(body)} is no data: a Buffer, a Uint8Array or a string is`, path);
  const length = buffer.write(body, at + 5);
  checkWellFormed(body, length, path);
  buffer[at] = 0xb0;
  return writeUint32(buffer, at + 1, length) + length;
}
