// Send and receive clients against a scripted peer: what they write, and when.

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AmqpConnection,
  MessageTooLargeError,
  policy,
  type ConnectionOptions,
  type ReceivedMessage,
  type ReceiveClient,
  type SubscribeOptions,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { decodeMessage, ScriptedPeer, type PeerLink, type PeerScript } from '../../support/scripted-peer.js';

const peers: ScriptedPeer[] = [];
const connections: AmqpConnection[] = [];

async function setUp(
  script: PeerScript = {},
  options: Partial<ConnectionOptions> = {},
): Promise<{ peer: ScriptedPeer; connection: AmqpConnection }> {
  const peer = await ScriptedPeer.listen(script);
  peers.push(peer);
  const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
  const reconnect = { initialDelayMs: 4, maxDelayMs: 20 };
  const connection = new AmqpConnection({ uri: peer.uri, reconnect, logger: quiet, ...options });
  connections.push(connection);
  await connection.open();
  return { peer, connection };
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 500 })));
  const violations = peers.flatMap((peer) => peer.violations);
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
  expect(violations).toEqual([]);
});

interface Running {
  readonly peer: ScriptedPeer;
  readonly connection: AmqpConnection;
  readonly client: ReceiveClient;
  readonly link: PeerLink;
}

async function run(
  handler: (message: ReceivedMessage) => unknown,
  options: SubscribeOptions = {},
  script: PeerScript = {},
): Promise<Running> {
  const { peer, connection } = await setUp(script);
  const client = connection.createReceiveClient('orders');
  client.subscribe(handler, options);
  const link = await peer.nextLink('receiver');
  await link.creditAtLeast(1);
  return { peer, connection, client, link };
}

const json = (value: unknown): Parameters<PeerLink['send']>[0] => ({
  properties: { contentType: 'application/json' },
  data: Buffer.from(JSON.stringify(value)),
});

/** What the client wrote, one word per frame. */
function words(peer: ScriptedPeer): string[] {
  return peer.records.flatMap((record) => {
    if (record.kind !== 'frame' || record.direction !== 'in' || record.frame.size === 0) return [];
    const { frame } = record;
    if (frame.performative === 'disposition')
      return [`${frame.state?.kind ?? 'no state'} ${frame.first}-${frame.last ?? frame.first}`];
    if (frame.performative === 'flow')
      return frame.handle === undefined ? [] : [`flow ${frame.linkCredit}${frame.drain === true ? ' drain' : ''}`];
    return [frame.performative];
  });
}

describe('a send', () => {
  it('is a durable message with an id, and re-sent with the same one when the connection is lost', async () => {
    const { peer, connection } = await setUp({ verdict: () => undefined });
    const client = connection.createSendClient('orders');
    const sent = client.send({ total: 5 }, { subject: 'placed', applicationProperties: { tenant: 't' } });
    const first = await peer.nextDelivery();
    const message = decodeMessage(first.payload);
    expect(message.header?.durable).toBe(true);
    expect(message.properties).toMatchObject({ subject: 'placed', contentType: 'application/json' });
    peer.connection.drop();
    const again = await peer.nextDelivery();
    expect(decodeMessage(again.payload).properties?.messageId).toEqual(message.properties?.messageId);
    const timedOut = client.send('x', { timeoutMs: 100 });
    await expect(timedOut).rejects.toMatchObject({ code: 'timeout', delivered: 'unknown' });
    again.link.session.dispose({ first: again.deliveryId }, { kind: 'accepted' });
    await expect(sent).resolves.toMatchObject({ ok: true, attempts: 2 });
  });

  it('larger than the peer takes is refused here, and the link goes on', async () => {
    const { peer, connection } = await setUp({ attach: { maxMessageSize: 1_000n } });
    const client = connection.createSendClient('orders');
    const refused = client.send(Buffer.alloc(2_000));
    await expect(refused).rejects.toBeInstanceOf(MessageTooLargeError);
    await expect(refused).rejects.toMatchObject({ delivered: 'no', code: 'message-too-large' });
    await client.send('small');
    expect(peer.deliveries).toHaveLength(1);
  });

  it('that is rejected says why, in the words of the peer', async () => {
    const error = { kind: 'error', condition: 'amqp:precondition-failed', description: 'queue is full' } as const;
    const { connection } = await setUp({ verdict: () => ({ kind: 'rejected', error }) });
    const sent = connection.createSendClient('orders').send('x');
    await expect(sent).rejects.toMatchObject({
      code: 'rejected',
      condition: 'amqp:precondition-failed',
      outcome: { kind: 'rejected', description: 'queue is full' },
    });
  });

  it('among a thousand gets its own outcome, and all are written in order', async () => {
    let count = 0;
    const { peer, connection } = await setUp({
      verdict: () => (count++ % 3 === 0 ? { kind: 'rejected' } : { kind: 'accepted' }),
    });
    const results = await connection
      .createSendClient('orders')
      .sendBatch(Array.from({ length: 1_000 }, (_, index) => index));
    expect(results.map(({ ok }) => ok)).toEqual(results.map((_, index) => index % 3 !== 0));
    expect(peer.deliveries.map(({ payload }) => Number(String(decodeMessage(payload).data)))).toEqual(
      results.map((_, index) => index),
    );
  });

  it('of a queued message is what it was then, whatever is written into its body afterwards', async () => {
    const { peer, connection } = await setUp();
    const client = connection.createSendClient('orders');
    await client.attach();
    const text = 'y'.repeat(3_000_000);
    const { body } = client.queueMessage(text);
    const sent = client.sendAllMessages();
    if (body instanceof Uint8Array) body.fill(0x7a);
    await expect(sent).resolves.toMatchObject([{ ok: true }]);
    expect(String(decodeMessage((await peer.nextDelivery()).payload).data) === text).toBe(true);
  });

  it("with settleMode 'settled' is written settled and needs no outcome", async () => {
    const { peer, connection } = await setUp({ verdict: () => undefined });
    const client = connection.createSendClient('orders', { settleMode: 'settled' });
    await expect(client.send('x')).resolves.toMatchObject({ ok: true, routed: true });
    const delivery = await peer.nextDelivery();
    expect(delivery.settled).toBe(true);
    expect(delivery.link.attach.sndSettleMode).toBe(1);
  });
});

describe('a subscription', () => {
  it('asks for its prefetch once and settles what handlers finish in one turn in one range', async () => {
    const { peer, link } = await run(() => undefined, { prefetch: 40 });
    expect(link.credit).toBe(40);
    const first = link.send(json(0));
    for (let index = 1; index < 15; index++) link.send(json(index));
    await eventually('all accepted', () => peer.seen('disposition').some(({ last }) => last === (first + 14) >>> 0));
    expect(peer.seen('disposition').length).toBeLessThanOrEqual(3);
    expect(words(peer).find((word) => word.startsWith('flow'))).toBe('flow 40');
  });

  it('closes in this order: credit back, handlers, settlements, what nobody has seen, detach, end, close', async () => {
    const open: (() => void)[] = [];
    const { peer, connection, link } = await run(() => new Promise<void>((resolve) => open.push(resolve)), {
      concurrency: 1,
      prefetch: 5,
    });
    const first = link.send(json(1));
    link.send(json(2));
    await eventually('a handler runs', () => open.length === 1);
    const before = words(peer).length;
    const closed = connection.close();
    await eventually(
      'the credit is back',
      () => words(peer).includes('flow 3 drain') || words(peer).some((word) => word.endsWith('drain')),
    );
    expect(
      words(peer)
        .slice(before)
        .some((word) => word.startsWith('released')),
    ).toBe(false);
    open[0]?.();
    await closed;
    const tail = words(peer)
      .slice(before)
      .filter((word) => !word.startsWith('flow'));
    const second = (first + 1) >>> 0;
    expect(tail).toEqual([`accepted ${first}-${first}`, `released ${second}-${second}`, 'detach', 'end', 'close']);
  });

  it('discards a message over its limit while it streams in, and tells the policy', async () => {
    const asked: unknown[] = [];
    const handled: unknown[] = [];
    const { peer, link } = await run(({ body }) => void handled.push(body), {
      maxMessageBytes: 500,
      errorPolicy: (error) => {
        asked.push(error);
        return { kind: 'settle', outcome: { kind: 'rejected', condition: 'app:too-large' } };
      },
    });
    link.send({ data: Buffer.alloc(5_000) }, { frames: 5 });
    link.send(json('small'));
    await eventually(
      'both are settled',
      () => words(peer).filter((word) => /^(accepted|rejected)/.test(word)).length === 2,
    );
    expect(asked).toMatchObject([{ code: 'message-too-large' }]);
    expect(handled).toEqual(['small']);
    expect(link.attach.maxMessageSize).toBeUndefined();
  });

  it('gives no credit before its handler is there, and a pre-settled one attaches as such', async () => {
    const { peer, connection } = await setUp();
    const client = connection.createReceiveClient('orders', { settlement: 'at-most-once' });
    await client.attach();
    const link = await peer.nextLink('receiver');
    // settled, and first: mode second is refused by RabbitMQ and means nothing here
    expect([link.credit, link.attach.sndSettleMode, link.attach.rcvSettleMode ?? 0]).toEqual([0, 1, 0]);
    const seen: unknown[] = [];
    client.subscribe(({ body, settled }) => void seen.push([body, settled]));
    await link.creditAtLeast(20);
    link.send(json(1), { settled: true });
    await eventually('it is handled', () => seen.length === 1);
    expect(seen).toEqual([[1, true]]);
    expect(peer.seen('disposition')).toEqual([]);
  });

  it('comes back after the loss of its connection with its credit, and what it had in hand is redelivered by the peer', async () => {
    const seen: unknown[] = [];
    const { peer, link } = await run(({ body }) => void seen.push(body), { prefetch: 7 });
    link.send(json(1));
    await eventually('it is handled', () => seen.length === 1);
    peer.connection.drop();
    const again = await peer.nextLink('receiver');
    await again.creditAtLeast(7);
    again.send(json(2));
    await eventually('the next is handled', () => seen.length === 2);
    expect(seen).toEqual([1, 2]);
  });

  it('dead-letters over a link of its own, then accepts', async () => {
    const { peer, link } = await run(
      () => {
        throw new RangeError('x');
      },
      { errorPolicy: policy.deadLetter('orders.dead') },
    );
    link.send(json(1));
    const copy = await peer.nextDelivery();
    expect(copy.link.address).toBe('orders.dead');
    expect(decodeMessage(copy.payload).messageAnnotations).toMatchObject({
      'x-opt-death-error': 'RangeError',
      'x-opt-death-queue': 'orders',
    });
    await eventually('it is accepted', () => words(peer).some((word) => word.startsWith('accepted')));
  });
});
