// Two ends of a byte stream inside the process.

import { Duplex } from 'node:stream';

/** Bytes on their way to one end above which the other has to wait. */
const HIGH_WATER_BYTES = 64 * 1024;

/** What one end writes the other reads, in a later turn of the event loop; each slows the other down as a socket would. */
export function memoryStreamPair(): readonly [Duplex, Duplex] {
  const near = new MemoryStream();
  const far = new MemoryStream();
  near.connect(far);
  far.connect(near);
  return [near, far];
}

/** The longest that a timer can be set to. */
const LONGEST_MS = 2 ** 31 - 1;

type WriteCallback = (error?: Error | null) => void;

class MemoryStream extends Duplex {
  #other: MemoryStream | undefined;
  /** Written by the other end, not yet handed to the reader. */
  #arriving: Buffer[] = [];
  #isArrivalPlanned = false;
  #isEnding = false;
  #isEndHandedOver = false;
  /** The other end's write, held back until somebody reads here. */
  #heldBack: WriteCallback | undefined;
  /** As an open socket, it keeps the process running: consumers on an embedded broker wait for messages. */
  readonly #alive = setInterval(() => undefined, LONGEST_MS);

  constructor() {
    super({ readableHighWaterMark: HIGH_WATER_BYTES, writableHighWaterMark: HIGH_WATER_BYTES, allowHalfOpen: false });
  }

  connect(other: MemoryStream): void {
    this.#other = other;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: WriteCallback): void {
    // A copy: the writer may use its memory again as soon as the callback was called.
    this.#other?.receive(Buffer.from(chunk), callback);
  }

  override _final(callback: WriteCallback): void {
    this.#other?.receiveEnd();
    callback();
  }

  override _read(): void {
    this.#goOn();
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    const other = this.#other;
    clearInterval(this.#alive);
    this.#other = undefined;
    this.#arriving = [];
    this.#goOn();
    // As a socket: what the other end wrote is lost, and it learns of it in a later turn.
    if (other !== undefined && !other.destroyed) setImmediate(() => other.receiveReset(this.writableFinished));
    callback(error);
  }

  /** Called by the other end. */
  receive(chunk: Buffer, callback: WriteCallback): void {
    if (this.destroyed) {
      callback(resetError());
      return;
    }
    this.#arriving.push(chunk);
    this.#heldBack = callback;
    this.#planArrival();
  }

  receiveEnd(): void {
    this.#isEnding = true;
    this.#planArrival();
  }

  /** The other end is gone; in order when it had ended its side: then what it wrote still arrives. */
  receiveReset(inOrder: boolean): void {
    if (!inOrder && !this.destroyed) this.destroy(resetError());
  }

  #planArrival(): void {
    if (this.#isArrivalPlanned) return;
    this.#isArrivalPlanned = true;
    setImmediate(() => {
      this.#isArrivalPlanned = false;
      this.#arrive();
    });
  }

  #arrive(): void {
    if (this.destroyed) return;
    const chunks = this.#arriving;
    this.#arriving = [];
    let wantsMore = true;
    for (const chunk of chunks) wantsMore = this.push(chunk);
    if (this.#isEnding && !this.#isEndHandedOver) {
      this.#isEndHandedOver = true;
      this.push(null);
    }
    if (wantsMore) this.#goOn();
  }

  #goOn(): void {
    const callback = this.#heldBack;
    this.#heldBack = undefined;
    callback?.();
  }
}

function resetError(): Error {
  return Object.assign(new Error('the other end of the in-memory stream is gone'), { code: 'ECONNRESET' });
}
