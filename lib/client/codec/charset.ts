// Text in and out of bytes, by charset. Nothing is replaced silently: what does not fit is an error.

import { isAscii, isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';

/** @throws TypeError when the charset is unknown or the bytes are not text in it */
export function decodeText(body: Buffer, charset: string): string {
  if (charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii') {
    const text = utf8Text(body);
    if (text === undefined) throw new TypeError('the body is not valid UTF-8');
    return text;
  }
  // Windows-1252 is what TextDecoder makes of latin1; the name means ISO 8859-1 here.
  if (charset === 'iso-8859-1' || charset === 'latin1') return body.toString('latin1');
  return decoderOf(charset).decode(body);
}

/** From this length on the question whether it is ASCII, which is read faster, is worth a call. */
const LONG_BYTES = 4096;

/** `undefined`: it is not valid UTF-8. */
export function utf8Text(body: Buffer): string | undefined {
  if (body.length >= LONG_BYTES && isAscii(body)) return body.toString('latin1');
  const text = body.toString('utf8');
  // Only a text with U+FFFD in it can come of invalid bytes. On an ASCII text this search ends at once.
  return text.includes('\uFFFD') && !isUtf8(body) ? undefined : text;
}

/**
 * The body of a text: a string that the protocol layer writes as UTF-8, or bytes.
 *
 * @throws TypeError when the charset cannot be written, or not this text in it
 */
export function encodeText(text: string, charset: string): string | Buffer {
  switch (charset) {
    case 'utf-8':
    case 'utf8':
      return text;
    case 'us-ascii':
      if (highest(text) > 0x7f) throw new TypeError('the text has characters that us-ascii lacks');
      return text;
    case 'iso-8859-1':
    case 'latin1':
      if (highest(text) > 0xff) throw new TypeError(`the text has characters that ${charset} lacks`);
      return Buffer.from(text, 'latin1');
    case 'utf-16le':
      return Buffer.from(text, 'utf16le');
    default:
      throw new TypeError(`there is no encoder for the charset ${charset}`);
  }
}

function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: false });
  } catch (cause) {
    throw new TypeError(`there is no decoder for the charset ${charset}`, { cause });
  }
}

function highest(text: string): number {
  let max = 0;
  for (let index = 0; index < text.length; index++) max = Math.max(max, text.charCodeAt(index));
  return max;
}
