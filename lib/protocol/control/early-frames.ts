import type { FrameSink } from '../frames/framer.js';

/**
 * Keeps what a peer sends right behind its SASL outcome, in the same segment perhaps, until there is somebody to take it. A peer need
 * not wait for our header (section 2.2).
 */
export class EarlyFrames implements FrameSink {
  private held: ((sink: FrameSink) => void)[] = [];

  header(bytes: Buffer): void {
    this.held.push((sink) => sink.header(bytes));
  }

  frame(buffer: Buffer, start: number, size: number, bodyStart: number): void {
    this.held.push((sink) => sink.frame(buffer, start, size, bodyStart));
  }

  /** Hands everything over, in order. Throws what the sink throws. */
  release(sink: FrameSink): void {
    for (const give of this.held.splice(0)) give(sink);
  }
}
