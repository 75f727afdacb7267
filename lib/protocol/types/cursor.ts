// A message arriving: a bounds-checked reader over part of a buffer. Every read checks first, so that no input can make it read
// past the end, recurse without limit or build more than it brought bytes for.

import { DecodeError } from '../errors.js';
import { truncated, unexpected } from './decode-failures.js';
import { MAX_MESSAGE_VALUES } from './limits.js';
import { ownBytes } from './own-bytes.js';
import { readText, readWord } from './text.js';

const NOTHING = Buffer.alloc(0);

/**
 * Reads AMQP values one after the other. A field that is null reads as `undefined` in the typed readers. Make one per reader
 * and `open` it again for each frame or message.
 * @throws {DecodeError} from every method: truncated, or of another type than asked for
 */
export class Cursor {
  buffer: Buffer = NOTHING;
  position = 0;
  end = 0;
  /** Where the list last opened by `list()` ends. */
  listEnd = 0;
  /** How many more values may be built. */
  budget = 0;

  open(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.position = start;
    this.end = end > buffer.length ? buffer.length : end;
    this.budget = MAX_MESSAGE_VALUES;
    return this;
  }

  /** Lets go of the buffer. */
  close(): void {
    this.buffer = NOTHING;
    this.position = this.end = 0;
  }

  /** The next byte. */
  byte(): number {
    if (this.position >= this.end) throw truncated();
    // Checked above.
    return this.buffer[this.position++] as number;
  }

  /** The type code of the next value, which stays where it is. */
  peek(): number {
    if (this.position >= this.end) throw truncated();
    // Checked above.
    return this.buffer[this.position] as number;
  }

  /** Moves over `size` bytes and answers where they start. */
  take(size: number): number {
    const start = this.position;
    if (size > this.end - start) throw truncated();
    this.position = start + size;
    return start;
  }

  /** Moves over a null, if that is what comes next. */
  skipNull(): boolean {
    if (this.position < this.end && this.buffer[this.position] === 0x40) {
      this.position++;
      return true;
    }
    return false;
  }

  /** Any unsigned integer up to 32 bits, however wide it was written. */
  uint(): number | undefined {
    const code = this.byte();
    switch (code) {
      case 0x43: // uint0
      case 0x44: // ulong0
        return 0;
      case 0x52: // smalluint
      case 0x50: // ubyte
      case 0x53: // smallulong
        return this.byte();
      case 0x70: // uint
        return this.buffer.readUInt32BE(this.take(4));
      case 0x60: // ushort
        return this.buffer.readUInt16BE(this.take(2));
      case 0x40:
        return undefined;
      case 0x80: {
        const at = this.take(8);
        if (this.buffer.readUInt32BE(at) !== 0) throw new DecodeError('an unsigned integer is over 2^32 - 1');
        return this.buffer.readUInt32BE(at + 4);
      }
      default:
        throw unexpected('an unsigned integer', code);
    }
  }

  /** Any unsigned integer; a bigint when it is not a safe integer. */
  ulong(): number | bigint | undefined {
    if (this.position < this.end && this.buffer[this.position] === 0x80) {
      this.position++;
      return this.unsigned64();
    }
    return this.uint();
  }

  bool(): boolean | undefined {
    const code = this.byte();
    switch (code) {
      case 0x41:
        return true;
      case 0x42:
        return false;
      case 0x40:
        return undefined;
      case 0x56:
        return this.wideBoolean();
      default:
        throw unexpected('a boolean', code);
    }
  }

  /** Moves over a binary; -1 for null. Its bytes are the `length` before `position`. Makes nothing. */
  binaryLength(): number {
    const code = this.byte();
    let length: number;
    if (code === 0xa0) length = this.byte();
    else if (code === 0xb0) length = this.length32();
    else if (code === 0x40) return -1;
    else throw unexpected('a binary', code);
    this.take(length);
    return length;
  }

  /** A view of the bytes, valid as long as the buffer is. */
  binary(): Buffer | undefined {
    const length = this.binaryLength();
    return length < 0 ? undefined : this.buffer.subarray(this.position - length, this.position);
  }

  /** Bytes to keep: see `ownBytes`. */
  ownedBinary(): Buffer | undefined {
    const length = this.binaryLength();
    return length < 0 ? undefined : ownBytes(this.buffer, this.position - length, this.position);
  }

  /** A string; a symbol is taken too, since peers mix them up. */
  string(): string | undefined {
    const code = this.byte();
    let length: number;
    if (code === 0xa1 || code === 0xa3) length = this.byte();
    else if (code === 0xb1 || code === 0xb3) length = this.length32();
    else if (code === 0x40) return undefined;
    else throw unexpected('a string', code);
    const start = this.take(length);
    return readText(this.buffer, start, start + length);
  }

  /** A symbol or string that repeats from message to message: looked up, not made again. */
  word(): string | undefined {
    const code = this.byte();
    let length: number;
    if (code === 0xa3 || code === 0xa1) length = this.byte();
    else if (code === 0xb3 || code === 0xb1) length = this.length32();
    else if (code === 0x40) return undefined;
    else throw unexpected('a symbol', code);
    const start = this.take(length);
    return readWord(this.buffer, start, start + length);
  }

  timestamp(): Date | undefined {
    const code = this.byte();
    if (code === 0x40) return undefined;
    if (code !== 0x83) throw unexpected('a timestamp', code);
    const at = this.take(8);
    const date = new Date(this.buffer.readInt32BE(at) * 4_294_967_296 + this.buffer.readUInt32BE(at + 4));
    if (Number.isNaN(date.getTime())) throw new DecodeError('a timestamp is beyond what a Date can hold');
    return date;
  }

  /** Opens a list: moves to its first item, sets `listEnd`, answers how many there are. */
  list(): number {
    const code = this.byte();
    if (code === 0x45) {
      this.listEnd = this.position;
      return 0;
    }
    if (code !== 0xc0 && code !== 0xd0) throw unexpected('a list', code);
    const count = this.compound(code === 0xc0);
    this.listEnd = this.compoundEnd;
    return count;
  }

  /** Ends a list that was read item by item. */
  closeList(end: number): void {
    if (this.position !== end) throw new DecodeError('a list is not as long as it says');
  }

  /** Where the compound last opened by `compound` ends. */
  compoundEnd = 0;

  /** Size and count of a list, map or array, whose code was read; each item but an array's takes a byte at least. */
  compound(short: boolean, array = false): number {
    let end: number;
    let count: number;
    if (short) {
      end = this.byte() + this.position;
      count = this.byte();
    } else {
      const size = this.length32();
      end = this.position + size;
      count = this.length32();
    }
    if (end > this.end || end < this.position) throw truncated();
    if (!array && count > end - this.position) throw new DecodeError('a list or map says it has more items than bytes');
    this.compoundEnd = end;
    this.spend(count);
    return count;
  }

  /** Counts values that are about to be built. */
  spend(count: number): void {
    this.budget -= count;
    if (this.budget < 0) throw new DecodeError(`a message has more than ${MAX_MESSAGE_VALUES} values`);
  }

  /** A four-byte length. */
  length32(): number {
    return this.buffer.readUInt32BE(this.take(4));
  }

  unsigned64(): number | bigint {
    const at = this.take(8);
    const value = this.buffer.readUInt32BE(at) * 4_294_967_296 + this.buffer.readUInt32BE(at + 4);
    return Number.isSafeInteger(value) ? value : this.buffer.readBigUInt64BE(at);
  }

  signed64(): number | bigint {
    const at = this.take(8);
    const value = this.buffer.readInt32BE(at) * 4_294_967_296 + this.buffer.readUInt32BE(at + 4);
    return Number.isSafeInteger(value) ? value : this.buffer.readBigInt64BE(at);
  }

  wideBoolean(): boolean {
    const value = this.byte();
    if (value > 1) throw new DecodeError('a boolean is neither 0 nor 1');
    return value === 1;
  }
}
