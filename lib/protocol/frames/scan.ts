// Walks over a frame body before anything decodes it: sizes, depth and counts, with nothing allocated for what the peer claims.

import { MAX_DEPTH, MAX_FRAME_VALUES, MAX_ZERO_WIDTH_ITEMS } from '../types/limits.js';
import { FramingError } from './framing-error.js';

export { FramingError } from './framing-error.js';

/** Bytes that follow a type code, by its upper half: 0x4_ to 0x9_. */
const FIXED_WIDTH: readonly number[] = [0, 0, 0, 0, 0, 1, 2, 4, 8, 16];

const KNOWN_CODES: readonly boolean[] = knownCodes([
  [0x40, 0x41, 0x42, 0x43, 0x44, 0x45],
  [0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56],
  [0x60, 0x61],
  [0x70, 0x71, 0x72, 0x73, 0x74],
  [0x80, 0x81, 0x82, 0x83, 0x84],
  [0x94, 0x98],
  [0xa0, 0xa1, 0xa3],
  [0xb0, 0xb1, 0xb3],
  [0xc0, 0xc1],
  [0xd0, 0xd1],
  [0xe0, 0xf0],
]);

/**
 * Walks over the value that starts at `start`; answers where it ends.
 * @throws {FramingError} it is not well-formed inside `buffer[start, end)`, or larger than any control frame may be
 */
export function scanValue(buffer: Buffer, start: number, end: number): number {
  const scanner = new Scanner(buffer, start, end);
  scanner.value(0);
  return scanner.position;
}

/**
 * Walks over the body of a control frame, which must be one described value and nothing after it.
 * @throws {FramingError}
 */
export function scanFrameBody(buffer: Buffer, start: number, end: number): void {
  descriptorCode(buffer, start, end);
  if (scanValue(buffer, start, end) !== end) throw malformed('bytes follow the performative');
}

/**
 * The numeric descriptor of a frame body. It is below 256 for all that AMQP defines; symbolic descriptors are not taken.
 * @throws {FramingError} the body is not a described value, or its descriptor is none of these
 */
export function descriptorCode(buffer: Buffer, start: number, end: number): number {
  if (end - start < 3 || buffer[start] !== 0) throw malformed('a frame body is not a described value');
  if (buffer[start + 1] === 0x53) return buffer.readUInt8(start + 2);
  if (buffer[start + 1] === 0x80 && end - start >= 10) {
    const code = buffer.readUInt32BE(start + 6);
    if (buffer.readUInt32BE(start + 2) === 0 && code < 256) return code;
  }
  throw malformed('a frame body has a descriptor that AMQP does not define');
}

/** Where what the descriptor describes starts, after `descriptorCode` accepted it. */
export function describedStart(buffer: Buffer, start: number): number {
  return start + (buffer[start + 1] === 0x53 ? 3 : 10);
}

class Scanner {
  private values = 0;

  constructor(
    private readonly buffer: Buffer,
    public position: number,
    private readonly end: number,
  ) {}

  value(depth: number): void {
    const code = this.byte();
    if (code !== 0) return this.body(code, depth);
    if (depth >= MAX_DEPTH) throw tooDeep();
    this.descriptor();
    this.value(depth + 1);
  }

  private descriptor(): void {
    const code = this.byte();
    // ulong or symbol: section 1.2 reserves all others.
    if (code !== 0x44 && code !== 0x53 && code !== 0x80 && code !== 0xa3 && code !== 0xb3)
      throw malformed('a descriptor is neither a ulong nor a symbol');
    this.body(code, 0);
  }

  /** What follows a type code. */
  private body(code: number, depth: number): void {
    if (KNOWN_CODES[code] !== true) throw malformed(`0x${code.toString(16).padStart(2, '0')} is no type code`);
    if (++this.values > MAX_FRAME_VALUES) throw malformed(`a frame has more than ${MAX_FRAME_VALUES} values`);
    const width = FIXED_WIDTH[code >> 4];
    if (width !== undefined) this.move(width);
    else if (code < 0xb0) this.move(this.byte());
    else if (code < 0xc0) this.move(this.word());
    else this.compound(code, depth);
  }

  private compound(code: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw tooDeep();
    const isShort = code < 0xd0 || code === 0xe0;
    const size = isShort ? this.byte() : this.word();
    const end = this.position + size;
    if (end > this.end) throw malformed('a list, map or array is larger than its frame');
    const count = isShort ? this.byte() : this.word();
    if (code === 0xe0 || code === 0xf0) this.items(count, end, depth);
    else {
      if (count > end - this.position) throw malformed('a list or map says it has more items than bytes');
      if ((code & 1) === 1 && count % 2 !== 0) throw malformed('a map has a key without a value');
      for (let i = 0; i < count; i++) this.value(depth + 1);
    }
    if (this.position !== end) throw malformed('a list, map or array is not as long as it says');
  }

  private items(count: number, end: number, depth: number): void {
    let code = this.byte();
    if (code === 0) {
      this.descriptor();
      code = this.byte();
    }
    const isZeroWidth = code >> 4 === 4;
    if (KNOWN_CODES[code] !== true || count > (isZeroWidth ? MAX_ZERO_WIDTH_ITEMS : end - this.position))
      throw malformed('an array has items of an unknown type, or says it has more than bytes');
    for (let i = 0; i < count; i++) this.body(code, depth + 1);
  }

  private byte(): number {
    if (this.position >= this.end) throw truncated();
    // Checked above.
    return this.buffer[this.position++] as number;
  }

  private word(): number {
    const start = this.position;
    this.move(4);
    return this.buffer.readUInt32BE(start);
  }

  private move(size: number): void {
    if (size > this.end - this.position) throw truncated();
    this.position += size;
  }
}

function knownCodes(groups: readonly (readonly number[])[]): boolean[] {
  const known = Array.from({ length: 256 }, () => false);
  for (const code of groups.flat()) known[code] = true;
  return known;
}

function malformed(message: string): FramingError {
  return new FramingError(message, 'amqp:decode-error');
}

function truncated(): FramingError {
  return malformed('the bytes end in the middle of a value');
}

function tooDeep(): FramingError {
  return malformed(`values stand more than ${MAX_DEPTH} deep in one another`);
}
