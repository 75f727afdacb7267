// A message leaving: a buffer that grows as it is written.

/** Bytes written so far are `buffer[0, position)`. `buffer` is replaced when it grows: read it again after each write. */
export class ByteWriter {
  buffer: Buffer;
  position: number;

  /** @param buffer where to write first, from `position` on */
  constructor(buffer: Buffer = Buffer.allocUnsafe(256), position = 0) {
    this.buffer = buffer;
    this.position = position;
  }

  /** Makes room for `size` more bytes. */
  ensure(size: number): void {
    const needed = this.position + size;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, needed));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }

  u8(value: number): void {
    this.ensure(1);
    this.buffer[this.position++] = value;
  }

  u16(value: number): void {
    this.ensure(2);
    this.position = this.buffer.writeUInt16BE(value & 0xffff, this.position);
  }

  /** Takes signed values too: their low 32 bits. */
  u32(value: number): void {
    this.ensure(4);
    this.position = this.buffer.writeUInt32BE(value >>> 0, this.position);
  }

  /** A safe integer or a bigint of at most 64 bits, signed or not. */
  u64(value: number | bigint): void {
    this.ensure(8);
    if (typeof value === 'bigint') {
      this.position = this.buffer.writeBigUInt64BE(BigInt.asUintN(64, value), this.position);
    } else {
      const high = Math.floor(value / 4_294_967_296);
      this.u32(high);
      this.u32(value - high * 4_294_967_296);
    }
  }

  f32(value: number): void {
    this.ensure(4);
    this.position = this.buffer.writeFloatBE(value, this.position);
  }

  f64(value: number): void {
    this.ensure(8);
    this.position = this.buffer.writeDoubleBE(value, this.position);
  }

  bytes(value: Uint8Array): void {
    this.ensure(value.length);
    this.buffer.set(value, this.position);
    this.position += value.length;
  }

  /** What was written, as a view. */
  written(): Buffer {
    return this.buffer.subarray(0, this.position);
  }
}
