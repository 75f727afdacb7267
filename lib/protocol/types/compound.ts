// A message leaving: what lists, maps, arrays and described values begin with.

import type { ByteWriter } from './byte-writer.js';
import { writeScalar } from './scalars.js';

/** Appends type code 0 and a descriptor. */
export function writeDescriptor(out: ByteWriter, descriptor: number | bigint | string): void {
  out.u8(0);
  writeScalar(out, typeof descriptor === 'string' ? 'symbol' : 'ulong', descriptor);
}

/** Appends a type code, room for a four-byte size, and a count. Answers what `closeCompound` has to be given after the content. */
export function openCompound(out: ByteWriter, code: number, count: number): number {
  out.u8(code);
  const start = out.position;
  out.u32(0);
  out.u32(count);
  return start;
}

/** Fills in the size. */
export function closeCompound(out: ByteWriter, start: number): void {
  out.buffer.writeUInt32BE(out.position - start - 4, start);
}
