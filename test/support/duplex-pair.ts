import { Duplex } from 'node:stream';

class Half extends Duplex {
  private other: Half | undefined;
  private release: (() => void) | undefined;

  connect(other: Half): void {
    this.other = other;
  }

  override _read(): void {
    const release = this.release;
    this.release = undefined;
    release?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const other = this.other;
    if (other === undefined || other.destroyed) done(new Error('the other end is gone'));
    else if (other.push(chunk)) setImmediate(done);
    else other.release = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const other = this.other;
    // What was written before is read before the end is noticed, as on a socket.
    setImmediate(() => {
      if (other !== undefined && !other.destroyed && !other.readableEnded) other.push(null);
      if (other !== undefined && !other.destroyed) setImmediate(() => other.destroy());
    });
    this.release?.();
    done(error);
  }
}

/** Two connected in-memory streams: what is written into one is read from the other, with back-pressure; an end or a destroy crosses over. */
export function duplexPair(): [Duplex, Duplex] {
  const left = new Half({ allowHalfOpen: true });
  const right = new Half({ allowHalfOpen: true });
  left.connect(right);
  right.connect(left);
  return [left, right];
}
