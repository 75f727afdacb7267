// A message leaving: a long text -> bytes of its own.

/** The bytes of the longest character. */
const WIDEST = 4;

/** A text as UTF-8 in memory of its own; `undefined`: half of a surrogate pair stands alone in it, which UTF-8 cannot say. */
export function utf8Bytes(text: string): Buffer | undefined {
  // Node 20 has isWellFormed, the es2023 library does not list it.
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) return undefined;
  // Nearly every text is ASCII. `Buffer.from` counts the bytes first and takes three times as long. Where any character needs more
  // than one byte, more are written than the text has characters, even if the last ones find no room.
  const bytes = Buffer.allocUnsafeSlow(text.length + WIDEST);
  return bytes.write(text) === text.length ? bytes.subarray(0, text.length) : Buffer.from(text);
}
