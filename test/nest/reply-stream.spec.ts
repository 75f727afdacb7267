import { describe, expect, it } from '@jest/globals';

import type { Reply } from '../../lib/nest/reply/replies.js';
import { ReplyStream, StreamOverflowError } from '../../lib/nest/reply/reply-stream.js';
import { eventually } from '../support/eventually.js';

/** A reply whose values are taken when the test says so. */
class SlowReply {
  readonly sent: unknown[] = [];
  readonly ends: string[] = [];
  private takers: ((isTaken: boolean) => void)[] = [];

  readonly reply: Pick<Reply, 'next' | 'complete'> = {
    next: (value) => {
      this.sent.push(value);
      return new Promise((resolve) => void this.takers.push(resolve));
    },
    complete: () => Promise.resolve(void this.ends.push('complete')),
  };

  take(count: number, isTaken = true): void {
    for (const taker of this.takers.splice(0, count)) taker(isTaken);
  }

  stream(onRefused?: () => void): ReplyStream {
    return new ReplyStream(this.reply as Reply, onRefused); // all that a stream calls
  }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
};
const never = new AbortController().signal;

describe('a stream of replies', () => {
  it('has no more than a hundred on their way, and keeps the order', async () => {
    const slow = new SlowReply();
    const stream = slow.stream();
    const many = Array.from({ length: 5_000 }, (_, n) => n);
    for (const n of many) stream.push(n);
    expect(slow.sent).toHaveLength(100);
    const ended = stream.end();
    for (let round = 0; round < 50; round += 1) {
      slow.take(100);
      await turns();
      expect(slow.sent.length).toBeLessThanOrEqual((round + 2) * 100);
    }
    await ended;
    expect(slow.sent).toEqual(many);
    expect(slow.ends).toEqual(['complete']);
  });

  it('asks an async iterable for no value that there is no room for', async () => {
    const slow = new SlowReply();
    let asked = 0;
    let released = false;
    async function* endless(): AsyncGenerator<number> {
      try {
        for (;;) yield await Promise.resolve((asked += 1));
      } finally {
        released = true;
      }
    }
    const stream = slow.stream();
    const pulled = stream.pull(endless(), never);
    await turns();
    expect(asked).toBe(100);
    slow.take(7);
    await turns();
    expect(asked).toBe(107);
    slow.take(1, false); // the requester is gone
    await pulled;
    expect(released).toBe(true);
    await stream.end();
    expect(slow.ends).toEqual([]);
  });

  it('lets an async iterable go when the request is given up', async () => {
    const slow = new SlowReply();
    const stop = new AbortController();
    async function* endless(): AsyncGenerator<number> {
      for (let n = 0; ; n += 1) yield await Promise.resolve(n);
    }
    const pulled = slow.stream().pull(endless(), stop.signal);
    await eventually('it is held up', () => slow.sent.length === 100);
    stop.abort();
    slow.take(1);
    await pulled;
    expect(slow.sent.length).toBeLessThanOrEqual(101);
  });

  it('does not grow without end: what cannot be held back fails instead', () => {
    const stream = new SlowReply().stream();
    const flood = (): void => {
      for (let n = 0; n < 200_000; n += 1) stream.push(n);
    };
    expect(flood).toThrow(StreamOverflowError);
  });

  it('ends when nobody takes a value, and says so once', async () => {
    const slow = new SlowReply();
    let refused = 0;
    const stream = slow.stream(() => (refused += 1));
    for (let n = 0; n < 1_000; n += 1) stream.push(n);
    slow.take(100, false);
    await stream.end();
    stream.push('more');
    expect([refused, slow.sent.length, slow.ends]).toEqual([1, 100, []]);
  });

  it('without a reply is heard to its end', async () => {
    const heard: number[] = [];
    async function* three(): AsyncGenerator<number> {
      for (const n of [1, 2, 3]) {
        heard.push(n);
        yield await Promise.resolve(n);
      }
    }
    const stream = new ReplyStream(undefined);
    await stream.pull(three(), never);
    await stream.end();
    expect(heard).toEqual([1, 2, 3]);
  });
});
