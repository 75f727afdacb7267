import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpError, LinkError, LinkRedirectError, LinkStolenError } from '../../../lib/protocol/errors.js';
import { Described } from '../../../lib/protocol/types/typed.js';
import { eventually } from '../../support/eventually.js';
import { failure } from '../../support/failure.js';
import { dropped, heldUntil, type PeerScript } from '../../support/scripted-peer.js';
import { Bench, TestReceiver, TestSender, data, deadline, turn } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

/** Answers ATTACH without the terminus that was asked for, then DETACH. */
function refuse(condition: string, info?: Record<string, unknown>): PeerScript {
  return {
    attach: (attach) => (attach.role ? { source: null } : { target: null }),
    credit: 0,
    on: {
      attach: (connection, frame, byDefault) => {
        byDefault();
        connection.links.at(-1)?.detach({
          error: { kind: 'error', condition, description: `no ${frame.name}`, ...(info !== undefined && { info }) },
        });
      },
    },
  };
}

describe('an attach that is refused', () => {
  it.each(['sender', 'receiver'] as const)('by attach and detach rejects with the reason: %s', async (role) => {
    const { session, peer, lost } = await bench.session(refuse('amqp:not-found'));
    const attaching = role === 'sender' ? TestSender.attach(session) : TestReceiver.attach(session);
    const error = await failure(attaching);
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({
      code: 'attach-refused',
      condition: 'amqp:not-found',
      retryable: false,
      address: 'orders',
      linkName: role,
    });
    expect(await peer.next('detach')).toMatchObject({ closed: true });
    expect(lost).toEqual([]);
    await eventually('forgotten', () => session.linkCount === 0);
    expect(peer.violations).toEqual([]);
  });

  it('names a redirect and a theft', async () => {
    const info = { hostname: 'b', 'network-host': 'b.example', port: 5671, address: 'q' };
    const redirect = await failure(
      TestSender.attach((await bench.session(refuse('amqp:link:redirect', info))).session),
    );
    expect(redirect).toBeInstanceOf(LinkRedirectError);
    expect(redirect).toMatchObject({ info, retryable: false });
    const stolen = await failure(TestReceiver.attach((await bench.session(refuse('amqp:link:stolen'))).session));
    expect(stolen).toBeInstanceOf(LinkStolenError);
  });

  it('by the end of the session rejects, and so does everything else on it', async () => {
    const { session, peer, lost, connection } = await bench.session({
      on: {
        attach: (peerConnection, frame, byDefault) =>
          frame.name === 'bad'
            ? peerConnection.session().end({ kind: 'error', condition: 'amqp:not-found', description: 'no queue' })
            : byDefault(),
      },
    });
    const good = await TestSender.attach(session, { name: 'good' });
    const error = await failure(TestReceiver.attach(session, { name: 'bad' }));
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({ code: 'attach-refused', condition: 'amqp:not-found', retryable: false });
    expect(good.closed).toMatchObject([{ code: 'detached', condition: 'amqp:not-found' }]);
    await peer.next('end');
    expect(session.isOpen).toBe(false);
    expect(await failure(TestSender.attach(session))).toBeInstanceOf(LinkError);
    expect(lost).toEqual([]);
    const next = await connection.beginSession({ signal: deadline() });
    await TestSender.attach(next, { name: 'good' });
    expect(peer.violations).toEqual([]);
  });

  it('a null terminus without the detach ends with the signal', async () => {
    const { session, peer, connection } = await bench.session({ attach: { target: null }, credit: 0 });
    const abort = new AbortController();
    const attaching = failure(TestSender.attach(session, { signal: abort.signal }));
    await peer.next('attach');
    await connection.beginSession({ signal: deadline() }); // its answer comes behind that to the attach
    abort.abort(new Error('tired'));
    expect(await attaching).toMatchObject({ message: 'tired' });
    expect(await peer.next('detach')).toMatchObject({ closed: true });
  });

  it('one name twice on a session, and more links than the peer has handles, never reach the wire', async () => {
    const { session, peer } = await bench.session({ begin: { handleMax: 1 } });
    await TestSender.attach(session);
    expect(await failure(TestSender.attach(session))).toBeInstanceOf(LinkError);
    await TestReceiver.attach(session, { name: 'sender' });
    expect(session).toMatchObject({ linkCount: 2, handleMax: 1 });
    expect(await failure(TestSender.attach(session, { name: 'third' }))).toBeInstanceOf(LinkError);
    expect(peer.seen('attach')).toHaveLength(2);
  });
});

describe('an attach that is not answered', () => {
  it('ends with its signal; the late answer is detached, and nothing of it is delivered', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { session, peer, lost } = await bench.session({ replies: { attach: heldUntil(gate) }, credit: 0 });
    const abort = new AbortController();
    const attaching = failure(TestReceiver.attach(session, { signal: abort.signal }));
    await peer.next('attach');
    abort.abort(new AmqpError('timeout', 'late'));
    expect(await attaching).toMatchObject({ code: 'timeout' });
    release();
    expect(await peer.next('detach')).toMatchObject({ closed: true });
    await eventually('forgotten', () => session.linkCount === 0);
    await TestReceiver.attach(session);
    expect(lost).toEqual([]);
    expect(peer.violations).toEqual([]);
  });

  it('ends with the connection', async () => {
    const { session, peer, lost } = await bench.session({ replies: { attach: dropped }, credit: 0 });
    const attaching = failure(TestSender.attach(session));
    await peer.next('attach');
    peer.connection.drop();
    expect(await attaching).toMatchObject({ code: 'connection-lost' });
    expect(lost).toHaveLength(1);
  });

  it('an aborted signal attaches nothing', async () => {
    const { session, peer } = await bench.session();
    const reason = new Error('before');
    expect(await failure(TestSender.attach(session, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    await turn();
    expect(peer.seen('attach')).toEqual([]);
  });
});

describe('an attach', () => {
  it('says exactly what it was told to', async () => {
    const { session, peer } = await bench.session();
    await session.attachReceiver({
      name: 'näme',
      source: {
        address: 'orders',
        durable: 'unsettled-state',
        expiryPolicy: 'never',
        timeout: 60,
        distributionMode: 'copy',
        capabilities: ['queue'],
        filters: { selector: new Described('apache.org:selector-filter:string', "a = 'b'") },
      },
      target: { address: 'here' },
      properties: { paired: true },
      desiredCapabilities: ['X'],
      settleMode: 'settled',
      maxMessageBytes: 10,
      signal: deadline(),
      onClosed: () => undefined,
      onDelivery: () => undefined,
    });
    expect(peer.seen('attach')).toMatchObject([
      {
        name: 'näme',
        role: true,
        sndSettleMode: 1,
        rcvSettleMode: 0,
        source: {
          kind: 'source',
          address: 'orders',
          durable: 2,
          expiryPolicy: 'never',
          timeout: 60,
          distributionMode: 'copy',
          capabilities: ['queue'],
        },
        target: { kind: 'target', address: 'here' },
        properties: { paired: true },
        desiredCapabilities: ['X'],
      },
    ]);
    expect(peer.seen('attach')[0]?.source?.filter).toBeDefined();
  });

  it('tells what the peer made of it', async () => {
    const { session } = await bench.session({
      attach: {
        source: { kind: 'source', address: 'temp-queue://1', dynamic: true, capabilities: ['temporary-queue'] },
        properties: { a: 1 },
        offeredCapabilities: ['C'],
      },
    });
    const receiver = await TestReceiver.attach(session, { source: { dynamic: true } });
    expect(receiver.link.remote).toMatchObject({
      source: { address: 'temp-queue://1', capabilities: ['temporary-queue'] },
      properties: { a: 1 },
      offeredCapabilities: ['C'],
    });
  });

  it('a sender without credit is attached all the same', async () => {
    const { session } = await bench.session({ credit: 0 });
    expect((await TestSender.attach(session)).link).toMatchObject({ isOpen: true, credit: 0 });
  });

  it('a sender and a receiver of one name live in one session (a link pair)', async () => {
    const { session, peer } = await bench.session();
    const [sender, receiver] = await Promise.all([
      TestSender.attach(session, { name: 'management-link-pair' }),
      TestReceiver.attach(session, { name: 'management-link-pair' }),
    ]);
    expect(peer.seen('attach').map((frame) => frame.name)).toEqual(['management-link-pair', 'management-link-pair']);
    receiver.link.setPrefetch(1);
    await peer.connection.links[1]?.creditAtLeast(1);
    peer.connection.links[1]?.send(data('reply'));
    await receiver.count(1);
    await sender.post('request').fate;
    await sender.link.detach({ closed: true, timeoutMs: 500 });
    expect(receiver.link.isOpen).toBe(true);
    expect(receiver.closed).toEqual([]);
    expect(peer.violations).toEqual([]);
  });

  it('then detach in the same breath rejects, not both', async () => {
    const { session } = await bench.session({
      on: {
        attach: (connection, _frame, byDefault) => {
          byDefault();
          connection.links.at(-1)?.detach({ error: { kind: 'error', condition: 'amqp:internal-error' } });
        },
      },
    });
    const closed: unknown[] = [];
    const error = await failure(TestSender.attach(session, { onClosed: (reason) => closed.push(reason) }));
    expect(error).toMatchObject({ condition: 'amqp:internal-error' });
    expect(closed).toEqual([]);
  });

  it('again under the same name after a detach, many times: handles are used again', async () => {
    const { session, peer } = await bench.session();
    for (let round = 0; round < 20; round += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const receiver = await TestReceiver.attach(session);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await receiver.link.detach({ closed: true, timeoutMs: 1_000 });
    }
    expect(new Set(peer.seen('attach').map((frame) => frame.handle)).size).toBeLessThanOrEqual(2);
    expect(session.linkCount).toBe(0);
    expect(peer.violations).toEqual([]);
  });
});

describe('sessions', () => {
  it('fifty at once each get their own, and are counted', async () => {
    const peer = await bench.peer();
    const { connection } = await bench.connect(peer);
    const sessions = await Promise.all(
      Array.from({ length: 50 }, () => connection.beginSession({ signal: deadline() })),
    );
    expect(connection.sessionCount).toBe(50);
    expect(new Set(peer.seen('begin').map((frame) => frame.channel)).size).toBe(50);
    const senders = await Promise.all(
      sessions.map((session, index) => TestSender.attach(session, { name: `s${index}` })),
    );
    await Promise.all(senders.map((sender) => sender.post('x').fate));
    await Promise.all(sessions.map((session) => session.end({ timeoutMs: 1_000 })));
    expect(connection.sessionCount).toBe(0);
    expect(peer.violations).toEqual([]);
  });

  it("are no more than the peer's channel-max and ours allow", async () => {
    const peer = await bench.peer({ open: { channelMax: 1 } });
    const { connection } = await bench.connect(peer);
    const first = await connection.beginSession({ signal: deadline() });
    await connection.beginSession({ signal: deadline() });
    expect(await failure(connection.beginSession({ signal: deadline() }))).toMatchObject({ code: 'session-limit' });
    await first.end({ timeoutMs: 500 });
    await connection.beginSession({ signal: deadline() });
  });

  it('a begin that is not answered ends with its signal, and the next one is not held up by it', async () => {
    let answers = 0;
    const peer = await bench.peer({
      on: { begin: (_connection, _frame, byDefault) => void ((answers += 1) > 1 && byDefault()) },
    });
    const { connection } = await bench.connect(peer);
    const abort = new AbortController();
    const beginning = failure(connection.beginSession({ signal: abort.signal }));
    await peer.next('begin');
    await connection.beginSession({ signal: deadline() });
    abort.abort(new Error('tired'));
    expect(await beginning).toMatchObject({ message: 'tired' });
  });

  it('a begin ends with the connection', async () => {
    const peer = await bench.peer({ replies: { begin: dropped } });
    const { connection } = await bench.connect(peer);
    const beginning = failure(connection.beginSession({ signal: deadline() }));
    await peer.next('begin');
    peer.connection.drop();
    expect(await beginning).toMatchObject({ code: 'connection-lost' });
  });

  it('end() tells the links, writes what was settled first, and ends in time without an answer', async () => {
    const { session, peer, lost, connection } = await bench.session({ on: { end: () => undefined } });
    const receiver = await TestReceiver.attach(session);
    receiver.link.setPrefetch(1);
    const from = peer.connection.links[0];
    await from?.creditAtLeast(1);
    from?.send(data('x'));
    const [arrival] = await receiver.count(1);
    arrival?.delivery.settle({ kind: 'accepted' });
    await session.end({ timeoutMs: 50 });
    await session.end({ timeoutMs: 50 });
    expect(peer.seen('disposition')).toHaveLength(1);
    expect(peer.seen('end')).toHaveLength(1);
    expect(receiver.closed).toHaveLength(1);
    // What still comes on its channel is ignored.
    from?.send(data('late'));
    from?.grantCredit(1);
    await connection.beginSession({ signal: deadline() });
    expect(lost).toEqual([]);
    expect(receiver.arrivals).toHaveLength(1);
  });

  it('close() with everything attached and busy ends it all', async () => {
    const { session, peer, connection, lost } = await bench.session({ verdict: () => undefined });
    const sender = await TestSender.attach(session);
    const receiver = await TestReceiver.attach(session);
    const transfer = sender.post('x');
    await peer.nextDelivery();
    await connection.close({ timeoutMs: 1_000 });
    expect(await transfer.fate).toMatchObject({ kind: 'failed', written: true, error: { code: 'connection-lost' } });
    expect(sender.closed).toHaveLength(1);
    expect(receiver.closed).toHaveLength(1);
    expect(session.isOpen).toBe(false);
    expect(lost).toEqual([]);
    expect(peer.violations).toEqual([]);
  });

  it('close() while links are detaching and attaching leaves nothing behind', async () => {
    const { session, connection } = await bench.session({ on: { detach: () => undefined } });
    const receiver = await TestReceiver.attach(session);
    const detached = receiver.link.detach({ closed: true, timeoutMs: 5_000 });
    const attaching = failure(TestSender.attach(session));
    await connection.close({ timeoutMs: 1_000 });
    await detached;
    await attaching;
  });
});
