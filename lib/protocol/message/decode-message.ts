// A message arriving: bytes -> sections.

import { DecodeError } from '../errors.js';
import { Cursor } from '../types/cursor.js';
import { readDescriptor, readRecord, readValue } from '../types/decode.js';
import { ownBytes } from '../types/own-bytes.js';
import type { AmqpMessage, BodyType, MessageHeader } from './amqp-message.js';
import { readProperties } from './decode-properties.js';
import * as section from './sections.js';

/**
 * One for all messages, which are read one after the other without a call to anybody else. A new one for each would leave none alive between
 * two messages: a full garbage collection then takes its hidden class, and with that all code that was compiled for it.
 */
const READER = new Cursor();

/**
 * Fills `target` with the sections in `buffer[start, end)`. Sections that are absent are left alone; body and bodyType are always
 * set. Several data sections are joined, and so are several sequences. Nothing in the target refers to the buffer, except bodies
 * and binaries that fill half of its memory (see `ownBytes`); with `borrowed`, the bytes of a single data section are a view of it.
 * @throws {DecodeError} not a well-formed message: sections repeated, out of order or unknown, bytes after the last one; the target
 *   may then hold some of them
 */
export function decodeMessageInto(
  target: AmqpMessage,
  buffer: Buffer,
  start: number,
  end: number,
  data: 'own' | 'borrowed' = 'own',
): void {
  const cursor = READER.open(buffer, start, end);
  try {
    readSections(target, cursor, data);
  } finally {
    cursor.close();
  }
}

function readSections(target: AmqpMessage, cursor: Cursor, data: 'own' | 'borrowed'): void {
  const { buffer } = cursor;
  let last = 0;
  let bodyType: BodyType = 'none';
  let body: unknown;
  let dataStart = 0;
  let dataEnd = 0;
  let parts: Buffer[] | undefined;
  while (cursor.position < cursor.end) {
    const code = readSection(cursor);
    if (code <= last && !(code === last && (code === section.DATA || code === section.SEQUENCE)))
      throw new DecodeError('a section of the message is repeated or out of order');
    if (code > section.DATA && code < section.FOOTER && code !== last && bodyType !== 'none')
      throw new DecodeError('the message has bodies of two kinds');
    switch (code) {
      case section.HEADER:
        target.header = readHeader(cursor);
        break;
      case section.DELIVERY_ANNOTATIONS:
        target.deliveryAnnotations = readRecord(cursor, 'text or number');
        break;
      case section.MESSAGE_ANNOTATIONS:
        target.messageAnnotations = readRecord(cursor, 'text or number');
        break;
      case section.PROPERTIES:
        target.properties = readProperties(cursor);
        break;
      case section.APPLICATION_PROPERTIES:
        target.applicationProperties = readRecord(cursor, 'text');
        break;
      case section.DATA: {
        const length = cursor.binaryLength();
        if (length < 0) throw new DecodeError('a data section holds null');
        if (bodyType === 'data') (parts ??= [buffer.subarray(dataStart, dataEnd)]).push(view(cursor, length));
        bodyType = 'data';
        dataStart = cursor.position - length;
        dataEnd = cursor.position;
        break;
      }
      case section.SEQUENCE: {
        const items = readValue(cursor);
        if (!Array.isArray(items)) throw new DecodeError('a sequence section holds no list');
        if (bodyType === 'sequence' && Array.isArray(body)) for (const item of items) body.push(item);
        else body = items;
        bodyType = 'sequence';
        break;
      }
      case section.VALUE:
        body = readValue(cursor);
        bodyType = 'value';
        break;
      case section.FOOTER:
        target.footer = readRecord(cursor, 'text or number');
        break;
      default:
        throw new DecodeError(`0x${code.toString(16)} is no section of a message`);
    }
    last = code;
  }
  if (bodyType === 'data') {
    if (parts !== undefined) body = Buffer.concat(parts);
    else body = data === 'own' ? ownBytes(buffer, dataStart, dataEnd) : buffer.subarray(dataStart, dataEnd);
  }
  target.body = body;
  target.bodyType = bodyType;
}

/**
 * The data sections of a message, each by itself, as views of the buffer: for batches (message format 0x80013700), where each is an
 * encoded message. Other sections are skipped.
 * @throws {DecodeError}
 */
export function decodeDataSections(buffer: Buffer, start: number, end: number): Buffer[] {
  const cursor = new Cursor().open(buffer, start, end);
  const sections: Buffer[] = [];
  while (cursor.position < cursor.end) {
    const code = readSection(cursor);
    if (code < section.HEADER || code > section.FOOTER)
      throw new DecodeError(`0x${code.toString(16)} is no section of a message`);
    if (code !== section.DATA) readValue(cursor);
    else {
      const length = cursor.binaryLength();
      if (length < 0) throw new DecodeError('a data section holds null');
      sections.push(view(cursor, length));
    }
  }
  return sections;
}

const SYMBOLIC: ReadonlyMap<string, number> = new Map([
  ['amqp:header:list', section.HEADER],
  ['amqp:delivery-annotations:map', section.DELIVERY_ANNOTATIONS],
  ['amqp:message-annotations:map', section.MESSAGE_ANNOTATIONS],
  ['amqp:properties:list', section.PROPERTIES],
  ['amqp:application-properties:map', section.APPLICATION_PROPERTIES],
  ['amqp:data:binary', section.DATA],
  ['amqp:amqp-sequence:list', section.SEQUENCE],
  ['amqp:amqp-value:*', section.VALUE],
  ['amqp:footer:map', section.FOOTER],
]);

/** The descriptor of the section at the cursor. */
function readSection(cursor: Cursor): number {
  cursor.spend(1);
  if (cursor.byte() !== 0) throw new DecodeError('the message has something that is no section');
  const descriptor = readDescriptor(cursor);
  const code = typeof descriptor === 'string' ? SYMBOLIC.get(descriptor) : descriptor;
  if (typeof code !== 'number') throw new DecodeError('the message has a section that AMQP does not define');
  return code;
}

function readHeader(cursor: Cursor): MessageHeader {
  const count = cursor.list();
  const end = cursor.listEnd;
  if (count > 5) throw new DecodeError('the header has more than 5 fields');
  const header: MessageHeader = {
    durable: count > 0 ? cursor.bool() : undefined,
    priority: count > 1 ? cursor.uint() : undefined,
    ttl: count > 2 ? cursor.uint() : undefined,
    firstAcquirer: count > 3 ? cursor.bool() : undefined,
    deliveryCount: count > 4 ? cursor.uint() : undefined,
  };
  cursor.closeList(end);
  if (header.priority !== undefined && header.priority > 255) throw new DecodeError('a priority is over 255');
  return header;
}

function view(cursor: Cursor, length: number): Buffer {
  return cursor.buffer.subarray(cursor.position - length, cursor.position);
}
