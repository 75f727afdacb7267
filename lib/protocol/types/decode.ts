// A message arriving: bytes -> values of any type.
//
// boolean; integers up to 32 bits, float, double: number. long, ulong: number when safe, else bigint. char, string, symbol: string.
// timestamp: Date (beyond a Date's range: `Typed` with a bigint). uuid: Uuid. binary: Buffer. decimals: Decimal. list, array: array.
// map: plain object when every key is a string, symbol or char, else Map. described: Described. All but the last two of these
// and the wide integers lose their exact type: a symbol encodes as a string again.

import { DecodeError } from '../errors.js';
import { Cursor } from './cursor.js';
import { unexpected } from './decode-failures.js';
import { MAX_DEPTH, MAX_ZERO_WIDTH_ITEMS } from './limits.js';
import { bytes, readChar, readTimestamp, text, word } from './read-scalars.js';
import { endangers, put } from './safe-record.js';
import { Decimal, Described } from './typed.js';
import { Uuid } from './uuid.js';

export { Cursor } from './cursor.js';

/**
 * The one value in `buffer[start, end)`.
 * @throws {DecodeError} it is not well-formed, or bytes follow it
 */
export function decodeValue(buffer: Buffer, start = 0, end = buffer.length): unknown {
  const cursor = new Cursor().open(buffer, start, end);
  const value = readValue(cursor);
  if (cursor.position !== cursor.end) throw new DecodeError('bytes follow the value');
  return value;
}

/** The value at the cursor, which moves behind it. */
export function readValue(cursor: Cursor, depth = 0): unknown {
  const code = cursor.byte();
  return code === 0 ? readDescribed(cursor, depth) : readBody(cursor, code, depth);
}

/** The map at the cursor under its keys as strings; `undefined` for null. A key of another kind than `keys` allows is an error. */
export function readRecord(cursor: Cursor, keys: 'text' | 'text or number'): Record<string, unknown> | undefined {
  const code = cursor.byte();
  if (code === 0x40) return undefined;
  if (code !== 0xc1 && code !== 0xd1) throw unexpected('a map', code);
  const count = openMap(cursor, code);
  const end = cursor.compoundEnd;
  const record: Record<string, unknown> = {};
  for (let i = 0; i < count; i += 2) {
    const key = readKey(cursor, 1);
    // Texts beside the body repeat from message to message: patterns, tenants, types.
    const value = cursor.peek() === 0xa1 ? cursor.word() : readValue(cursor, 1);
    put(record, typeof key === 'string' ? key : nameOf(key, keys), value);
  }
  cursor.closeList(end);
  return record;
}

function nameOf(key: unknown, keys: 'text' | 'text or number'): string {
  if (keys === 'text or number' && (typeof key === 'number' || typeof key === 'bigint')) return String(key);
  throw new DecodeError('a key of a section is neither a string nor a symbol');
}

function readDescribed(cursor: Cursor, depth: number): Described {
  if (depth >= MAX_DEPTH) throw tooDeep();
  return new Described(readDescriptor(cursor), readValue(cursor, depth + 1));
}

/** What follows the byte 0 of a described value: a ulong or a symbol (section 1.2 reserves the rest). */
export function readDescriptor(cursor: Cursor): number | bigint | string {
  const code = cursor.byte();
  switch (code) {
    case 0x53:
      return cursor.byte();
    case 0x44:
      return 0;
    case 0x80:
      return cursor.unsigned64();
    case 0xa3:
      return word(cursor, cursor.byte());
    case 0xb3:
      return word(cursor, cursor.length32());
    default:
      throw unexpected('a descriptor', code);
  }
}

/** A value whose type code was read. */
function readBody(cursor: Cursor, code: number, depth: number): unknown {
  const buffer = cursor.buffer;
  switch (code) {
    case 0x40: // null
      return null;
    case 0x41: // true
      return true;
    case 0x42: // false
      return false;
    case 0x43: // uint0
    case 0x44: // ulong0
      return 0;
    case 0x45: // list0
      return [];
    case 0x50: // ubyte
    case 0x52: // smalluint
    case 0x53: // smallulong
      return cursor.byte();
    case 0x51: // byte
    case 0x54: // smallint
    case 0x55: // smalllong
      return (cursor.byte() << 24) >> 24;
    case 0x56: // boolean
      return cursor.wideBoolean();
    case 0x60: // ushort
      return buffer.readUInt16BE(cursor.take(2));
    case 0x61: // short
      return buffer.readInt16BE(cursor.take(2));
    case 0x70: // uint
      return buffer.readUInt32BE(cursor.take(4));
    case 0x71: // int
      return buffer.readInt32BE(cursor.take(4));
    case 0x72: // float
      return buffer.readFloatBE(cursor.take(4));
    case 0x73: // char
      return readChar(cursor);
    case 0x80: // ulong
      return cursor.unsigned64();
    case 0x81: // long
      return cursor.signed64();
    case 0x82: // double
      return buffer.readDoubleBE(cursor.take(8));
    case 0x83: // timestamp
      return readTimestamp(cursor);
    case 0x74: // decimal32
      return new Decimal(bytes(cursor, 4));
    case 0x84: // decimal64
      return new Decimal(bytes(cursor, 8));
    case 0x94: // decimal128
      return new Decimal(bytes(cursor, 16));
    case 0x98: // uuid
      return new Uuid(bytes(cursor, 16));
    case 0xa0: // vbin8
      return bytes(cursor, cursor.byte());
    case 0xb0: // vbin32
      return bytes(cursor, cursor.length32());
    case 0xa1: // str8
      return text(cursor, cursor.byte());
    case 0xb1: // str32
      return text(cursor, cursor.length32());
    case 0xa3: // sym8
      return word(cursor, cursor.byte());
    case 0xb3: // sym32
      return word(cursor, cursor.length32());
    case 0xc0: // list8
    case 0xd0: // list32
      return readList(cursor, code, depth);
    case 0xc1: // map8
    case 0xd1: // map32
      return readMap(cursor, code, depth);
    case 0xe0: // array8
    case 0xf0: // array32
      return readArray(cursor, code, depth);
    default:
      throw unexpected('a value', code);
  }
}

function readList(cursor: Cursor, code: number, depth: number): unknown[] {
  if (depth >= MAX_DEPTH) throw tooDeep();
  const count = cursor.compound(code === 0xc0);
  const end = cursor.compoundEnd;
  const items: unknown[] = [];
  for (let i = 0; i < count; i++) items.push(readValue(cursor, depth + 1));
  cursor.closeList(end);
  return items;
}

function readMap(cursor: Cursor, code: number, depth: number): Record<string, unknown> | Map<unknown, unknown> {
  if (depth >= MAX_DEPTH) throw tooDeep();
  const count = openMap(cursor, code);
  const end = cursor.compoundEnd;
  const record: Record<string, unknown> = {};
  let map: Map<unknown, unknown> | undefined;
  for (let i = 0; i < count; i += 2) {
    const key = readKey(cursor, depth + 1);
    const value = readValue(cursor, depth + 1);
    if (map === undefined && typeof key === 'string') {
      put(record, key, value);
      continue;
    }
    map ??= new Map(Object.entries(record));
    if (!endangers(key, value)) map.set(key, value);
  }
  cursor.closeList(end);
  return map ?? record;
}

function openMap(cursor: Cursor, code: number): number {
  const count = cursor.compound(code === 0xc1);
  if (count % 2 !== 0) throw new DecodeError('a map has a key without a value');
  return count;
}

function readKey(cursor: Cursor, depth: number): unknown {
  const code = cursor.byte();
  if (code === 0xa1 || code === 0xa3) return word(cursor, cursor.byte());
  return code === 0 ? readDescribed(cursor, depth) : readBody(cursor, code, depth);
}

function readArray(cursor: Cursor, code: number, depth: number): unknown[] {
  if (depth >= MAX_DEPTH) throw tooDeep();
  const count = cursor.compound(code === 0xe0, true);
  const end = cursor.compoundEnd;
  let itemCode = cursor.byte();
  let descriptor: number | bigint | string | undefined;
  if (itemCode === 0) {
    descriptor = readDescriptor(cursor);
    itemCode = cursor.byte();
  }
  const most = itemCode >> 4 === 4 ? MAX_ZERO_WIDTH_ITEMS : end - cursor.position;
  if (count > most) throw new DecodeError('an array says it has more items than bytes');
  const items: unknown[] = [];
  for (let i = 0; i < count; i++) {
    const item = readBody(cursor, itemCode, depth + 1);
    items.push(descriptor === undefined ? item : new Described(descriptor, item));
  }
  cursor.closeList(end);
  return items;
}

function tooDeep(): DecodeError {
  return new DecodeError(`values stand more than ${MAX_DEPTH} deep in one another`);
}
