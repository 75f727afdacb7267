// A message leaving: strings straight into the caller's buffer.

import { EncodingFailure } from '../errors.js';
import { checkWellFormed, kind } from '../types/scalars.js';

/** Up to here a loop in JavaScript beats the call into Node. In UTF-8 it is at most 144 bytes, so a one-byte length will do. */
const SHORT = 48;

/** `code`: 0xa1 string, 0xa3 symbol. Answers where it ends. */
export function writeText(buffer: Buffer, offset: number, text: unknown, code: 0xa1 | 0xa3, path: string): number {
  if (typeof text !== 'string') throw new EncodingFailure(`${kind(text)} is no string`, path);
  const length = text.length;
  if (length > SHORT) return writeLong(buffer, offset, text, code, path);
  buffer[offset] = code;
  buffer[offset + 1] = length;
  let at = offset + 2;
  for (let i = 0; i < length; i++) {
    const char = text.charCodeAt(i);
    if (char > 127) return writeNotAscii(buffer, offset, text, code, path);
    buffer[at++] = char;
  }
  return at;
}

function writeNotAscii(buffer: Buffer, offset: number, text: string, code: number, path: string): number {
  const bytes = buffer.write(text, offset + 2);
  check(text, bytes, code, path);
  buffer[offset + 1] = bytes;
  return offset + 2 + bytes;
}

function writeLong(buffer: Buffer, offset: number, text: string, code: number, path: string): number {
  const bytes = buffer.write(text, offset + 5);
  check(text, bytes, code, path);
  buffer[offset] = code + 0x10;
  buffer.writeUInt32BE(bytes, offset + 1);
  return offset + 5 + bytes;
}

function check(text: string, bytes: number, code: number, path: string): void {
  if (bytes === text.length) return;
  if (code === 0xa3) throw new EncodingFailure('a symbol holds ASCII characters only', path);
  checkWellFormed(text, bytes, path);
}
