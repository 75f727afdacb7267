// A message leaving: values of any type -> bytes.
//
// boolean, string, null as they are; number: int when a 32-bit integer, long when a safe integer, else double (-0 too); bigint: long;
// Buffer and Uint8Array: binary; Date: timestamp; Uuid: uuid; array: list; Map and plain object: map; undefined: null; `amqp.*`
// wrappers, Described and Decimal as they say. Anything else is an EncodingFailure that names the path.

import { types as is } from 'node:util';
import { EncodingFailure } from '../errors.js';
import { ByteWriter } from './byte-writer.js';
import { MAX_DEPTH } from './limits.js';
import { ARRAY_CODE, kind, type ScalarType, writeItem, writeScalar } from './scalars.js';
import { Decimal, Described, Typed } from './typed.js';
import { Uuid } from './uuid.js';

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
  write(out, value, []);
}

/** Appends a map whose keys are written as symbols: annotations, footers, properties of connections and links. */
export function writeSymbolMap(out: ByteWriter, record: unknown): void {
  if (!isPlain(record)) throw new EncodingFailure(`${kind(record)} is no map of symbols`);
  writeEntries(out, Object.entries(record), [record], (key) => writeScalar(out, 'symbol', key));
}

/** Appends an array of symbols. */
export function writeSymbols(out: ByteWriter, symbols: readonly string[]): void {
  writeCompound(out, 0xf0, symbols.length, () => {
    out.u8(ARRAY_CODE.symbol);
    for (const [index, item] of symbols.entries()) at(index, () => writeItem(out, 'symbol', item));
  });
}

/** Whether the value, which is an object, holds no other values: it is all that application properties may have. */
export function isScalar(value: object): boolean {
  return scalarTypeOf(value) !== undefined || value instanceof Decimal;
}

/** Appends type code 0 and a descriptor. */
export function writeDescriptor(out: ByteWriter, descriptor: number | bigint | string): void {
  out.u8(0);
  writeScalar(out, typeof descriptor === 'string' ? 'symbol' : 'ulong', descriptor);
}

/** Runs `writeContent` between a four-byte size and count. */
export function writeCompound(out: ByteWriter, code: number, count: number, writeContent: () => void): void {
  out.u8(code);
  const start = out.position;
  out.u32(0);
  out.u32(count);
  writeContent();
  out.buffer.writeUInt32BE(out.position - start - 4, start);
}

/** `ancestors`: the objects this value stands in. */
function write(out: ByteWriter, value: unknown, ancestors: object[]): void {
  switch (typeof value) {
    case 'undefined':
      return out.u8(0x40);
    case 'boolean':
      return writeScalar(out, 'boolean', value);
    case 'string':
      return writeScalar(out, 'string', value);
    case 'number':
      return writeScalar(out, typeOfNumber(value), value);
    case 'bigint':
      return writeScalar(out, 'long', value);
    case 'object':
      return value === null ? out.u8(0x40) : writeObject(out, value, ancestors);
    case 'function':
    case 'symbol':
      throw new EncodingFailure(`a ${typeof value} has no form in AMQP`);
  }
}

function typeOfNumber(value: number): ScalarType {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return 'double';
  return value >= -0x8000_0000 && value <= 0x7fff_ffff ? 'int' : 'long';
}

function writeObject(out: ByteWriter, value: object, ancestors: object[]): void {
  const scalar = scalarTypeOf(value);
  if (scalar !== undefined) return writeScalar(out, scalar, value instanceof Typed ? value.value : value);
  if (value instanceof Decimal) return writeDecimal(out, value);
  if (ancestors.includes(value)) throw new EncodingFailure('a circular structure has no form in AMQP');
  if (ancestors.length >= MAX_DEPTH)
    throw new EncodingFailure(`values stand more than ${MAX_DEPTH} deep in one another`);
  ancestors.push(value);
  if (value instanceof Typed) writeTyped(out, value, ancestors);
  else if (value instanceof Described) writeDescribed(out, value, ancestors);
  else if (Array.isArray(value)) writeList(out, value, ancestors);
  else if (is.isMap(value)) writeMap(out, value, ancestors);
  else if (isPlain(value)) writeMap(out, Object.entries(value), ancestors);
  else throw new EncodingFailure(`an object of class ${className(value)} has no form in AMQP`);
  ancestors.pop();
}

function scalarTypeOf(value: object): ScalarType | undefined {
  if (value instanceof Uint8Array) return 'binary';
  if (is.isDate(value)) return 'timestamp';
  if (value instanceof Uuid) return 'uuid';
  if (!(value instanceof Typed)) return undefined;
  return value.type === 'list' || value.type === 'map' || value.type === 'array' ? undefined : value.type;
}

function writeDecimal(out: ByteWriter, { bytes }: Decimal): void {
  const code = { 4: 0x74, 8: 0x84, 16: 0x94 }[bytes.length];
  if (code === undefined) throw new EncodingFailure('a decimal has 4, 8 or 16 bytes');
  out.u8(code);
  out.bytes(bytes);
}

function writeTyped(out: ByteWriter, { type, value }: Typed, ancestors: object[]): void {
  if (type === 'map') {
    if (is.isMap(value)) return writeMap(out, value, ancestors);
    if (isPlain(value)) return writeMap(out, Object.entries(value), ancestors);
    throw new EncodingFailure(`${kind(value)} is no map`);
  }
  if (!Array.isArray(value)) throw new EncodingFailure(`${kind(value)} is no ${type}`);
  if (type === 'list') writeList(out, value, ancestors);
  else writeArray(out, value, ancestors);
}

function writeDescribed(out: ByteWriter, { descriptor, value }: Described, ancestors: object[]): void {
  writeDescriptor(out, descriptor);
  at('value', () => write(out, value, ancestors));
}

function writeList(out: ByteWriter, items: readonly unknown[], ancestors: object[]): void {
  if (items.length === 0) return out.u8(0x45);
  writeCompound(out, 0xd0, items.length, () => {
    for (let i = 0; i < items.length; i++) at(i, () => write(out, items[i], ancestors));
  });
}

function writeMap(out: ByteWriter, entries: Iterable<[unknown, unknown]>, ancestors: object[]): void {
  writeEntries(out, [...entries], ancestors, (key) => write(out, key, ancestors));
}

function writeEntries<Key>(
  out: ByteWriter,
  entries: readonly (readonly [Key, unknown])[],
  ancestors: object[],
  writeKey: (key: Key) => void,
): void {
  writeCompound(out, 0xd1, entries.length * 2, () => {
    for (const [key, value] of entries) {
      at(typeof key === 'string' ? key : 'key', () => {
        writeKey(key);
        write(out, value, ancestors);
      });
    }
  });
}

/** An item of an array: what it is, and its value without the wrapper that said so. */
function itemType(item: unknown): ScalarType | 'list' | 'map' | 'array' {
  if (item instanceof Typed) return item.type;
  switch (typeof item) {
    case 'boolean':
    case 'string':
      return typeof item as 'boolean' | 'string';
    case 'number':
      return typeOfNumber(item);
    case 'bigint':
      return 'long';
    case 'object':
      if (item === null) return 'null';
      if (Array.isArray(item)) return 'list';
      return scalarTypeOf(item) ?? 'map';
    case 'undefined':
      return 'null';
    case 'function':
    case 'symbol':
      throw new EncodingFailure(`a ${typeof item} has no form in AMQP`);
  }
}

const COMPOUND_CODE = { list: 0xd0, map: 0xd1, array: 0xf0 } as const;

function writeArray(out: ByteWriter, items: readonly unknown[], ancestors: object[]): void {
  writeCompound(out, 0xf0, items.length, () => writeArrayContent(out, items, ancestors));
}

function writeArrayContent(out: ByteWriter, items: readonly unknown[], ancestors: object[]): void {
  const first = items[0];
  const described = first instanceof Described ? first.descriptor : undefined;
  if (described !== undefined) writeDescriptor(out, described);
  const values = items.map((item, index) => at(index, () => bare(item, described)));
  const type = values.map((value, index) => at(index, () => itemType(value))).reduce(common, undefined) ?? 'null';
  out.u8(type === 'list' || type === 'map' || type === 'array' ? COMPOUND_CODE[type] : ARRAY_CODE[type]);
  for (const [index, value] of values.entries()) {
    at(index, () => {
      const content = value instanceof Typed ? value.value : value;
      if (type !== 'list' && type !== 'map' && type !== 'array') return writeItem(out, type, content);
      // Written whole, then without its own type code: an array's items share one. A list must not take its shortest form.
      const scratch = new ByteWriter();
      if (type === 'list' && Array.isArray(content) && content.length === 0) scratch.bytes(EMPTY_LIST);
      else write(scratch, new Typed(type, content), ancestors);
      return out.bytes(scratch.written().subarray(1));
    });
  }
}

const EMPTY_LIST = Buffer.from([0xd0, 0, 0, 0, 4, 0, 0, 0, 0]);

function bare(item: unknown, descriptor: number | bigint | string | undefined): unknown {
  const own = item instanceof Described ? item.descriptor : undefined;
  if (own !== descriptor) throw new EncodingFailure('the items of an array must have one descriptor');
  return item instanceof Described ? item.value : item;
}

/** Numbers of several sizes meet in the widest type; anything else must be of one type. */
function common(left: ScalarType | 'list' | 'map' | 'array' | undefined, right: ScalarType | 'list' | 'map' | 'array') {
  if (left === undefined || left === right) return right;
  const sizes = ['int', 'long', 'double'] as const;
  const widest = Math.max(sizes.indexOf(left as 'int'), sizes.indexOf(right as 'int'));
  const narrowest = Math.min(sizes.indexOf(left as 'int'), sizes.indexOf(right as 'int'));
  const type = narrowest < 0 ? undefined : sizes[widest];
  if (type === undefined) throw new EncodingFailure(`an array holds values of one type, found ${left} and ${right}`);
  return type;
}

/** Runs `action`, a part of writing a larger value; a failure inside it says where it stood. */
export function at<T>(step: string | number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw failureAt(step, error);
  }
}

/** The failure as seen from one level further out. What a getter of the user threw becomes a failure too. */
export function failureAt(step: string | number, error: unknown): EncodingFailure {
  const name = typeof step === 'number' ? `[${step}]` : step.slice(0, 64);
  if (!(error instanceof EncodingFailure))
    return new EncodingFailure('it threw an error of its own when it was read', name, { cause: error });
  const rest = error.path;
  return new EncodingFailure(error.reason, rest === '' ? name : rest.startsWith('[') ? name + rest : `${name}.${rest}`);
}

/** An object literal, a null-prototype object or one from another realm; not an instance of a class. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function className(value: object): string {
  const constructor: unknown = Reflect.get(value, 'constructor');
  return typeof constructor === 'function' ? constructor.name : 'unknown';
}
