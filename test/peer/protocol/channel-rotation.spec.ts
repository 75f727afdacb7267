import { afterEach, describe, expect, it } from '@jest/globals';
import { Bench, deadline } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

describe('the channel of a session', () => {
  it('is not that of the session which has just ended: RabbitMQ would not answer', async () => {
    const peer = await bench.peer({ open: { channelMax: 2 } });
    const { connection } = await bench.connect(peer);
    for (let round = 0; round < 5; round++) {
      const session = await connection.beginSession({ signal: deadline() });
      await session.end({ timeoutMs: 1_000 });
    }
    expect(peer.seen('begin').map(({ channel }) => channel)).toEqual([0, 1, 2, 0, 1]);
    expect(peer.violations).toEqual([]);
  });

  it('passes over those in use, and may be any when only one is free', async () => {
    const peer = await bench.peer({ open: { channelMax: 3 } });
    const { connection } = await bench.connect(peer);
    const begin = () => connection.beginSession({ signal: deadline() });
    const sessions = [await begin(), await begin(), await begin(), await begin()];
    await sessions[1]?.end({ timeoutMs: 1_000 });
    const again = await begin();
    await again.end({ timeoutMs: 1_000 });
    await begin();
    expect(peer.seen('begin').map(({ channel }) => channel)).toEqual([0, 1, 2, 3, 1, 1]);
  });

  it('stays below the number that the peer allows', async () => {
    const peer = await bench.peer({ open: { channelMax: 0 } });
    const { connection } = await bench.connect(peer);
    for (let round = 0; round < 3; round++) {
      const session = await connection.beginSession({ signal: deadline() });
      await session.end({ timeoutMs: 1_000 });
    }
    expect(peer.seen('begin').map(({ channel }) => channel)).toEqual([0, 0, 0]);
  });
});
