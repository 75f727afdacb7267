// A message leaving: strings straight into a buffer that has room for them.

import { EncodingFailure } from '../errors.js';
import { checkWellFormed, kind } from './scalar-checks.js';
import { writeUint32 } from './write-number.js';

/** Up to here a loop in JavaScript beats the call into Node. */
const LOOPED = 32;
/** Up to here a string has at most 255 bytes in UTF-8, three for each character, so that a one-byte length will do. */
const SHORT = 85;

/** How many bytes `writeText` takes. */
export function textSize(text: string): number {
  const length = text.length;
  const bytes = isShortAscii(text) ? length : Buffer.byteLength(text);
  return bytes + (length <= SHORT ? 2 : 5);
}

function isShortAscii(text: string): boolean {
  if (text.length > LOOPED) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

/** `code`: 0xa1 string, 0xa3 symbol. Answers where it ends. */
export function writeText(buffer: Buffer, offset: number, text: unknown, code: 0xa1 | 0xa3, path: string): number {
  if (typeof text !== 'string') throw new EncodingFailure(`${kind(text)} is no string`, path);
  const length = text.length;
  if (length > LOOPED) return writeCalled(buffer, offset, text, code, path);
  buffer[offset] = code;
  buffer[offset + 1] = length;
  let at = offset + 2;
  for (let i = 0; i < length; i++) {
    const char = text.charCodeAt(i);
    if (char > 127) return writeCalled(buffer, offset, text, code, path);
    buffer[at++] = char;
  }
  return at;
}

function writeCalled(buffer: Buffer, offset: number, text: string, code: number, path: string): number {
  const isShort = text.length <= SHORT;
  const start = isShort ? offset + 2 : offset + 5;
  const bytes = buffer.write(text, start);
  check(text, bytes, code, path);
  buffer[offset] = isShort ? code : code + 0x10;
  if (isShort) buffer[offset + 1] = bytes;
  else writeUint32(buffer, offset + 1, bytes);
  return start + bytes;
}

function check(text: string, bytes: number, code: number, path: string): void {
  if (bytes === text.length) return;
  if (code === 0xa3) throw new EncodingFailure('a symbol holds ASCII characters only', path);
  checkWellFormed(text, bytes, path);
}
