// A message leaving: the items of an array, which share one type code.

import { EncodingFailure } from '../errors.js';
import { ByteWriter } from './byte-writer.js';
import { writeDescriptor } from './compound.js';
import { at, failureAt } from './failure-path.js';
import { MAX_ZERO_WIDTH_ITEMS } from './limits.js';
import { bigintType } from './scalar-checks.js';
import { ARRAY_CODE, type ScalarType, writeItem } from './scalars.js';
import { Described, Typed } from './typed.js';
import { scalarTypeOf, typeOfNumber } from './value-kind.js';

type CompoundType = 'list' | 'map' | 'array';

function isCompound(type: string): type is CompoundType {
  return type === 'list' || type === 'map' || type === 'array';
}

function itemType(item: unknown): ScalarType | CompoundType {
  if (item instanceof Typed) return item.type;
  switch (typeof item) {
    case 'boolean':
      return 'boolean';
    case 'string':
      return 'string';
    case 'number':
      return typeOfNumber(item);
    case 'bigint':
      return bigintType(item);
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

/** Appends the type code of all items, then each item without one. `write` appends a value with its code. */
export function writeArrayItems(
  out: ByteWriter,
  items: readonly unknown[],
  write: (to: ByteWriter, value: unknown) => void,
): void {
  const first = items[0];
  const descriptor = first instanceof Described ? first.descriptor : undefined;
  if (descriptor !== undefined) writeDescriptor(out, descriptor);
  const values = Array.from(items, (item, index) => at(index, () => bare(item, descriptor)));
  const type = commonType(values);
  if (type === 'null' && values.length > MAX_ZERO_WIDTH_ITEMS)
    throw new EncodingFailure(`an array of nulls holds ${MAX_ZERO_WIDTH_ITEMS} at most`);
  out.u8(isCompound(type) ? COMPOUND_CODE[type] : ARRAY_CODE[type]);
  for (const [index, value] of values.entries()) {
    const content = value instanceof Typed ? value.value : value;
    at(index, () => (isCompound(type) ? writeCompoundItem(out, type, content, write) : writeItem(out, type, content)));
  }
}

/** Written whole, then without its type code. An empty list must not take its form of one byte here. */
function writeCompoundItem(
  out: ByteWriter,
  type: CompoundType,
  content: unknown,
  write: (to: ByteWriter, value: unknown) => void,
): void {
  const whole = new ByteWriter();
  if (type === 'list' && Array.isArray(content) && content.length === 0) whole.bytes(EMPTY_LIST);
  else write(whole, new Typed(type, content));
  out.bytes(whole.written().subarray(1));
}

const EMPTY_LIST = Buffer.from([0xd0, 0, 0, 0, 4, 0, 0, 0, 0]);

function bare(item: unknown, descriptor: number | bigint | string | undefined): unknown {
  const own = item instanceof Described ? item.descriptor : undefined;
  if (own !== descriptor) throw new EncodingFailure('the items of an array must have one descriptor');
  return item instanceof Described ? item.value : item;
}

/** Numbers of several sizes meet in the widest type; anything else must be of one type. No item: null. */
function commonType(values: readonly unknown[]): ScalarType | CompoundType {
  let common: ScalarType | CompoundType | undefined;
  for (const [index, value] of values.entries()) {
    const type = at(index, () => itemType(value));
    const joined = common === undefined || common === type ? type : wider(common, type);
    if (joined === undefined) throw failureAt(index, new EncodingFailure(`an array of ${common} holds a ${type} too`));
    common = joined;
  }
  return common ?? 'null';
}

const NUMBERS: readonly string[] = ['int', 'long', 'double'];

function wider<Type extends string>(one: Type, other: Type): Type | undefined {
  if (!NUMBERS.includes(one) || !NUMBERS.includes(other)) return undefined;
  return NUMBERS.indexOf(one) > NUMBERS.indexOf(other) ? one : other;
}
