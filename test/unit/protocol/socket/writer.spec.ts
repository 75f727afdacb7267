import { describe, expect, it } from '@jest/globals';
import { Duplex } from 'node:stream';
import { HIGH_WATER_BYTES, SLAB_BYTES, Writer } from '../../../../lib/protocol/socket/writer.js';
import { turn } from '../../../peer/protocol/harness.js';

/** Takes what is written when it is told to, and may do something in the middle of it. */
class Sink extends Duplex {
  readonly chunks: Buffer[] = [];
  isHeld = false;
  onWrite: (chunk: Buffer) => void = () => undefined;
  private pending: (() => void) | undefined;

  override _read(): void {
    return undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk);
    this.onWrite(chunk);
    if (this.isHeld) this.pending = done;
    else done();
  }

  release(): void {
    this.isHeld = false;
    this.pending?.();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
}

const put = (writer: Writer, text: string): void => writer.append(Buffer.from(text));

describe('the writer', () => {
  it('writes once per tick what many appended, in order', async () => {
    const sink = new Sink();
    const writer = new Writer(sink);
    for (const text of ['a', 'b', 'c']) put(writer, text);
    expect(sink.chunks).toEqual([]);
    await turn();
    put(writer, 'd');
    await turn();
    expect(sink.chunks.map(String)).toEqual(['abc', 'd']);
    expect(writer.bytesWritten).toBe(4);
  });

  it('waits for the end of the turn where that is enough, unless something goes out before', async () => {
    const sink = new Sink();
    const writer = new Writer(sink);
    const order: string[] = [];
    writer.use({ beforeFlush: () => order.push('flush'), afterFlush: () => undefined, onRoom: () => undefined });
    writer.scheduleLate();
    await Promise.resolve();
    process.nextTick(() => order.push('next tick'));
    await turn();
    expect(order).toEqual(['next tick', 'flush']);
  });

  it('keeps the order when the stream answers inside write, and never writes into what it handed over', async () => {
    const sink = new Sink();
    const writer = new Writer(sink);
    let answers = 0;
    sink.onWrite = () => {
      if (answers === 3) return;
      answers += 1;
      put(writer, `<${answers}>`);
      writer.flush();
    };
    const large = 'x'.repeat(SLAB_BYTES - 10);
    put(writer, large);
    put(writer, 'y'.repeat(100));
    put(writer, 'z'.repeat(SLAB_BYTES + 5));
    put(writer, '!');
    await turn();
    const expected = `${large}${'y'.repeat(100)}${'z'.repeat(SLAB_BYTES + 5)}!`;
    expect(sink.text.length).toBe(expected.length + 9);
    expect(sink.text.startsWith(expected)).toBe(true);
    expect(sink.text.slice(-9)).toBe('<1><2><3>');
  });

  it('is full within the tick, and says once that there is room again', async () => {
    const sink = new Sink();
    const writer = new Writer(sink);
    let room = 0;
    writer.use({ beforeFlush: () => undefined, afterFlush: () => undefined, onRoom: () => void (room += 1) });
    sink.isHeld = true;
    const chunk = Buffer.alloc(100_000);
    while (!writer.isFull) writer.append(chunk);
    expect(sink.chunks).toEqual([]);
    await turn();
    expect(writer.isFull).toBe(true);
    expect(sink.writableLength).toBeGreaterThan(HIGH_WATER_BYTES);
    expect(room).toBe(0);
    sink.release();
    await turn();
    expect([writer.isFull, room]).toEqual([false, 1]);
  });

  it('a stream that takes everything at once is full until the tick ends', async () => {
    const sink = new Sink();
    const writer = new Writer(sink);
    let room = 0;
    writer.use({ beforeFlush: () => undefined, afterFlush: () => undefined, onRoom: () => void (room += 1) });
    while (!writer.isFull) writer.append(Buffer.alloc(100_000));
    await turn();
    expect([writer.isFull, room]).toEqual([false, 1]);
  });

  it('forgets what was not handed over, and writes nothing once closed', async () => {
    const sink = new Sink();
    const writer = new Writer(sink);
    put(writer, 'gone');
    put(writer, 'x'.repeat(SLAB_BYTES));
    writer.discard();
    put(writer, 'kept');
    await turn();
    put(writer, 'late');
    writer.close();
    writer.flush();
    put(writer, 'later');
    await turn();
    expect(sink.text).toBe('kept');
  });
});
