// A message arriving: bytes -> strings. Map keys, symbols and other short words that come again and again are looked up, not made.

import { isUtf8 } from 'node:buffer';
import { DecodeError } from '../errors.js';

const LONGEST_INTERNED = 40;
const SLOTS = 2048;

// A cache of immutable strings, overwritten on collision: it never grows, and no two applications can see each other in it.
const words: (string | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

/**
 * The text of `buffer[start, end)`.
 * @throws {DecodeError} the bytes are not UTF-8 (lone surrogates are not)
 */
export function readText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString(undefined, start, end);
  // Only a text with U+FFFD in it can come of invalid bytes. On an ASCII text this search ends at once.
  if (text.includes('\uFFFD') && !isUtf8(buffer.subarray(start, end)))
    throw new DecodeError('a string is not valid UTF-8');
  return text;
}

/** The bytes as characters of latin1: delivery tags, which are short. */
export function readTag(buffer: Buffer, start: number, end: number): string {
  const at = (offset: number): number => buffer[start + offset] as number; // the caller has checked that they lie inside
  // The usual lengths; a call into the engine costs five times as much.
  if (end - start === 4) return String.fromCharCode(at(0), at(1), at(2), at(3));
  if (end - start === 8) return String.fromCharCode(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7));
  return buffer.toString('latin1', start, end);
}

/** The same as `readText` for words that repeat: map keys, symbols, addresses. */
export function readWord(buffer: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > LONGEST_INTERNED) return readText(buffer, start, end);
  let hash = length;
  for (let i = start; i < end; i++) {
    // The caller has checked that start and end lie inside the buffer.
    const byte = buffer[i] as number;
    if (byte > 127) return readText(buffer, start, end);
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  const slot = hash & (SLOTS - 1);
  const known = words[slot];
  if (known !== undefined && known.length === length) {
    let i = 0;
    while (i < length && known.charCodeAt(i) === buffer[start + i]) i++;
    if (i === length) return known;
  }
  const word = buffer.toString('latin1', start, end);
  words[slot] = word;
  return word;
}
