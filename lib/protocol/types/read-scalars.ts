// A message arriving: bytes -> the scalars that need more than a number read from the buffer.

import { DecodeError } from '../errors.js';
import type { Cursor } from './cursor.js';
import { ownBytes } from './own-bytes.js';
import { readText, readWord } from './text.js';
import { Typed } from './typed.js';

const LAST_DATE = 8.64e15;

export function readChar(cursor: Cursor): string {
  const point = cursor.length32();
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw new DecodeError('a char is no Unicode character');
  return String.fromCodePoint(point);
}

export function readTimestamp(cursor: Cursor): Date | Typed {
  const milliseconds = cursor.signed64();
  if (typeof milliseconds === 'number' && Math.abs(milliseconds) <= LAST_DATE) return new Date(milliseconds);
  return new Typed('timestamp', BigInt(milliseconds));
}

export function bytes(cursor: Cursor, length: number): Buffer {
  const start = cursor.take(length);
  return ownBytes(cursor.buffer, start, start + length);
}

export function text(cursor: Cursor, length: number): string {
  const start = cursor.take(length);
  return readText(cursor.buffer, start, start + length);
}

export function word(cursor: Cursor, length: number): string {
  const start = cursor.take(length);
  return readWord(cursor.buffer, start, start + length);
}
