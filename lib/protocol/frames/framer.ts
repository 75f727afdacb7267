// A message arriving: socket -> frame.

import { FramingError } from './framing-error.js';

const HEADER_SIZE = 8;
/** "AMQP", where a frame has its size. */
const PROTOCOL = 0x414d5150;
/** What is allocated at once for a frame that did not arrive whole: our usual max-frame-size. For a larger one it is doubled as its bytes come. */
const FIRST_CAPACITY = 65_536;

/** What a framer finds. Neither function may throw for reasons of its own: what it throws comes out of `push`. */
export interface FrameSink {
  /** A protocol header of 8 bytes. */
  header(bytes: Buffer): void;
  /**
   * The whole frame is `buffer[start, start + size)`, its body `buffer[bodyStart, start + size)`: empty for a heartbeat. The memory
   * is never written again.
   */
  frame(buffer: Buffer, start: number, size: number, bodyStart: number): void;
}

/**
 * Cuts a byte stream into frames, however it was chopped: each byte is copied once at most, and no more than one frame of
 * at most `maxFrameSize` is kept. Frames that arrive whole are not copied.
 */
export class Framer {
  private partial: Buffer = Buffer.alloc(0);
  private have = 0;
  private stopped = false;

  constructor(
    private readonly maxFrameSize: number,
    private readonly sink: FrameSink,
  ) {}

  /** @throws {FramingError} a size or data offset that cannot be; the framer is stopped then */
  push(chunk: Buffer): void {
    try {
      this.cut(chunk);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Nothing is reported from now on, not even the rest of a chunk that is being pushed. */
  stop(): void {
    this.stopped = true;
    this.partial = Buffer.alloc(0);
    this.have = 0;
  }

  private cut(chunk: Buffer): void {
    const end = chunk.length;
    let position = this.have > 0 ? this.complete(chunk) : 0;
    while (!this.stopped && end - position >= HEADER_SIZE) {
      const size = this.sizeAt(chunk, position);
      if (end - position < size) break;
      this.report(chunk, position, size);
      position += size;
    }
    if (this.stopped || position === end) return;
    const size = end - position < HEADER_SIZE ? HEADER_SIZE : this.sizeAt(chunk, position);
    this.keep(chunk, position, end, size);
  }

  /** Adds to the frame that was begun; answers how much of the chunk that took. */
  private complete(chunk: Buffer): number {
    let taken = 0;
    if (this.have < HEADER_SIZE) {
      taken = Math.min(HEADER_SIZE - this.have, chunk.length);
      this.keep(chunk, 0, taken, HEADER_SIZE);
      if (this.have < HEADER_SIZE) return taken;
    }
    const size = this.sizeAt(this.partial, 0);
    const more = Math.min(size - this.have, chunk.length - taken);
    this.keep(chunk, taken, taken + more, size);
    if (this.have === size) {
      const frame = this.partial;
      this.partial = Buffer.alloc(0);
      this.have = 0;
      this.report(frame, 0, size);
    }
    return taken + more;
  }

  /** Copies, growing by doubling: a peer that announces a large frame does not get the memory before it sends the bytes. */
  private keep(chunk: Buffer, start: number, end: number, frameSize: number): void {
    const needed = this.have + end - start;
    if (needed > this.partial.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.max(needed, Math.min(frameSize, Math.max(this.partial.length * 2, FIRST_CAPACITY))),
      );
      this.partial.copy(larger, 0, 0, this.have);
      this.partial = larger;
    }
    chunk.copy(this.partial, this.have, start, end);
    this.have = needed;
  }

  private sizeAt(buffer: Buffer, position: number): number {
    const size = buffer.readUInt32BE(position);
    if (size === PROTOCOL) return HEADER_SIZE;
    if (size < HEADER_SIZE) throw new FramingError(`a frame says it has ${size} bytes; 8 is the least`);
    if (size > this.maxFrameSize)
      throw new FramingError(`a frame says it has ${size} bytes; ${this.maxFrameSize} is the most that was agreed`);
    return size;
  }

  private report(buffer: Buffer, start: number, size: number): void {
    if (buffer.readUInt32BE(start) === PROTOCOL) {
      this.sink.header(buffer.subarray(start, start + HEADER_SIZE));
      return;
    }
    const bodyOffset = buffer.readUInt8(start + 4) * 4;
    if (bodyOffset < HEADER_SIZE || bodyOffset > size)
      throw new FramingError(`a frame of ${size} bytes says that its body starts at ${bodyOffset}`);
    this.sink.frame(buffer, start, size, start + bodyOffset);
  }
}
