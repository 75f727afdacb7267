// Faults x operations: what each operation that is under way is told, and that the next connection or link carries on.

import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection, SendError, type ReceivedMessage, type SendClientOptions } from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import {
  ScriptedPeer,
  decodeMessage,
  type PeerConnection,
  type PeerLink,
  type PeerScript,
  type WireError,
} from '../../support/scripted-peer.js';
import { LATE_MS } from '../../support/time.js';

interface Fault {
  readonly name: string;
  readonly break: (link: PeerLink) => void;
  /** What goes: the link alone, its session, the connection. */
  readonly ends: 'link' | 'session' | 'connection';
  /** By the table of conditions (PARITY.md, T1) another try does not mend it: what was written is not sent again. */
  readonly isFinal?: boolean;
  /** The peer says that the node is gone: what waits for this link fails. */
  readonly isRefusal?: boolean;
  /** Nobody says anything: it takes the idle time-out. */
  readonly isSilent?: boolean;
}

const error = (condition: string): WireError => ({ kind: 'error', condition, description: 'a test' });
const silence = (connection: PeerConnection): void => {
  connection.silent = true;
};

const faults: readonly Fault[] = [
  { name: 'RST', ends: 'connection', break: ({ session }) => session.connection.drop() },
  { name: 'FIN', ends: 'connection', break: ({ session }) => session.connection.finish() },
  { name: 'silence', ends: 'connection', isSilent: true, break: ({ session }) => silence(session.connection) },
  { name: 'a clean close', ends: 'connection', break: ({ session }) => session.connection.close() },
  ...['amqp:connection:forced', 'amqp:resource-limit-exceeded', 'amqp:internal-error'].map((condition): Fault => ({
    name: `close with ${condition}`,
    ends: 'connection',
    isFinal: condition === 'amqp:resource-limit-exceeded',
    break: ({ session }) => session.connection.close(error(condition)),
  })),
  {
    isFinal: true,
    name: 'a frame that is none',
    ends: 'connection',
    break: ({ session }) => session.connection.write(Buffer.alloc(16, 1)),
  },
  { name: 'a clean end', ends: 'session', break: ({ session }) => session.end() },
  { name: 'end with an error', ends: 'session', break: ({ session }) => session.end(error('amqp:internal-error')) },
  { name: 'a clean detach', ends: 'link', break: (link) => link.detach() },
  { name: 'a detach that is not closed', ends: 'link', break: (link) => link.detach({ closed: false }) },
  ...['amqp:internal-error', 'amqp:link:detach-forced', 'amqp:resource-limit-exceeded', 'amqp:resource-deleted'].map(
    (condition): Fault => ({
      name: `detach with ${condition}`,
      ends: 'link',
      isFinal: condition.startsWith('amqp:resource'),
      isRefusal: condition === 'amqp:resource-deleted',
      break: (link) => link.detach({ error: error(condition) }),
    }),
  ),
];

const cleanUps: (() => unknown)[] = [];
const violations: (() => void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  for (const check of violations.splice(0)) check();
});

async function connect(
  fault: Partial<Fault>,
  script: PeerScript,
): Promise<{ peer: ScriptedPeer; connection: AmqpConnection }> {
  const peer = await ScriptedPeer.listen(script);
  const connection = new AmqpConnection({
    uri: peer.uri,
    // What is told by the peer does not take the idle time-out.
    keepAlive: { idleTimeoutMs: fault.isSilent === true ? 1_000 : 60_000 },
    reconnect: { initialDelayMs: 5, maxDelayMs: 20 },
    refusedRetryMs: 50,
  });
  cleanUps.push(
    async () => peer.close(),
    async () => connection.close({ timeoutMs: 500 }),
  );
  violations.push(() => expect(peer.violations).toEqual([]));
  await connection.open();
  return { peer, connection };
}

/** Leaves everything of the first link without an outcome, accepts afterwards. */
const firstLinkUnanswered = (): PeerScript => {
  let first: PeerLink | undefined;
  return {
    verdict: ({ link }) => {
      first ??= link;
      return link === first ? undefined : { kind: 'accepted' };
    },
  };
};

const idOf = (payload: Buffer): unknown => decodeMessage(payload).properties?.messageId;

describe.each(faults)('$name', (fault) => {
  const limitMs = fault.isSilent === true ? 2_000 + LATE_MS : LATE_MS;

  async function sendInFlight(
    options: SendClientOptions,
  ): Promise<{ peer: ScriptedPeer; sending: Promise<unknown>; startedAt: number }> {
    const { peer, connection } = await connect(fault, firstLinkUnanswered());
    const sending = connection.createSendClient('orders', options).send({ n: 1 }, { messageId: 'one' });
    sending.catch(() => undefined); // awaited later
    const delivery = await peer.nextDelivery();
    const startedAt = performance.now();
    fault.break(delivery.link);
    return { peer, sending, startedAt };
  }

  it('tells a send that waits for its outcome that nobody knows (onConnectionLost: fail)', async () => {
    const { sending, startedAt, peer } = await sendInFlight({ onConnectionLost: 'fail', errorPolicy: undefined });
    const failure: unknown = await sending.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    // A link that the peer ended is not a lost connection: the send may go again on the next link.
    if (failure === undefined) {
      expect(fault.ends).not.toBe('connection');
      expect(peer.deliveries.map(({ payload }) => idOf(payload))).toEqual(['one', 'one']);
    } else {
      expect(failure).toBeInstanceOf(SendError);
      expect((failure as SendError).delivered).toBe('unknown');
    }
    expect(performance.now() - startedAt).toBeLessThan(limitMs);
  });

  it('sends again with the same id what waits for its outcome, unless another try is useless', async () => {
    const { sending, peer, startedAt } = await sendInFlight({});
    if (fault.isFinal === true) {
      await expect(sending).rejects.toMatchObject({ name: 'SendError', delivered: 'unknown' });
      expect(peer.deliveries).toHaveLength(1);
    } else {
      await expect(sending).resolves.toMatchObject({ ok: true, messageId: 'one' });
      expect(peer.deliveries.map(({ payload }) => idOf(payload))).toEqual(['one', 'one']);
    }
    expect(performance.now() - startedAt).toBeLessThan(limitMs);
  });

  it('sends once what had no credit, unless the node is gone', async () => {
    let granted = false;
    const { peer, connection } = await connect(fault, {
      credit: 0,
      on: {
        attach: (via, attach, byDefault) => {
          byDefault();
          const link = via.sessions.get(attach.channel)?.links.get(attach.handle);
          if (granted) link?.grantCredit(10);
        },
      },
    });
    const sending = connection.createSendClient('orders').send({ n: 1 }, { messageId: 'one' });
    const link = await peer.nextLink('sender');
    await peer.until('the attach is answered', () => peer.sent('attach').length === 1);
    granted = true;
    fault.break(link);

    if (fault.isRefusal === true) {
      await expect(sending).rejects.toMatchObject({ name: 'SendError', delivered: 'no' });
      expect(peer.deliveries).toEqual([]);
    } else {
      await expect(sending).resolves.toMatchObject({ ok: true });
      expect(peer.deliveries).toHaveLength(1);
    }
  });

  it('lets the handler end, says that its settlement is stale, and brings the next message', async () => {
    const { peer, connection } = await connect(fault, {});
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const results: string[] = [];
    const bodies: unknown[] = [];
    const handle = async (message: ReceivedMessage): Promise<void> => {
      bodies.push(message.body);
      if (bodies.length === 1) await held;
      results.push(await message.accept());
    };
    connection.createReceiveClient('orders').subscribe(handle, { settlement: 'manual', concurrency: 1, prefetch: 3 });
    const first = await peer.nextLink('receiver');
    await first.creditAtLeast(3);
    first.send({ data: 'one', properties: { contentType: 'text/plain' } });
    await eventually('the handler runs', () => bodies.length === 1);
    fault.break(first);

    const second = await peer.nextLink('receiver', { timeoutMs: limitMs });
    release();
    await eventually('the handler has ended', () => results.length === 1);
    await second.creditAtLeast(3);
    second.send({ data: 'two', properties: { contentType: 'text/plain' } });
    await eventually('the next message', () => results.length === 2);
    expect(bodies).toEqual(['one', 'two']);
    expect(results).toEqual(['stale', 'settled']);
    await peer.until('the disposition', () => second.session.unsettled.size === 0);
  });

  it('closes in time with a send and a handler under way', async () => {
    const { peer, connection } = await connect(fault, { verdict: () => undefined });
    const sending = connection.createSendClient('orders').send({ n: 1 });
    const outcome = sending.then(
      () => 'ok',
      (reason: unknown) => (reason as SendError).delivered,
    );
    let signal: AbortSignal | undefined;
    const handle = async (message: ReceivedMessage): Promise<void> => {
      signal = message.signal;
      await new Promise((resolve) => message.signal.addEventListener('abort', resolve));
    };
    connection.createReceiveClient('orders').subscribe(handle);
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(1);
    link.send({ data: 'one' });
    await eventually('the handler runs', () => signal);
    await peer.nextDelivery();
    fault.break(link);

    const start = performance.now();
    await connection.close({ timeoutMs: 400 });
    expect(performance.now() - start).toBeLessThan(400 + LATE_MS);
    expect(await outcome).toBe('unknown');
    expect(connection.status).toBe('closed');
    // A dial that was under way may reach the peer only now.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setImmediate(resolve));
    const dials = peer.connections.length;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(peer.connections).toHaveLength(dials);
  });
});

describe('a link that was stolen', () => {
  it('is not attached again', async () => {
    const { peer, connection } = await connect({}, {});
    const subscription = connection.createReceiveClient('orders').subscribe(() => undefined);
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(1);
    link.detach({ error: error('amqp:link:stolen') });

    await eventually('it is given up', () => subscription.state === 'failed' || subscription.state === 'closed');
    expect(peer.seen('attach')).toHaveLength(1);
  });
});
