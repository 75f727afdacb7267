// A message leaving: the properties section (3.2.4). Unrolled, since nearly every message has one.

import { EncodingFailure } from '../errors.js';
import { kind } from '../types/scalar-checks.js';
import { Uuid } from '../types/uuid.js';
import { writeUint32 } from '../types/write-number.js';
import { writeText } from '../types/write-text.js';
import type { MessageId, MessageProperties } from './amqp-message.js';
import { isPresent, writeSection } from './write-head.js';
import { PROPERTIES } from './sections.js';

const LAST_ULONG = 0xffff_ffff_ffff_ffffn;
const STRING = 0xa1;
const SYMBOL = 0xa3;

/** Absent fields are null, and left out at the end. */
export function writeProperties(buffer: Buffer, offset: number, properties: MessageProperties): number {
  const size = writeSection(buffer, offset, PROPERTIES) + 1;
  buffer[size - 1] = 0xd0;
  let at = size + 8;
  let end = at;
  let count = 0;
  if (isPresent(properties.messageId)) {
    at = end = writeId(buffer, at, properties.messageId, 'properties.messageId');
    count = 1;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.userId)) {
    at = end = writeBinary(buffer, at, properties.userId, 'properties.userId');
    count = 2;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.to)) {
    at = end = writeText(buffer, at, properties.to, STRING, 'properties.to');
    count = 3;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.subject)) {
    at = end = writeText(buffer, at, properties.subject, STRING, 'properties.subject');
    count = 4;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.replyTo)) {
    at = end = writeText(buffer, at, properties.replyTo, STRING, 'properties.replyTo');
    count = 5;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.correlationId)) {
    at = end = writeId(buffer, at, properties.correlationId, 'properties.correlationId');
    count = 6;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.contentType)) {
    at = end = writeText(buffer, at, properties.contentType, SYMBOL, 'properties.contentType');
    count = 7;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.contentEncoding)) {
    at = end = writeText(buffer, at, properties.contentEncoding, SYMBOL, 'properties.contentEncoding');
    count = 8;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.absoluteExpiryTime)) {
    at = end = writeTime(buffer, at, properties.absoluteExpiryTime, 'properties.absoluteExpiryTime');
    count = 9;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.creationTime)) {
    at = end = writeTime(buffer, at, properties.creationTime, 'properties.creationTime');
    count = 10;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.groupId)) {
    at = end = writeText(buffer, at, properties.groupId, STRING, 'properties.groupId');
    count = 11;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.groupSequence)) {
    at = end = writeSequence(buffer, at, properties.groupSequence);
    count = 12;
  } else buffer[at++] = 0x40;
  if (isPresent(properties.replyToGroupId)) {
    end = writeText(buffer, at, properties.replyToGroupId, STRING, 'properties.replyToGroupId');
    count = 13;
  }
  writeUint32(buffer, size, end - size - 4);
  writeUint32(buffer, size + 4, count);
  return end;
}

function writeId(buffer: Buffer, at: number, id: MessageId, path: string): number {
  if (typeof id === 'string') return writeText(buffer, at, id, STRING, path);
  if (typeof id === 'bigint') {
    if (id < 0n || id > LAST_ULONG) throw new EncodingFailure('a bigint id goes from 0 to 2^64 - 1', path);
    buffer[at] = 0x80;
    return buffer.writeBigUInt64BE(id, at + 1);
  }
  if (id instanceof Uuid) {
    buffer[at] = 0x98;
    buffer.set(id.bytes, at + 1);
    return at + 17;
  }
  if (!((id as unknown) instanceof Uint8Array))
    throw new EncodingFailure(`${kind(id)} is no id: a string, a bigint, a Buffer or a Uuid is`, path);
  return writeBinary(buffer, at, id, path);
}

/** A binary as it is, in its shorter form where that will do. */
export function writeBinary(buffer: Buffer, offset: number, bytes: Uint8Array, path: string): number {
  if (!((bytes as unknown) instanceof Uint8Array)) throw new EncodingFailure(`${kind(bytes)} is no binary`, path);
  const length = bytes.length;
  let at = offset;
  if (length < 256) {
    buffer[at++] = 0xa0;
    buffer[at++] = length;
  } else {
    buffer[at] = 0xb0;
    at = writeUint32(buffer, at + 1, length);
  }
  if (at + length > buffer.length) throw new EncodingFailure('the bytes changed while they were encoded', path);
  buffer.set(bytes, at);
  return at + length;
}

function writeTime(buffer: Buffer, at: number, date: Date, path: string): number {
  const time = (date as unknown) instanceof Date ? date.getTime() : Number.NaN;
  if (Number.isNaN(time)) throw new EncodingFailure('must be a valid Date', path);
  const high = Math.floor(time / 4_294_967_296);
  buffer[at] = 0x83;
  buffer.writeInt32BE(high, at + 1);
  return writeUint32(buffer, at + 5, time - high * 4_294_967_296);
}

function writeSequence(buffer: Buffer, at: number, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
    throw new EncodingFailure('must be uint, an integer from 0 to 4294967295', 'properties.groupSequence');
  buffer[at] = 0x70;
  return writeUint32(buffer, at + 1, value);
}
