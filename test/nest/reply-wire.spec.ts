// What a server of the transport writes for a request, and when: against a peer that takes its time with outcomes and credit.

import { afterEach, describe, expect, it } from '@jest/globals';

import { AmqpTransportStrategy } from '../../lib/index.js';
import { Seen } from './harness.js';
import { type PeerLink, type PeerScript, ScriptedPeer } from '../support/scripted-peer.js';

const ACCEPTED = { kind: 'accepted' } as const;
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end(); // the peer first: nobody waits for its outcomes then
});

/** A server that answers each request with its body; `outcomes` of so many replies come, the others never. */
async function serving(
  outcomes: number,
  script: PeerScript = {},
): Promise<{ peer: ScriptedPeer; handled: Seen<unknown>; ask: (body?: string) => number }> {
  const handled = new Seen<unknown>();
  let told = 0;
  const peer = await ScriptedPeer.listen({ verdict: () => (told++ < outcomes ? ACCEPTED : undefined), ...script });
  ends.push(() => peer.close());
  const logger = { log: () => undefined, warn: () => undefined, error: () => undefined };
  const strategy = new AmqpTransportStrategy({
    uri: peer.uri,
    sources: [{ source: 'service', prefetch: 400, concurrency: 400 }],
    reconnect: false,
    logger,
  });
  ends.push(() => strategy.close());
  strategy.addHandler('echo', (data: unknown) => {
    handled.add(data);
    return Promise.resolve(data);
  });
  await new Promise<void>((resolve, reject) => {
    strategy.listen((error) =>
      error === undefined ? resolve() : reject(new Error('not listening', { cause: error })),
    );
  });
  const link: PeerLink = await peer.nextLink('receiver');
  await link.creditAtLeast(1);
  let asked = 0;
  const ask = (body = '?'): number =>
    link.send({
      properties: { messageId: `r${asked++}`, subject: 'echo', replyTo: 'asker' },
      data: Buffer.from(body),
    });
  return { peer, handled, ask };
}

/** Requests that were settled, in the order of their settlement. */
function settled(peer: ScriptedPeer): number[] {
  return peer.records.flatMap((record) => {
    if (record.kind !== 'frame' || record.direction !== 'in' || record.frame.performative !== 'disposition') return [];
    const { first, last = first } = record.frame;
    return Array.from({ length: (last - first + 1) >>> 0 }, (_, index) => (first + index) >>> 0); // ids go on behind 2^32
  });
}

describe('a request', () => {
  it('is accepted behind its reply, whose outcome it does not wait for', async () => {
    const { peer, ask } = await serving(1);
    ask(); // attaches the link for replies
    await peer.until('the first is settled', () => settled(peer).length === 1);
    const from = peer.records.length;
    ask();
    await peer.until('the second is settled', () => settled(peer).length === 2);
    const written = peer.records.slice(from).flatMap((record) => {
      return record.kind === 'frame' && record.direction === 'in' ? [record.frame.performative] : [];
    });
    expect(written.filter((name) => name !== 'flow')).toEqual(['transfer', 'disposition']);
  });

  it.each<[string, PeerScript]>([
    ['the stream has no room for the rest', {}],
    ['the window of the peer is used up', { incomingWindow: 4 }],
  ])('is not accepted before the last frame of a large reply: %s', async (_why, script) => {
    const { peer, ask } = await serving(Infinity, script);
    ask(); // attaches the link for replies
    await peer.until('the first is settled', () => settled(peer).length === 1);
    const from = peer.records.length;
    ask('x'.repeat(3_000_000));
    await peer.until('the second is settled', () => settled(peer).length === 2);
    const written = peer.records.slice(from).flatMap((record) => {
      if (record.kind !== 'frame' || record.direction !== 'in') return [];
      const { frame } = record;
      if (frame.performative === 'transfer') return [frame.more === true ? 'part' : 'end'];
      return frame.performative === 'disposition' ? ['accepted'] : [];
    });
    expect(written.filter((what) => what !== 'part')).toEqual(['end', 'accepted']);
    expect(written.length).toBeGreaterThan(10);
  });

  it('waits for credit as long as its reply does', async () => {
    const { peer, handled, ask } = await serving(3, { credit: 1 });
    ask();
    await peer.until('the first is settled', () => settled(peer).length === 1);
    const replies = await peer.nextLink('sender');
    ask();
    ask();
    await handled.count(3);
    await new Promise((resolve) => setImmediate(resolve));
    expect([peer.deliveries.length, settled(peer).length]).toEqual([1, 1]);
    replies.grantCredit(2);
    await peer.until('the others are settled', () => settled(peer).length === 3);
    expect(peer.deliveries).toHaveLength(3);
  });

  it('waits for outcomes when the peer owes a hundred', async () => {
    const { peer, ask } = await serving(1, { credit: 1_000 });
    ask();
    await peer.until('the first is settled', () => settled(peer).length === 1);
    for (let request = 0; request < 150; request++) ask();
    await peer.until('all are answered', () => peer.deliveries.length === 151);
    await peer.until('a hundred of them are settled', () => settled(peer).length === 101);
    const first = peer.deliveries[1];
    first?.link.session.dispose({ first: first.deliveryId, last: first.deliveryId + 149 }, ACCEPTED);
    await peer.until('all are settled', () => settled(peer).length === 151);
  });
});
