// A message arriving: bytes that outlive the frame they came in.

const ALWAYS_COPIED = 4096;

/**
 * Bytes that the caller may keep. Up to 4 KiB they are copied (into Node's shared pool). More than that is a view of what the
 * socket delivered when it fills at least half of that memory, else a copy: whoever holds a large body never holds more than
 * twice its size. Memory handed to the decoder must therefore never be written again.
 */
export function ownBytes(buffer: Buffer, start: number, end: number): Buffer {
  const length = end - start;
  const view = buffer.subarray(start, end);
  if (length > ALWAYS_COPIED && length * 2 >= buffer.buffer.byteLength) return view;
  return Buffer.from(view);
}
