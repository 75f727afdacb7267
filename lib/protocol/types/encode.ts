// A message leaving: values of any type -> bytes.
//
// boolean, string, null as they are; number: int when a 32-bit integer, long when a safe integer, else double (-0 too); bigint: long,
// ulong beyond it; Buffer and Uint8Array: binary; Date: timestamp; Uuid: uuid; array: list; Map and plain object: map; undefined: null; `amqp.*`
// wrappers, Described and Decimal as they say. Anything else is an EncodingFailure that names the path.

import { types as is } from 'node:util';
import { EncodingFailure } from '../errors.js';
import { ByteWriter } from './byte-writer.js';
import { closeCompound, openCompound, writeDescriptor } from './compound.js';
import { writeArrayItems } from './encode-array.js';
import { asFailure, failureAt } from './failure-path.js';
import { MAX_DEPTH } from './limits.js';
import { bigintType, kind } from './scalar-checks.js';
import { ARRAY_CODE, writeItem, writeScalar } from './scalars.js';
import { Decimal, Described, Typed } from './typed.js';
import { className, isPlain, scalarTypeOf } from './value-kind.js';
import { numberSize, writeNumber } from './write-number.js';

export { ByteWriter } from './byte-writer.js';

/** @throws {EncodingFailure} the value, or one inside it, has no form in AMQP */
export function encodeValue(value: unknown): Buffer {
  const out = new ByteWriter();
  writeValue(out, value);
  return out.written();
}

/**
 * Appends a value. After a failure `out` holds part of it.
 * @throws {EncodingFailure} the value, or one inside it, has no form in AMQP
 */
export function writeValue(out: ByteWriter, value: unknown): void {
  try {
    write(out, value, []);
  } catch (error) {
    throw asFailure(error);
  }
}

/** Appends a map whose keys are written as symbols: annotations, footers, properties of connections and links. */
export function writeSymbolMap(out: ByteWriter, record: unknown): void {
  if (!isPlain(record)) throw new EncodingFailure(`${kind(record)} is no map of symbols`);
  writeEntries(out, Object.entries(record), [record], 'symbol');
}

/** Appends an array of symbols. */
export function writeSymbols(out: ByteWriter, symbols: readonly string[]): void {
  const start = openCompound(out, 0xf0, symbols.length);
  out.u8(ARRAY_CODE.symbol);
  let index = 0;
  try {
    for (; index < symbols.length; index++) writeItem(out, 'symbol', symbols[index]);
  } catch (error) {
    throw failureAt(index, error);
  }
  closeCompound(out, start);
}

/** `ancestors`: the objects this value stands in. */
function write(out: ByteWriter, value: unknown, ancestors: object[]): void {
  switch (typeof value) {
    case 'undefined':
      return out.u8(0x40);
    case 'boolean':
      return out.u8(value ? 0x41 : 0x42);
    case 'string':
      return writeScalar(out, 'string', value);
    case 'number':
      out.ensure(numberSize(value));
      out.position = writeNumber(out.buffer, out.position, value);
      return undefined;
    case 'bigint':
      return writeScalar(out, bigintType(value), value);
    case 'object':
      return value === null ? out.u8(0x40) : writeObject(out, value, ancestors);
    case 'function':
    case 'symbol':
      throw new EncodingFailure(`a ${typeof value} has no form in AMQP`);
  }
}

function writeObject(out: ByteWriter, value: object, ancestors: object[]): void {
  // Most objects are one of these two; the looks at all other classes are saved.
  if (Array.isArray(value)) return enter(value, ancestors, () => writeList(out, value, ancestors));
  if (Object.getPrototypeOf(value) === Object.prototype)
    return enter(value, ancestors, () => writeEntries(out, Object.entries(value), ancestors, 'any'));
  const scalar = scalarTypeOf(value);
  if (scalar !== undefined) return writeScalar(out, scalar, value instanceof Typed ? value.value : value);
  if (value instanceof Decimal) return writeDecimal(out, value);
  return enter(value, ancestors, () => {
    if (value instanceof Typed) return writeTyped(out, value, ancestors);
    if (value instanceof Described) return writeDescribed(out, value, ancestors);
    if (is.isMap(value)) return writeEntries(out, [...value], ancestors, 'any');
    if (isPlain(value)) return writeEntries(out, Object.entries(value), ancestors, 'any');
    throw new EncodingFailure(`an object of class ${className(value)} has no form in AMQP`);
  });
}

/** Writes what holds other values; `ancestors` is left dirty by a failure, which ends the whole encoding. */
function enter(value: object, ancestors: object[], writeContent: () => void): void {
  if (ancestors.includes(value)) throw new EncodingFailure('a circular structure has no form in AMQP');
  if (ancestors.length >= MAX_DEPTH)
    throw new EncodingFailure(`values stand more than ${MAX_DEPTH} deep in one another`);
  ancestors.push(value);
  writeContent();
  ancestors.pop();
}

function writeDecimal(out: ByteWriter, { bytes }: Decimal): void {
  const code = { 4: 0x74, 8: 0x84, 16: 0x94 }[bytes.length];
  if (code === undefined) throw new EncodingFailure('a decimal has 4, 8 or 16 bytes');
  out.u8(code);
  out.bytes(bytes);
}

function writeTyped(out: ByteWriter, { type, value }: Typed, ancestors: object[]): void {
  if (type === 'map') {
    if (is.isMap(value)) return writeEntries(out, [...value], ancestors, 'any');
    if (isPlain(value)) return writeEntries(out, Object.entries(value), ancestors, 'any');
    throw new EncodingFailure(`${kind(value)} is no map`);
  }
  if (!Array.isArray(value)) throw new EncodingFailure(`${kind(value)} is no ${type}`);
  if (type === 'list') return writeList(out, value, ancestors);
  const start = openCompound(out, 0xf0, value.length);
  writeArrayItems(out, value, (to, item) => write(to, item, ancestors));
  closeCompound(out, start);
}

function writeDescribed(out: ByteWriter, { descriptor, value }: Described, ancestors: object[]): void {
  writeDescriptor(out, descriptor);
  try {
    write(out, value, ancestors);
  } catch (error) {
    throw failureAt('value', error);
  }
}

function writeList(out: ByteWriter, items: readonly unknown[], ancestors: object[]): void {
  if (items.length === 0) return out.u8(0x45);
  const start = openCompound(out, 0xd0, items.length);
  const length = items.length;
  let index = 0;
  try {
    for (; index < length; index++) write(out, items[index], ancestors);
  } catch (error) {
    throw failureAt(index, error);
  }
  closeCompound(out, start);
}

function writeEntries(
  out: ByteWriter,
  entries: readonly (readonly [unknown, unknown])[],
  ancestors: object[],
  keys: 'symbol' | 'any',
): void {
  const start = openCompound(out, 0xd1, entries.length * 2);
  for (const [key, value] of entries) {
    try {
      if (keys === 'symbol') writeScalar(out, 'symbol', key);
      else write(out, key, ancestors);
      write(out, value, ancestors);
    } catch (error) {
      throw failureAt(typeof key === 'string' ? key : 'key', error);
    }
  }
  closeCompound(out, start);
}
