// Reads the few fields of the hot performatives without making objects.

/** A cursor over the fields of a described list. One object is used for every frame. */
export class Fields {
  buffer;
  position = 0;
  count = 0;
  end = 0;

  open(buffer, at) {
    this.buffer = buffer;
    const code = buffer[at];
    if (code === 0x45) {
      this.count = 0;
      this.position = at + 1;
      this.end = at + 1;
    } else if (code === 0xc0) {
      this.end = at + 2 + buffer[at + 1];
      this.count = buffer[at + 2];
      this.position = at + 3;
    } else {
      this.end = at + 5 + buffer.readUInt32BE(at + 1);
      this.count = buffer.readUInt32BE(at + 5);
      this.position = at + 9;
    }
  }

  /** An unsigned integer, or -1 for null and for fields that are not there. */
  uint() {
    if (this.count === 0) return -1;
    this.count -= 1;
    const { buffer } = this;
    const code = buffer[this.position++];
    if (code === 0x43) return 0;
    if (code === 0x52) return buffer[this.position++];
    if (code === 0x70) {
      this.position += 4;
      return buffer.readUInt32BE(this.position - 4);
    }
    if (code === 0x40) return -1;
    throw new Error(`0x${code.toString(16)} is no uint`);
  }

  boolean() {
    if (this.count === 0) return false;
    this.count -= 1;
    const code = this.buffer[this.position++];
    if (code === 0x56) return this.buffer[this.position++] === 1;
    return code === 0x41;
  }

  /** Passes over a binary or null. */
  skipBinary() {
    if (this.count === 0) return;
    this.count -= 1;
    const code = this.buffer[this.position++];
    if (code === 0xa0) this.position += 1 + this.buffer[this.position];
    else if (code === 0xb0) this.position += 4 + this.buffer.readUInt32BE(this.position);
    else if (code !== 0x40) throw new Error(`0x${code.toString(16)} is no binary`);
  }

  /** The descriptor code of a described value, or -1. */
  described() {
    if (this.count === 0 || this.buffer[this.position] !== 0) return -1;
    return this.buffer[this.position + 2];
  }
}

const FIXED = [0, 1, 2, 4, 8, 16];

/** The position after the value whose constructor is at `at`. */
function after(buffer, at) {
  const code = buffer[at];
  const high = code >> 4;
  if (high >= 4 && high <= 9) return at + 1 + FIXED[high - 4];
  return high % 2 === 0 ? at + 2 + buffer[at + 1] : at + 5 + buffer.readUInt32BE(at + 1);
}

/** Finds the data (or string) body in encoded sections and hands its bounds over. */
export function bodyOf(buffer, start, end, found) {
  for (let at = start; at < end;) {
    const code = buffer[at + 1] === 0x53 ? buffer[at + 2] : Number(buffer.readBigUInt64BE(at + 2));
    const value = at + (buffer[at + 1] === 0x53 ? 3 : 10);
    const next = after(buffer, value);
    if (code === 0x75 || code === 0x77) return found(buffer, value + ((buffer[value] >> 4) % 2 === 0 ? 2 : 5), next);
    at = next;
  }
  throw new Error('a message without a body');
}
