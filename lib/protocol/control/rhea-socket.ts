// What rhea takes for its socket. It reads frames that the control plane made, one or one header per chunk, and never a byte of
// the peer.

import { EventEmitter } from 'node:events';

/** The part of a socket that rhea uses: `data` and `end` events, `write`, `end`, `destroy`, `setNoDelay`. */
export class RheaSocket extends EventEmitter {
  private isOver = false;

  /** @param onWrite one frame or one protocol header, as rhea wrote it */
  constructor(private readonly onWrite: (bytes: Buffer) => void) {
    super();
  }

  /** Hands one frame or header to rhea. */
  deliver(bytes: Buffer): void {
    if (!this.isOver) this.emit('data', bytes);
  }

  /** Rhea is told that its socket ended, which makes it give up whatever it waits for. */
  disconnect(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.emit('end');
  }

  write(bytes: Buffer): boolean {
    if (!this.isOver) this.onWrite(bytes);
    return true;
  }

  /** Rhea ends its socket after CLOSE in both directions, or after an error that it reported by an event: both are seen to elsewhere. */
  end(): void {
    return undefined;
  }

  destroy(): void {
    return undefined;
  }

  setNoDelay(): void {
    return undefined;
  }

  /** Asked for log lines. */
  get_id_string(): string {
    return 'nestjs-amqp10';
  }
}
