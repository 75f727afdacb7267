// A message leaving: which AMQP type a JavaScript value has.

import { types as is } from 'node:util';
import type { ScalarType } from './scalars.js';
import { Decimal, Typed } from './typed.js';
import { Uuid } from './uuid.js';

/** int, long or double; a double where an integer would lose something (-0) or has lost it already (2^53 and beyond). */
export function typeOfNumber(value: number): ScalarType {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return 'double';
  return value >= -0x8000_0000 && value <= 0x7fff_ffff ? 'int' : 'long';
}

/** The type of an object that holds no other values; `undefined` for any other. */
export function scalarTypeOf(value: object): ScalarType | undefined {
  if (value instanceof Uint8Array) return 'binary';
  if (is.isDate(value)) return 'timestamp';
  if (value instanceof Uuid) return 'uuid';
  if (!(value instanceof Typed)) return undefined;
  return value.type === 'list' || value.type === 'map' || value.type === 'array' ? undefined : value.type;
}

/** Whether the value, which is an object, holds no other values: it is all that application properties may have. */
export function isScalar(value: object): boolean {
  return scalarTypeOf(value) !== undefined || value instanceof Decimal;
}

/** An object literal, a null-prototype object or one from another realm; not an instance of a class. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** For error messages. */
export function className(value: object): string {
  const constructor: unknown = Reflect.get(value, 'constructor');
  return typeof constructor === 'function' ? constructor.name : 'unknown';
}
