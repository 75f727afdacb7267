// connection.transaction() on the embedded broker, whose queues tell what came of it, and on a scripted peer that fails at the worst moment.

import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  AmqpTimeoutError,
  ClientClosedError,
  ConnectionError,
  InvalidOptionsError,
  policy,
  SendError,
  TransactionError,
  type ConnectionOptions,
  type ReceiveClient,
  type ReceivedMessage,
  type Transaction,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { failure } from '../../support/failure.js';
import {
  decodeMessage,
  type PeerLink,
  type PeerScript,
  type ScriptedPeer,
  type WireState,
} from '../../support/scripted-peer.js';
import { Stage } from './stage.js';

const stage = new Stage(['in', 'out', 'dead']);
afterEach(() => stage.clear());

const bodies = (broker: EmbeddedBroker, queue: string): string[] =>
  broker
    .queue(queue)
    .messages()
    .map(({ body }) => String(body));

describe('a transaction', () => {
  it('shows what was sent and settles what was accepted when its work resolves, and not before', async () => {
    const { broker, connection } = await stage.onBroker();
    broker.queue('in').publish('order');
    const [order] = await connection.createReceiveClient('in').receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    const out = connection.createSendClient('out');
    let seen: Transaction | undefined;
    const result = await connection.transaction(async (transaction) => {
      seen = transaction;
      await out.send('one', { transaction });
      await out.sendBatch(['two', 'three'], { transaction });
      await order?.accept({ transaction });
      expect(transaction.state).toBe('active');
      expect(order?.settled).toBe(true);
      expect(broker.queue('out').stats().enqueued).toBe(0);
      expect(broker.queue('in').stats()).toMatchObject({ accepted: 0, unsettled: 1 });
      return 'done';
    });
    expect([result, seen?.state, seen?.signal.aborted]).toEqual(['done', 'committed', false]);
    expect(bodies(broker, 'out')).toEqual(['one', 'two', 'three']);
    await eventually('accepted', () => broker.queue('in').stats().accepted === 1);
  });

  it('shows nothing of it when its work throws, rethrows that as it is, and gives the message back, counted', async () => {
    const { broker, connection } = await stage.onBroker();
    broker.queue('in').publish('order');
    const client = connection.createReceiveClient('in');
    const [order] = await client.receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    const out = connection.createSendClient('out');
    const thrown = { not: 'even an error' };
    let seen: Transaction | undefined;
    const work = async (transaction: Transaction): Promise<void> => {
      seen = transaction;
      await out.send('one', { transaction });
      await order?.accept({ transaction });
      throw thrown;
    };
    expect(await failure(connection.transaction(work))).toBe(thrown);
    expect([seen?.state, seen?.signal.aborted]).toEqual(['rolled-back', true]);
    expect(broker.queue('out').stats().enqueued).toBe(0);
    const [again] = await client.receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    expect([again?.body, again?.deliveryCount]).toEqual(['order', 1]);
    await again?.accept();
  });

  it.each<[string, (message: ReceivedMessage, transaction: Transaction) => Promise<unknown>, string]>([
    ['rejected', (message, transaction) => message.reject('app:no', 'why', { transaction }), 'rejected'],
    ['released', (message, transaction) => message.release({ transaction }), 'released'],
    ['modified', (message, transaction) => message.modify({ deliveryFailed: true }, { transaction }), 'modified'],
  ])('commits that a message is %s', async (_name, settle, counter) => {
    const { broker, connection } = await stage.onBroker();
    broker.queue('in').publish('order');
    const client = connection.createReceiveClient('in', { prefetch: 1 });
    const [order] = await client.receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    await connection.transaction(async (transaction) => {
      if (order !== undefined) await settle(order, transaction);
      expect(broker.queue('in').stats()).toMatchObject({ [counter]: 0 });
    });
    await eventually('settled', () => Reflect.get(broker.queue('in').stats(), counter) === 1);
  });

  it('may run beside others, and within another, of which it knows nothing', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    const many = Array.from({ length: 20 }, (_, index) =>
      connection
        .transaction(async (transaction) => {
          await out.send(`${index}`, { transaction });
          if (index % 2 === 1) throw new Error('odd');
        })
        .catch(() => undefined),
    );
    await Promise.all(many);
    expect(bodies(broker, 'out').toSorted()).toEqual(['0', '10', '12', '14', '16', '18', '2', '4', '6', '8']);
    broker.queue('out').purge();
    await connection
      .transaction(async (outer) => {
        await out.send('outer', { transaction: outer });
        await connection.transaction((inner) => out.send('inner', { transaction: inner }));
        throw new Error('the outer one');
      })
      .catch(() => undefined);
    expect(bodies(broker, 'out')).toEqual(['inner']);
  });

  it('waits for sends that its work forgot', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    await connection.transaction(async (transaction) => {
      for (let index = 0; index < 50; index++) void out.send(`${index}`, { transaction });
    });
    expect(bodies(broker, 'out')).toHaveLength(50);
  });

  it('does not commit when a send in it failed that nobody looked at', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    const nowhere = connection.createSendClient({ exchange: 'amq.direct', routingKey: 'nobody', mandatory: true });
    const error = await failure(
      connection.transaction(async (transaction) => {
        await out.send('one', { transaction });
        void nowhere.send('two', { transaction });
      }),
    );
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: 'rolled-back', retryable: true, cause: { code: 'released' } });
    const unencodable = connection.transaction(async (transaction) => {
      await out.send('one', { transaction });
      void out.send(1n, { transaction });
    });
    expect(await failure(unencodable)).toMatchObject({ code: 'rolled-back', cause: { code: 'encode' } });
    expect(broker.queue('out').stats().enqueued).toBe(0);
  });

  it('that is over takes no sends and no settlements', async () => {
    const { broker, connection } = await stage.onBroker();
    broker.queue('in').publish('order');
    const [order] = await connection.createReceiveClient('in').receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    const out = connection.createSendClient('out');
    let over: Transaction | undefined;
    await connection.transaction(async (transaction) => {
      over = transaction;
    });
    const late = await failure(out.send('late', { transaction: over }));
    expect(late).toBeInstanceOf(SendError);
    expect(late).toMatchObject({ code: 'aborted', delivered: 'no' });
    expect(await failure(order?.accept({ transaction: over }) ?? Promise.resolve())).toBeInstanceOf(TransactionError);
    expect(order?.settled).toBe(false);
    expect(broker.queue('out').stats().enqueued).toBe(0);
  });

  it('belongs to its connection', async () => {
    const { broker, connection } = await stage.onBroker();
    const other = await stage.opened({ uri: broker.uri, dial: broker.dial });
    broker.queue('in').publish('order');
    const [order] = await other.createReceiveClient('in').receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    await connection.transaction(async (transaction) => {
      expect(await failure(order?.accept({ transaction }) ?? Promise.resolve())).toBeInstanceOf(InvalidOptionsError);
    });
    const foreign = connection.transaction((transaction) => other.createSendClient('out').send('x', { transaction }));
    expect(await failure(foreign)).toMatchObject({ code: 'encode', cause: { option: 'transaction' } });
  });

  it('is rolled back when its work takes longer than timeoutMs, although the work hangs', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    let seen: Transaction | undefined;
    const hanging = connection.transaction(
      async (transaction) => {
        seen = transaction;
        await out.send('one', { transaction });
        await new Promise(() => undefined);
      },
      { timeoutMs: 1_200 },
    );
    const error = await failure(hanging);
    expect(error).toMatchObject({ name: 'TransactionError', code: 'rolled-back' });
    expect(error).toHaveProperty('cause', expect.any(AmqpTimeoutError));
    expect([seen?.state, seen?.signal.aborted]).toEqual(['rolled-back', true]);
    // The next one is not disturbed by it.
    await connection.transaction((transaction) => out.send('two', { transaction }));
    expect(bodies(broker, 'out')).toEqual(['two']);
  });

  it('is rolled back when its signal is aborted, and says so with the reason', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    const abort = new AbortController();
    const reason = new Error('no more');
    const aborted = connection.transaction(
      async (transaction) => {
        await out.send('one', { transaction });
        abort.abort(reason);
        await new Promise(() => undefined);
      },
      { signal: abort.signal },
    );
    expect(await failure(aborted)).toBe(reason);
    expect(broker.queue('out').stats().enqueued).toBe(0);
    expect(await failure(connection.transaction(async () => undefined, { signal: abort.signal }))).toBe(reason);
  });

  it.each<[string, unknown, unknown]>([
    ['work', 'not a function', undefined],
    ['timeoutMs', async () => undefined, { timeoutMs: 0 }],
    ['signal', async () => undefined, { signal: 'soon' }],
    ['patience', async () => undefined, { patience: 1 }],
  ])('refuses a wrong %s', async (option, work, options) => {
    const { connection } = await stage.onBroker();
    // What a program without types may pass.
    const call = connection.transaction(work as () => Promise<unknown>, options as object);
    expect(await failure(call)).toMatchObject({ name: 'InvalidOptionsError', option });
  });

  it('cannot be had after close(), and close() waits for one that runs', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    let closing: Promise<void> | undefined;
    await connection.transaction(async (transaction) => {
      closing = connection.close({ timeoutMs: 3_000 });
      await out.send('one', { transaction });
    });
    await closing;
    expect(bodies(broker, 'out')).toEqual(['one']);
    expect(await failure(connection.transaction(async () => undefined))).toBeInstanceOf(ClientClosedError);
  });

  it('stands with options that cannot be meant', async () => {
    const { connection } = await stage.onBroker();
    expect(() => connection.createReceiveClient('in', { transactional: true, settlement: 'at-most-once' })).toThrow(
      InvalidOptionsError,
    );
    await connection.transaction(async (transaction) => {
      expect(() => connection.createSendClient('out', { defaults: { transaction } })).toThrow(InvalidOptionsError);
    });
  });

  it('has the outcome of each send, also of a client that sends pre-settled', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out', { settleMode: 'settled' });
    await connection.transaction(async (transaction) => {
      expect(await out.send('one', { transaction })).toMatchObject({ outcome: { kind: 'accepted' } });
      out.queueMessage('two', { transaction });
      expect(out.pendingMessages).toHaveLength(1);
      expect(await out.sendAllMessages()).toMatchObject([{ ok: true }]);
    });
    expect(bodies(broker, 'out')).toEqual(['one', 'two']);
  });
});

describe('a handler that settles within a transaction', () => {
  it('leaves a rollback to its policy: the message is what it was before', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    const attempts: number[] = [];
    const errors: unknown[] = [];
    connection.createReceiveClient('in').subscribe(
      (message) =>
        connection.transaction(async (transaction) => {
          attempts.push(message.attempt);
          await out.send(message.body, { transaction });
          await message.accept({ transaction });
          if (message.attempt < 3) throw new Error('not yet');
        }),
      {
        errorPolicy: (error, failed) => {
          errors.push(error);
          return policy.retry({ attempts: 5, backoff: policy.fixed(1) })(error, failed);
        },
      },
    );
    broker.queue('in').publish('order');
    await eventually('accepted', () => broker.queue('in').stats().accepted === 1);
    expect(attempts).toEqual([1, 2, 3]);
    expect(errors).toMatchObject([{ message: 'not yet' }, { message: 'not yet' }]);
    expect(bodies(broker, 'out')).toEqual(['order']);
    expect(broker.queue('in').stats()).toMatchObject({ delivered: 1, unsettled: 0 });
  });

  it('and swallows the rollback has not accepted it', async () => {
    const { broker, connection } = await stage.onBroker();
    const told: unknown[] = [];
    connection.observe({ onHandled: (_token, error) => void told.push(error) });
    connection.createReceiveClient('in').subscribe(
      (message) =>
        connection
          .transaction(async (transaction) => {
            await message.accept({ transaction });
            throw new Error('swallowed');
          })
          .catch(() => undefined),
      { errorPolicy: policy.reject('app:swallowed') },
    );
    broker.queue('in').publish('order');
    await eventually('rejected', () => broker.queue('in').stats().rejected === 1);
    expect(broker.queue('in').stats()).toMatchObject({ accepted: 0, unsettled: 0 });
    expect(told).toEqual([expect.objectContaining({ code: 'not-settled' })]);
  });

  it('and ended before the rollback gives it back', async () => {
    const { broker, connection } = await stage.onBroker();
    let deliveries = 0;
    let running: Promise<unknown> = Promise.resolve();
    connection.createReceiveClient('in').subscribe(async (message) => {
      deliveries++;
      if (deliveries > 1) return;
      let enlisted: (() => void) | undefined;
      const isEnlisted = new Promise<void>((resolve) => (enlisted = resolve));
      running = connection
        .transaction(async (transaction) => {
          await message.accept({ transaction });
          enlisted?.();
          await new Promise((resolve) => setImmediate(resolve));
          throw new Error('too late');
        })
        .catch(() => undefined);
      await isEnlisted;
    });
    broker.queue('in').publish('order');
    await eventually('accepted', () => broker.queue('in').stats().accepted === 1);
    await running;
    expect(broker.queue('in').stats()).toMatchObject({ delivered: 2, modified: 1 });
  });
});

describe('a dead letter', () => {
  it('that could not be sent leaves its message, which is accepted with the one that could', async () => {
    const { broker, connection } = await stage.onBroker();
    broker.queue('dead').inject({ kind: 'reject', times: 1 });
    connection.createReceiveClient('in').subscribe(
      () => {
        throw new Error('poison');
      },
      { errorPolicy: policy.deadLetter('dead') },
    );
    broker.queue('in').publish('order');
    await eventually('dead', () => broker.queue('in').stats().accepted === 1);
    expect(bodies(broker, 'dead')).toEqual(['order']);
    expect(broker.queue('dead').messages()[0]?.messageAnnotations).toMatchObject({ 'x-opt-death-reason': 'policy' });
  });

  it.each<[string, string[], boolean, unknown]>([
    ['in one transaction where those span sessions', ['amqp:multi-ssns-per-txn'], false, 'transactional'],
    ['in one transaction from a transactional receive client', [], true, 'transactional'],
    ['one after the other where the peer cannot', [], false, undefined],
  ])('is sent and its message accepted %s', async (_name, capabilities, transactional, kind) => {
    const { peer, connection } = await onPeer(
      coordinating({
        attach: ({ target }) =>
          target?.kind === 'coordinator' ? { target: { kind: 'coordinator', capabilities } } : {},
      }),
    );
    connection.createReceiveClient('in', { transactional }).subscribe(
      () => {
        throw new Error('poison');
      },
      { errorPolicy: policy.deadLetter('dead') },
    );
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(1);
    link.send({ data: 'order' });
    await eventually('accepted', () => peer.seen('disposition').length === 1);
    const copies = peer.deliveries.filter(({ link: { target } }) => target?.kind !== 'coordinator');
    expect(copies.map(({ state }) => state?.kind)).toEqual([kind]);
    expect(peer.seen('disposition')[0]?.state?.kind).toBe(kind ?? 'accepted');
  });

  it('is in hand, and close() waits for it, until its transaction is committed', async () => {
    const { peer, connection } = await onPeer(coordinating({ discharge: () => undefined }));
    const settled: string[] = [];
    connection.observe({ onSettle: ({ outcome }: { outcome: { kind: string } }) => void settled.push(outcome.kind) });
    const subscription = connection.createReceiveClient('in', { transactional: true }).subscribe(
      () => {
        throw new Error('poison');
      },
      { errorPolicy: policy.deadLetter('dead') },
    );
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(1);
    link.send({ data: 'order' });
    const discharges = (): typeof peer.deliveries =>
      peer.deliveries.filter((one) => one.link.target?.kind === 'coordinator' && isDischarge(one.payload));
    await eventually('the commit is out', () => discharges().length === 1);
    let isClosed = false;
    const closing = subscription.close().then(() => (isClosed = true));
    // Its credit is taken back: what there is to wait for is the commit.
    await eventually('the drain is out', () => peer.seen('flow').some(({ drain }) => drain === true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([subscription.inHand, isClosed, settled]).toEqual([1, false, []]);
    const commit = discharges()[0];
    commit?.link.session.dispose({ first: commit.deliveryId }, { kind: 'accepted' });
    await closing;
    expect([subscription.inHand, settled]).toEqual([0, ['accepted']]);
  });

  it('is sent without a transaction where the coordinator is refused, which is asked once', async () => {
    const { peer, connection } = await onPeer({
      peerIs: () => undefined,
      script: {
        on: {
          attach: (one, frame, byDefault) => {
            if (frame.target?.kind !== 'coordinator') byDefault();
            else one.session(frame.channel).end({ kind: 'error', condition: 'amqp:not-implemented' });
          },
        },
      },
    });
    connection.createReceiveClient('in').subscribe(
      () => {
        throw new Error('poison');
      },
      { errorPolicy: policy.deadLetter('dead') },
    );
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(1);
    for (const wanted of [1, 2]) {
      link.send({ data: 'order' });
      await eventually('accepted', () => peer.seen('disposition').length === wanted);
    }
    expect(peer.seen('attach').filter(({ target }) => target?.kind === 'coordinator')).toHaveLength(1);
  });
});

// ---- a peer that fails at the worst moment ----

const TXN = Buffer.from('txn-1');
const isDischarge = (payload: Buffer): boolean => payload.includes(Buffer.from([0x53, 0x32]));

/** Declares TXN, accepts what is posted within it, answers a discharge with `discharge`. */
function coordinating(
  script: PeerScript & { readonly discharge?: (peer: ScriptedPeer) => WireState | undefined } = {},
): {
  readonly script: PeerScript;
  readonly peerIs: (peer: ScriptedPeer) => void;
} {
  let peer: ScriptedPeer | undefined;
  const { discharge = () => ({ kind: 'accepted' }), ...rest } = script;
  return {
    peerIs: (is) => (peer = is),
    script: {
      ...rest,
      verdict: (delivery) => {
        if (delivery.link.target?.kind !== 'coordinator')
          return delivery.state?.kind === 'transactional'
            ? { kind: 'transactional', txnId: delivery.state.txnId, outcome: { kind: 'accepted' } }
            : { kind: 'accepted' };
        if (!isDischarge(delivery.payload)) return { kind: 'declared', txnId: TXN };
        return peer === undefined ? undefined : discharge(peer);
      },
    },
  };
}

async function onPeer(
  made: ReturnType<typeof coordinating>,
  options: Partial<ConnectionOptions> = {},
): Promise<{ peer: ScriptedPeer; connection: AmqpConnection }> {
  const peer = await stage.peer(made.script);
  made.peerIs(peer);
  return { peer, connection: await stage.opened({ uri: peer.uri, ...options }) };
}

/** One message, and the link that it came over. */
async function ordered(
  peer: ScriptedPeer,
  client: ReceiveClient,
): Promise<{ readonly order: ReceivedMessage | undefined; readonly link: PeerLink }> {
  const fetching = client.receiveBatch({ maxMessages: 1, waitMs: 3_000 });
  const link = await peer.nextLink('receiver');
  await link.creditAtLeast(1);
  link.send({ data: 'order' });
  const [order] = await fetching;
  return { order, link };
}

describe('a transaction whose peer fails', () => {
  it('is in doubt when the connection drops between the commit and its answer', async () => {
    const made = coordinating({
      discharge: (peer) => {
        peer.connection.drop();
        return undefined;
      },
    });
    const { connection } = await onPeer(made);
    const out = connection.createSendClient('out');
    let seen: Transaction | undefined;
    const error = await failure(
      connection.transaction(async (transaction) => {
        seen = transaction;
        await out.send('one', { transaction });
      }),
    );
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: 'in-doubt', retryable: false, cause: { code: 'connection-lost' } });
    expect([seen?.state, seen?.signal.aborted]).toEqual(['in-doubt', true]);
    expect(await failure(out.send('late', { transaction: seen }))).toMatchObject({ code: 'aborted' });
  });

  it('is in doubt when the commit has no answer in time, and its link is dropped', async () => {
    const made = coordinating({ discharge: () => undefined });
    const { peer, connection } = await onPeer(made, { connectTimeoutMs: 1_200 });
    expect(await failure(connection.transaction(async () => undefined))).toMatchObject({ code: 'in-doubt' });
    await peer.next('detach');
    expect(peer.seen('detach')).toHaveLength(1);
  });

  it.each<[string, WireState]>([
    ['rejects the commit', { kind: 'rejected', error: { kind: 'error', condition: 'amqp:transaction:rollback' } }],
  ])('is rolled back when the peer %s, which takes back what was settled in it', async (_name, state) => {
    const { peer, connection } = await onPeer(coordinating({ discharge: () => state }));
    const client = connection.createReceiveClient('in', { transactional: true });
    const { order } = await ordered(peer, client);
    const error = await failure(
      connection.transaction(async (transaction) => {
        await order?.accept({ transaction });
      }),
    );
    expect(error).toMatchObject({
      name: 'TransactionError',
      code: 'rolled-back',
      condition: 'amqp:transaction:rollback',
      retryable: true,
    });
    expect(await order?.reject()).toBe('stale');
    expect(peer.seen('disposition')).toHaveLength(1);
  });

  it('is rolled back when the peer answers the commit by a detach of the coordinator', async () => {
    const { connection } = await onPeer(
      coordinating({
        discharge: (peer) => {
          const link = peer.connection.links.find(({ target }) => target?.kind === 'coordinator');
          link?.detach({ error: { kind: 'error', condition: 'amqp:transaction:timeout' } });
          return undefined;
        },
      }),
    );
    expect(await failure(connection.transaction(async () => undefined))).toMatchObject({
      code: 'rolled-back',
      condition: 'amqp:transaction:timeout',
    });
    // The next one has a new link.
    expect(await failure(connection.transaction(async () => undefined))).toMatchObject({ code: 'rolled-back' });
  });

  it.each<[string, (peer: ScriptedPeer) => void]>([
    ['the connection drops', (peer) => peer.connection.drop()],
    [
      'the peer detaches the coordinator',
      (peer) => peer.connection.links.find(({ target }) => target?.kind === 'coordinator')?.detach(),
    ],
  ])('is rolled back when %s while its work runs, whatever the work does then', async (_name, drop) => {
    const { peer, connection } = await onPeer(coordinating());
    const out = connection.createSendClient('out');
    const error = await failure(
      connection.transaction(async (transaction) => {
        await out.send('one', { transaction });
        drop(peer);
        await new Promise((resolve) => transaction.signal.addEventListener('abort', resolve));
        expect(transaction.state).toBe('rolled-back');
        expect(await failure(out.send('two', { transaction }))).toMatchObject({ code: 'aborted', delivered: 'no' });
        return 'as if nothing had happened';
      }),
    );
    expect(error).toMatchObject({ name: 'TransactionError', code: 'rolled-back' });
    const posted = peer.deliveries.filter(({ link }) => link.target?.kind !== 'coordinator');
    expect(posted).toHaveLength(1);
  });

  it('tells a send that waits for credit, and does not wait for it', async () => {
    const { connection } = await onPeer(
      coordinating({
        attach: (frame) => (frame.target?.kind === 'coordinator' ? undefined : {}),
        on: {
          attach: (peer, frame, byDefault) => {
            byDefault();
            if (frame.name.startsWith('coordinator')) return;
            setImmediate(() => peer.drop());
          },
        },
      }),
    );
    const out = connection.createSendClient('out');
    let sent: Promise<unknown> = Promise.resolve();
    const error = await failure(
      connection.transaction(async (transaction) => {
        sent = out.send('one', { transaction });
        await new Promise((resolve) => transaction.signal.addEventListener('abort', resolve));
      }),
    );
    expect(error).toMatchObject({ code: 'rolled-back' });
    expect(await failure(sent)).toBeInstanceOf(SendError);
  });

  it('is not begun when the connection drops before the declare has its answer', async () => {
    const { connection } = await onPeer({
      peerIs: () => undefined,
      script: { verdict: () => undefined, on: { transfer: (peer) => peer.drop() } },
    });
    let calls = 0;
    const error = await failure(
      connection.transaction(async () => {
        calls++;
      }),
    );
    expect(error).toBeInstanceOf(ConnectionError);
    expect(calls).toBe(0);
  });

  it('is not begun when nobody answers the declare within timeoutMs', async () => {
    const { peer, connection } = await onPeer({ peerIs: () => undefined, script: { verdict: () => undefined } });
    expect(await failure(connection.transaction(async () => undefined, { timeoutMs: 1_200 }))).toBeInstanceOf(
      AmqpTimeoutError,
    );
    // One that was begun after all ends with the link.
    await peer.next('detach');
    expect(peer.seen('detach')).toHaveLength(1);
  });

  it('is unsupported where the profile says so, without a word to the peer', async () => {
    const { peer, connection } = await onPeer(coordinating(), { profile: 'rabbitmq-4' });
    const error = await failure(connection.transaction(async () => undefined));
    expect(error).toMatchObject({ name: 'TransactionError', code: 'unsupported', retryable: false });
    expect(String(error)).toContain('rabbitmq-4');
    expect(peer.seen('attach')).toEqual([]);
    const client = connection.createReceiveClient('in', { transactional: true });
    expect(await failure(client.attach())).toMatchObject({ code: 'unsupported' });
  });

  it.each([
    [
      'the attach of the coordinator',
      (peer: ScriptedPeer) => peer.seen('attach').length,
      {
        on: {
          attach: (peer, frame) => {
            peer.session(frame.channel).end({ kind: 'error', condition: 'amqp:not-implemented' });
          },
        },
      } satisfies PeerScript,
    ],
    [
      'the declare',
      () => 1,
      {
        verdict: () => ({ kind: 'rejected', error: { kind: 'error', condition: 'amqp:not-implemented' } }),
      } satisfies PeerScript,
    ],
  ] as const)('is unsupported where the peer refuses %s', async (_name, attempts, script) => {
    const { peer, connection } = await onPeer({ peerIs: () => undefined, script });
    const refusals = [
      await failure(connection.transaction(async () => undefined)),
      await failure(connection.transaction(async () => undefined)),
    ];
    const unsupported = { name: 'TransactionError', code: 'unsupported', condition: 'amqp:not-implemented' };
    expect(refusals).toMatchObject([unsupported, unsupported]);
    expect(attempts(peer)).toBeGreaterThan(0);
  });
});

describe('a coordinator whose transactions do not span sessions', () => {
  it('has the links of sends and of transactional receive clients on its own session', async () => {
    const { peer, connection } = await onPeer(coordinating());
    const client = connection.createReceiveClient('in', { transactional: true });
    const { order, link } = await ordered(peer, client);
    const out = connection.createSendClient('out');
    await out.send('outside of any');
    await connection.transaction(async (transaction) => {
      await out.send('one', { transaction });
      await order?.accept({ transaction });
      expect(peer.seen('disposition')).toEqual([]);
    });
    const channels = new Map(peer.connection.links.map((one) => [one.name.split('-')[0] ?? '', one.session.channel]));
    const posted = peer.deliveries.filter(({ state }) => state?.kind === 'transactional');
    expect(posted.map(({ link: { session }, payload }) => [session.channel, decodeMessage(payload).data])).toEqual([
      [channels.get('coordinator'), Buffer.from('one')],
    ]);
    expect(link.session.channel).toBe(channels.get('coordinator'));
    expect(peer.seen('disposition').map(({ state }) => state)).toEqual([
      { kind: 'transactional', txnId: TXN, outcome: { kind: 'accepted' } },
    ]);
    const received = peer.records.flatMap((record) =>
      record.kind === 'frame' && record.direction === 'in' ? [record.frame.performative] : [],
    );
    expect(received.lastIndexOf('disposition')).toBeLessThan(received.lastIndexOf('transfer'));
  });

  it('refuses the settlement of a message from another session, and the transaction with it', async () => {
    const { peer, connection } = await onPeer(coordinating());
    const { order } = await ordered(peer, connection.createReceiveClient('in'));
    const refused: unknown[] = [];
    const error = await failure(
      connection.transaction(async (transaction) => {
        refused.push(await failure(order?.accept({ transaction }) ?? Promise.resolve()));
      }),
    );
    expect(refused[0]).toMatchObject({ name: 'TransactionError', code: 'unsupported' });
    expect(String(refused[0])).toContain('transactional: true');
    expect(error).toMatchObject({ code: 'rolled-back', cause: refused[0] });
  });

  it('rolls back when a link is gone that a message settled in it came over', async () => {
    const { peer, connection } = await onPeer(coordinating());
    const client = connection.createReceiveClient('in', { transactional: true });
    const { order, link } = await ordered(peer, client);
    const error = await failure(
      connection.transaction(async (transaction) => {
        await order?.accept({ transaction });
        link.detach({ error: { kind: 'error', condition: 'amqp:internal-error' } });
        await eventually('the link is gone', () => peer.seen('detach').length > 0);
      }),
    );
    expect(error).toMatchObject({ code: 'rolled-back' });
    const [, last] = peer.deliveries.filter(({ payload }) => isDischarge(payload) || payload.includes(0x31));
    expect(decodeMessage(last?.payload ?? Buffer.alloc(0)).value).toMatchObject({ value: [TXN, true] });
  });
});

describe('a batch message within a transaction', () => {
  it('is part of it as a whole', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    await connection.transaction(async (transaction) => {
      await out.sendBatchMessage(['a', 'b'], { transaction });
      expect(bodies(broker, 'out')).toEqual([]);
    });
    expect(bodies(broker, 'out')).toEqual(['a', 'b']);
  });

  it('that cannot be sent rolls it back, though nobody waited for it', async () => {
    const { broker, connection } = await stage.onBroker();
    const out = connection.createSendClient('out');
    const failed = await failure(
      connection.transaction(async (transaction) => {
        await out.send('first', { transaction });
        void out.sendBatchMessage(['a', Symbol('no form')], { transaction });
        await new Promise((resolve) => setImmediate(resolve));
      }),
    );
    expect(failed).toMatchObject({ code: 'rolled-back', cause: { code: 'encode' } });
    expect(bodies(broker, 'out')).toEqual([]);
  });
});
