import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from '@jest/globals';
import { memoryStreamPair } from '../../../lib/broker/stream/memory-stream.js';

async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A pair whose resets nobody minds. */
function quietPair(): readonly [Duplex, Duplex] {
  const pair = memoryStreamPair();
  for (const stream of pair) stream.on('error', () => undefined);
  return pair;
}

describe('an in-memory byte stream', () => {
  it('carries bytes both ways and ends both sides in order', async () => {
    const [near, far] = memoryStreamPair();
    const bothFinished = Promise.all([finished(near), finished(far)]);
    far.on('data', (chunk: Buffer) => far.write(chunk));
    near.write('hello ');
    near.end('world');
    expect((await readAll(near)).toString()).toBe('hello world');
    await bothFinished;
    expect([near.destroyed, far.destroyed, near.errored, far.errored]).toEqual([true, true, null, null]);
  });

  it('keeps the process running while it is open, as a socket does', () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const [near, far] = quietPair();
    expect(timers()).toBeGreaterThan(before);
    near.destroy();
    far.destroy();
    expect(timers()).toBe(before);
  });

  it('never calls the reader from inside the write', async () => {
    const [near, far] = quietPair();
    let isWriting = false;
    const seen: boolean[] = [];
    far.on('data', () => seen.push(isWriting));
    isWriting = true;
    near.write('a');
    isWriting = false;
    await once(far, 'data');
    expect(seen).toEqual([false]);
    near.destroy();
  });

  it('does not see what the writer does to its memory afterwards', async () => {
    const [near, far] = quietPair();
    const bytes = Buffer.from('abc');
    near.write(bytes);
    bytes.fill(0);
    const [chunk] = (await once(far, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('abc');
    near.destroy();
  });

  it('holds the writer back when nobody reads, and lets it go on', async () => {
    const [near, far] = quietPair();
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    while (near.write(chunk) && written < 100) written += 1;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    // What both ends may hold, and not what could be written.
    expect(near.writableLength).toBeGreaterThan(0);
    expect(near.writableNeedDrain).toBe(true);
    far.resume();
    await once(near, 'drain');
    expect(near.writableNeedDrain).toBe(false);
    near.destroy();
  });

  it('loses nothing and keeps order under a hundred uneven writes', async () => {
    const [near, far] = memoryStreamPair();
    const sent: Buffer[] = [];
    for (let index = 0; index < 100; index++) {
      const chunk = Buffer.alloc(1 + ((index * 7_919) % 50_000), index);
      sent.push(chunk);
      near.write(chunk);
    }
    near.end();
    near.resume();
    expect((await readAll(far)).equals(Buffer.concat(sent))).toBe(true);
  });

  it('tells the other end that it is gone, as a reset', async () => {
    const [near, far] = quietPair();
    near.destroy();
    const [error] = (await once(far, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });

  it('still delivers what was written before an end, when the writer is destroyed right after', async () => {
    const [near, far] = memoryStreamPair();
    near.end('last words');
    near.once('finish', () => near.destroy());
    expect((await readAll(far)).toString()).toBe('last words');
  });

  it('fails writes to an end that is gone', async () => {
    const [near, far] = quietPair();
    far.destroy();
    const error = await new Promise<Error | null | undefined>((resolve) => near.write('x', resolve));
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });
});
