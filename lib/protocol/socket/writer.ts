// A message leaving, last step: everything that goes out on a connection goes through one writer, in order, in one buffer.

import type { Duplex } from 'node:stream';

/** Size of the buffer that frames are written into, and so of the largest frame written in place. */
export const SLAB_BYTES = 256 * 1024;
/** Bytes waiting here or in the stream above which links are told to wait. */
export const HIGH_WATER_BYTES = 1024 * 1024;
/** Less than this is copied rather than written as a piece of its own. */
const LEAST_PIECE = 8192;

/** What the writer asks of the data plane. None may throw. */
export interface WriterHooks {
  /** Last chance to add frames (dispositions, credit) before the buffer goes to the stream. */
  beforeFlush(): void;
  /** All bytes so far were handed to the stream. */
  afterFlush(): void;
  /** The stream has room again. */
  onRoom(): void;
}

/**
 * The one ordered way out. Sends are written once per tick, settlements and credit once per turn of the event loop; whatever
 * triggers the write, everything goes with it.
 */
export class Writer {
  /** Frames are written here at `position`, after `reserve`. */
  buffer: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  position = 0;
  /** More than `HIGH_WATER_BYTES` wait; `onRoom` follows. */
  isFull = false;
  /** Bytes that were handed to the stream, ever; the heartbeat looks whether it moved. */
  bytesWritten = 0;
  /** Is shown what is handed to the stream. */
  onWrite: ((bytes: Buffer) => void) | undefined;

  /**
   * Many pieces cost the stream one call, so that `appendOwn` need not copy. Without it each write is an event of its own (a WebSocket
   * message, a turn of a stream in memory), and frames stay whole.
   */
  readonly gathers: boolean;

  private hooks: WriterHooks | undefined;
  private isClosed = false;
  private atTickEnd = false;
  private atTurnEnd = false;
  /** What lies before this in `buffer` was handed to the stream. */
  private writtenUpTo = 0;
  /** Full buffers of this tick. They are not written before its end: a stream in memory may answer inside `write`. */
  private pieces: Buffer[] = [];
  private pieceBytes = 0;
  private readonly onTick = (): void => this.flush();
  private readonly onTurn = (): void => {
    this.atTurnEnd = false;
    if (!this.atTickEnd) this.flush();
  };

  constructor(private readonly stream: Duplex) {
    this.gathers = typeof Reflect.get(stream, '_writev') === 'function';
    stream.on('drain', () => {
      if (!this.isFull || this.isClosed) return;
      this.isFull = false;
      this.hooks?.onRoom();
    });
  }

  use(hooks: WriterHooks): void {
    this.hooks = hooks;
  }

  /** Makes room for `bytes` (at most `SLAB_BYTES`) at `position` and sees to it that they are written at the end of this tick. */
  reserve(bytes: number): void {
    if (this.position + bytes > SLAB_BYTES) this.replace();
    if (!this.atTickEnd) this.schedule();
  }

  /** Writes at the end of this tick. */
  schedule(): void {
    if (this.atTickEnd || this.isClosed) return;
    this.atTickEnd = true;
    process.nextTick(this.onTick);
  }

  /** Writes once the callbacks of this turn of the event loop have run, so that what finishes in many ticks goes out in one frame. */
  scheduleLate(): void {
    if (this.atTickEnd || this.atTurnEnd || this.isClosed) return;
    this.atTurnEnd = true;
    setImmediate(this.onTurn);
  }

  /** A whole frame, or several. The bytes are copied. */
  append(bytes: Buffer): void {
    if (this.isClosed) return;
    if (bytes.length > SLAB_BYTES) {
      this.replace();
      this.addPiece(Buffer.from(bytes));
      this.schedule();
      return;
    }
    this.reserve(bytes.length);
    bytes.copy(this.buffer, this.position);
    this.position += bytes.length;
  }

  /** The same for bytes that nobody ever writes into again. Large ones are not copied where the stream `gathers`. */
  appendOwn(bytes: Buffer): void {
    if (bytes.length < LEAST_PIECE || !this.gathers) return this.append(bytes);
    if (this.isClosed) return;
    this.addPiece(this.takeCurrent());
    this.addPiece(bytes);
    this.schedule();
  }

  /** Hands everything to the stream now. */
  flush(): void {
    if (this.isClosed) return;
    this.atTickEnd = true; // what the hook writes needs no tick of its own
    this.hooks?.beforeFlush();
    this.atTickEnd = false;
    this.spill();
    this.hooks?.afterFlush();
    this.checkRoom();
  }

  /** Forgets what was not handed to the stream yet. */
  discard(): void {
    this.position = this.writtenUpTo;
    this.pieces = [];
    this.pieceBytes = 0;
  }

  /** From now on nothing is written; what was not handed over is forgotten. */
  close(): void {
    this.isClosed = true;
    this.discard();
  }

  /** All pieces in one go, so that what is written in answer to one of them comes behind the others. */
  private spill(): void {
    const { stream, pieces } = this;
    const isSingle = pieces.length === 0;
    this.addPiece(this.takeCurrent());
    if (this.pieceBytes === 0) return;
    this.bytesWritten += this.pieceBytes;
    this.pieces = [];
    this.pieceBytes = 0;
    if (!isSingle) stream.cork();
    if (this.onWrite !== undefined) for (const piece of pieces) this.onWrite(piece);
    for (const piece of pieces) stream.write(piece);
    if (!isSingle) stream.uncork();
  }

  /**
   * Bytes that were handed over are never written again: a stream in memory passes them on as they are. (Using a buffer again
   * on a socket was measured: it saves nothing.)
   */
  private replace(): void {
    this.addPiece(this.takeCurrent());
    this.buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.position = this.writtenUpTo = 0;
  }

  private takeCurrent(): Buffer {
    const { writtenUpTo, position } = this;
    this.writtenUpTo = position;
    return this.buffer.subarray(writtenUpTo, position);
  }

  private addPiece(piece: Buffer): void {
    if (piece.length === 0) return;
    this.pieces.push(piece);
    this.pieceBytes += piece.length;
    if (this.pieceBytes > HIGH_WATER_BYTES) this.isFull = true;
  }

  /** After a write: whether there is room, and if there is again, whoever waits for it is told. */
  private checkRoom(): void {
    const wasFull = this.isFull;
    const { stream } = this;
    this.isFull = stream.writableNeedDrain && stream.writableLength > HIGH_WATER_BYTES;
    if (wasFull && !this.isFull && !this.isClosed) this.hooks?.onRoom();
  }
}
