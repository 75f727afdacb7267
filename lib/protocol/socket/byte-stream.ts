// One connected byte stream: bytes in, one ordered writer out, and "lost" said exactly once.

import type { Duplex } from 'node:stream';
import { performance } from 'node:perf_hooks';
import { Writer } from './writer.js';

export interface ByteStreamHandlers {
  onBytes(chunk: Buffer): void;
  /** Once, unless we ended it ourselves. `undefined`: the peer ended the stream in order. */
  onLost(cause: Error | undefined): void;
}

/** Owns a stream from now on. */
export class ByteStream {
  readonly writer: Writer;
  /** When bytes last came, by `performance.now()`. */
  lastReadAt = performance.now();

  private isOver = false;

  constructor(
    private readonly stream: Duplex,
    private readonly handlers: ByteStreamHandlers,
  ) {
    this.writer = new Writer(stream);
    stream.on('data', (chunk: Buffer) => {
      this.lastReadAt = performance.now();
      if (!this.isOver) this.handlers.onBytes(chunk);
    });
    // After the end too: an error event without a listener would end the process.
    stream.on('error', (error: Error) => this.lose(error));
    stream.on('end', () => this.lose(undefined));
    stream.on('close', () => this.lose(undefined));
    if (stream.destroyed) process.nextTick(() => this.lose(undefined));
  }

  get isOpen(): boolean {
    return !this.isOver;
  }

  /**
   * Writes what there is and ends the stream; it is destroyed once that is done (`lingers`: once the peer has ended its side too,
   * so that what we said last is not lost in a reset), at the latest after `graceMs`. Resolves then. `onLost` is not called.
   */
  end(graceMs: number, lingers: boolean): Promise<void> {
    const { stream } = this;
    if (stream.destroyed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => stream.once('close', resolve));
    if (this.isOver) return closed;
    this.writer.flush();
    this.isOver = true;
    this.writer.close();
    const timer = setTimeout(() => stream.destroy(), graceMs);
    stream.once('close', () => clearTimeout(timer));
    if (lingers) stream.once('end', () => stream.destroy());
    stream.end(() => {
      if (!lingers) stream.destroy();
    });
    return closed;
  }

  /** Drops the stream without a word. `onLost` is not called. */
  destroy(): void {
    this.isOver = true;
    this.writer.close();
    if (!this.stream.destroyed) this.stream.destroy();
  }

  private lose(cause: Error | undefined): void {
    if (this.isOver) return;
    this.destroy();
    this.handlers.onLost(cause);
  }
}
