// A message leaving: is this value what its AMQP type says? Each answers the value as it will be written, or throws an
// EncodingFailure that says what it is instead, never the value itself.

import { types as is } from 'node:util';
import { EncodingFailure } from '../errors.js';
import { Uuid } from './uuid.js';

const NOT_ASCII = /[^\0-\x7f]/;

/** @throws {EncodingFailure} half of a surrogate pair stands alone, which UTF-8 cannot say */
export function checkWellFormed(text: string, bytes: number, path = ''): void {
  // Node 20 has isWellFormed, the es2023 library does not list it. A text of as many bytes as characters is ASCII.
  if (bytes !== text.length && !(text as string & { isWellFormed(): boolean }).isWellFormed())
    throw new EncodingFailure('a string with half of a surrogate pair has no UTF-8 form', path);
}

/** @throws {EncodingFailure} not a string of ASCII characters */
export function symbolText(value: unknown): string {
  const text = anyString(value, 'symbol');
  if (NOT_ASCII.test(text)) throw new EncodingFailure('a symbol holds ASCII characters only');
  return text;
}

/** @throws {EncodingFailure} not an integer in the range */
export function integer(value: unknown, type: string, least: number, most: number): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number))
    throw new EncodingFailure(`${kind(value)} is no ${type}`);
  if (number < least || number > most) throw new EncodingFailure(`${type} goes from ${least} to ${most}`);
  return number;
}

export function wideInteger(value: unknown, type: string, least: bigint, most: bigint): number | bigint {
  if (typeof value === 'number' && !Number.isInteger(value)) throw new EncodingFailure(`${kind(value)} is no ${type}`);
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new EncodingFailure(`${type} beyond 2^53 - 1 must be given as a bigint`);
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new EncodingFailure(`${kind(value)} is no ${type}`);
  if (value < least || value > most) throw new EncodingFailure(`${type} goes from ${least} to ${most}`);
  return value;
}

/** The type that holds it exactly. */
export function bigintType(value: bigint): 'long' | 'ulong' {
  return value > 0x7fff_ffff_ffff_ffffn ? 'ulong' : 'long';
}

export function anyNumber(value: unknown, type: string): number {
  if (typeof value !== 'number') throw new EncodingFailure(`${kind(value)} is no ${type}`);
  return value;
}

export function floatNumber(value: unknown): number {
  const wide = anyNumber(value, 'float');
  if (Number.isFinite(wide) && !Number.isFinite(Math.fround(wide)))
    throw new EncodingFailure('the number is beyond float');
  return wide;
}

export function character(value: unknown): number {
  const text = anyString(value, 'char');
  const point = text.codePointAt(0);
  if (point === undefined || text.length !== (point > 0xffff ? 2 : 1) || (point >= 0xd800 && point <= 0xdfff))
    throw new EncodingFailure('char takes a string of exactly one Unicode character');
  return point;
}

export function milliseconds(value: unknown): number | bigint {
  if (is.isDate(value)) {
    const time = value.getTime();
    if (Number.isNaN(time)) throw new EncodingFailure('an invalid Date is no timestamp');
    return time;
  }
  return wideInteger(value, 'timestamp', -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn);
}

export function uuidBytes(value: unknown): Uint8Array {
  if (value instanceof Uuid) return value.bytes;
  if (typeof value === 'string' || Buffer.isBuffer(value)) {
    try {
      return new Uuid(value).bytes;
    } catch (error) {
      throw new EncodingFailure('uuid takes the usual text of 36 characters, 16 bytes or a Uuid', '', { cause: error });
    }
  }
  throw new EncodingFailure(`${kind(value)} is no uuid`);
}

export function anyString(value: unknown, type: string): string {
  if (typeof value !== 'string') throw new EncodingFailure(`${kind(value)} is no ${type}`);
  return value;
}

export function binaryBytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new EncodingFailure(`${kind(value)} is no binary`);
  return value;
}

/** What a value is, without saying the value. */
export function kind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a number that is not an integer';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
}
