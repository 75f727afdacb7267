// A message leaving: numbers straight into a buffer that has room for them.

/** Four bytes of an unsigned integer, whose range the caller has checked: `writeUInt32BE` would check it again. */
export function writeUint32(buffer: Buffer, offset: number, value: number): number {
  buffer[offset] = value >>> 24;
  buffer[offset + 1] = value >>> 16;
  buffer[offset + 2] = value >>> 8;
  buffer[offset + 3] = value;
  return offset + 4;
}

/** How many bytes `writeNumber` takes. */
export function numberSize(value: number): 2 | 5 | 9 {
  if (!isInt(value)) return 9;
  return value >= -128 && value <= 127 ? 2 : 5;
}

/** int when a 32-bit integer, long when a safe integer, else double (-0 too). Answers where it ends. */
export function writeNumber(buffer: Buffer, offset: number, value: number): number {
  if (isInt(value)) {
    if (value >= -128 && value <= 127) {
      buffer[offset] = 0x54;
      buffer[offset + 1] = value;
      return offset + 2;
    }
    buffer[offset] = 0x71;
    return writeUint32(buffer, offset + 1, value);
  }
  if (Number.isSafeInteger(value) && value !== 0) {
    const high = Math.floor(value / 4_294_967_296);
    buffer[offset] = 0x81;
    return writeUint32(buffer, writeUint32(buffer, offset + 1, high), value - high * 4_294_967_296);
  }
  buffer[offset] = 0x82;
  return buffer.writeDoubleBE(value, offset + 1);
}

function isInt(value: number): boolean {
  return value === (value | 0) && !Object.is(value, -0);
}
