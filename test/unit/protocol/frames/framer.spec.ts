import { describe, expect, it } from '@jest/globals';
import { Framer } from '../../../../lib/protocol/frames/framer.js';
import { FramingError } from '../../../../lib/protocol/frames/scan.js';

const MAX = 65_536;

function frame(body: Buffer, { size = body.length + 8, doff = 2, type = 0, channel = 0 } = {}): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(size, 0);
  head[4] = doff;
  head[5] = type;
  head.writeUInt16BE(channel, 6);
  return Buffer.concat([head, body]);
}

/** What came out, as text; `push` never throws here but notes the condition. */
class Recorder {
  readonly seen: string[] = [];
  readonly framer: Framer;
  onFrame: (() => void) | undefined;

  constructor(maxFrameSize = MAX) {
    this.framer = new Framer(maxFrameSize, {
      header: (bytes) => void this.seen.push(`header ${bytes.toString('latin1')}`),
      frame: (buffer, start, size, bodyStart) => {
        this.seen.push(buffer.toString('latin1', bodyStart, start + size));
        this.onFrame?.();
      },
    });
  }

  push(...chunks: Buffer[]): this {
    for (const chunk of chunks) this.framer.push(chunk);
    return this;
  }
}

const HEADER = Buffer.from('AMQP\0\x01\0\0', 'latin1');

describe('cutting a byte stream into frames', () => {
  it.each([
    ['a size of 0', frame(Buffer.alloc(0), { size: 0 }), /0 bytes; 8 is the least/],
    ['a size of 1', frame(Buffer.alloc(0), { size: 1 }), /1 bytes; 8/],
    ['a size of 7', frame(Buffer.alloc(0), { size: 7 }), /7 bytes; 8/],
    ['a size one over the most', frame(Buffer.alloc(0), { size: MAX + 1 }), /65537 bytes; 65536 is the most/],
    ['a size of 2^31', frame(Buffer.alloc(0), { size: 2 ** 31 }), /is the most/],
    ['a size of 2^32 - 1', frame(Buffer.alloc(0), { size: 2 ** 32 - 1 }), /is the most/],
    ['a data offset of 0', frame(Buffer.alloc(0), { doff: 0 }), /body starts at 0/],
    ['a data offset of 1', frame(Buffer.alloc(0), { doff: 1 }), /body starts at 4/],
    ['a data offset of 255', frame(Buffer.alloc(10), { doff: 255 }), /body starts at 1020/],
    ['a data offset behind the end', frame(Buffer.alloc(3), { doff: 3 }), /body starts at 12/],
    ['an HTTP answer', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), /is the most/],
    ['a TLS record', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]), /is the most/],
  ])('refuses %s, whole and byte by byte, and is silent afterwards', (_, bytes, message) => {
    const whole = new Recorder();
    expect(() => whole.push(bytes)).toThrow(FramingError);
    expect(() => new Recorder().push(bytes)).toThrow(message);
    expect(() => new Recorder().push(...[...bytes].map((byte) => Buffer.from([byte])))).toThrow(message);
    whole.push(frame(Buffer.from('later')));
    expect(whole.seen).toEqual([]);
  });

  it('says framing-error', () => {
    expect(() => new Recorder().push(frame(Buffer.alloc(0), { size: 0 }))).toThrow(
      expect.objectContaining({ condition: 'amqp:connection:framing-error' }),
    );
  });

  it('refuses a size as soon as it is there, before the bytes it announces', () => {
    expect(() => new Recorder(512).push(frame(Buffer.alloc(0), { size: 513 }).subarray(0, 8))).toThrow(FramingError);
  });

  it('takes a frame of exactly the most, and an empty one', () => {
    const largest = Buffer.alloc(MAX - 8, 'x');
    expect(new Recorder().push(frame(largest), frame(Buffer.alloc(0))).seen).toEqual([largest.toString('latin1'), '']);
  });

  it('skips an extended header', () => {
    expect(new Recorder().push(frame(Buffer.from('extendedbody'), { doff: 4 })).seen).toEqual(['body']);
  });

  it('reports protocol headers, frames and headers again, in order', () => {
    const stream = Buffer.concat([
      HEADER,
      frame(Buffer.from('a')),
      HEADER,
      frame(Buffer.from('b')),
      frame(Buffer.alloc(0)),
    ]);
    const header = `header ${HEADER.toString('latin1')}`;
    expect(new Recorder().push(stream).seen).toEqual([header, 'a', header, 'b', '']);
  });

  it('gives the same however the stream is cut in two', () => {
    const stream = Buffer.concat([
      HEADER,
      frame(Buffer.from('first')),
      frame(Buffer.alloc(0)),
      frame(Buffer.from('second')),
    ]);
    const whole = new Recorder().push(stream).seen;
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(new Recorder().push(stream.subarray(0, cut), stream.subarray(cut)).seen).toEqual(whole);
    }
  });

  it('does not report the rest of a chunk once it is stopped in the middle of it', () => {
    const recorder = new Recorder();
    recorder.onFrame = () => {
      if (recorder.seen.length === 2) recorder.framer.stop();
    };
    recorder.push(Buffer.concat(['a', 'b', 'c', 'd'].map((text) => frame(Buffer.from(text)))));
    expect(recorder.seen).toEqual(['a', 'b']);
    recorder.push(frame(Buffer.from('e')), frame(Buffer.from('f')).subarray(0, 3));
    expect(recorder.seen).toEqual(['a', 'b']);
  });

  it('does not report the rest of a chunk that ended a frame begun before, once it is stopped', () => {
    const recorder = new Recorder();
    recorder.onFrame = () => recorder.framer.stop();
    const stream = Buffer.concat([frame(Buffer.from('a')), frame(Buffer.from('b'))]);
    recorder.push(stream.subarray(0, 5), stream.subarray(5));
    expect(recorder.seen).toEqual(['a']);
  });

  it('lets what the sink throws out, and is silent afterwards', () => {
    const recorder = new Recorder();
    recorder.onFrame = () => {
      throw new FramingError('mine');
    };
    expect(() => recorder.push(Buffer.concat([frame(Buffer.from('a')), frame(Buffer.from('b'))]))).toThrow('mine');
    recorder.push(frame(Buffer.from('c')));
    expect(recorder.seen).toEqual(['a']);
  });

  it('does not copy frames that came whole, and never writes to one it reported', () => {
    const buffers: Buffer[] = [];
    const framer = new Framer(MAX, { header: () => undefined, frame: (buffer) => void buffers.push(buffer) });
    const chunk = Buffer.concat([
      frame(Buffer.from('a')),
      frame(Buffer.from('b')),
      frame(Buffer.from('cc')).subarray(0, 9),
    ]);
    framer.push(chunk);
    framer.push(Buffer.concat([Buffer.from('c'), frame(Buffer.from('dd')).subarray(0, 9)]));
    framer.push(Buffer.from('d'));
    expect(buffers.map((buffer) => buffer === chunk)).toEqual([true, true, false, false]);
    expect(buffers[2]?.toString('latin1', 8, 10)).toBe('cc');
    expect(buffers[3]?.toString('latin1', 8, 10)).toBe('dd');
    expect(buffers[2]).not.toBe(buffers[3]);
  });

  it('copies each byte once, however small the pieces of a frame are', () => {
    const size = 2 ** 20;
    const seen: number[] = [];
    const framer = new Framer(size, {
      header: () => undefined,
      frame: (_, start, length) => void seen.push(length - start),
    });
    const one = frame(Buffer.alloc(size - 8, 'x'));
    const lengths = [1, 2, 3, 2];
    for (let repeat = 0, piece = 0; repeat < 4; repeat++) {
      for (let at = 0; at < size; piece++) {
        const length = lengths[piece % lengths.length] ?? 1;
        framer.push(one.subarray(at, at + length));
        at += length;
      }
    }
    // A framer that joined its pieces again for each new one would copy 10^12 bytes here and not end within the test's time.
    expect(seen).toEqual([size, size, size, size]);
  }, 60_000);

  it('does not set aside what a frame announces before its bytes come', () => {
    const before = process.memoryUsage().arrayBuffers;
    const framers = Array.from(
      { length: 200 },
      () => new Framer(16 * 2 ** 20, { header: () => undefined, frame: () => undefined }),
    );
    for (const framer of framers) framer.push(frame(Buffer.from('begun'), { size: 16 * 2 ** 20 }));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 2 ** 20);
    expect(framers).toHaveLength(200);
  });
});
