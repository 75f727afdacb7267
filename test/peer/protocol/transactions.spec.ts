import { afterEach, describe, expect, it } from '@jest/globals';
import type { ProtocolSession } from '../../../lib/protocol/connection.js';
import type { CoordinatorLink } from '../../../lib/protocol/links.js';
import { AmqpError } from '../../../lib/protocol/errors.js';
import { ACCEPTED, RELEASED } from '../../../lib/protocol/outcome.js';
import { eventually } from '../../support/eventually.js';
import { failure } from '../../support/failure.js';
import { decodeMessage, type PeerScript, type WireState } from '../../support/scripted-peer.js';
import { Bench, TestReceiver, TestSender, TestTransfer, data, deadline } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

const TXN = Buffer.from('txn-1');

/** Declares TXN, accepts what is posted within it, and answers a discharge with `discharge`. */
function coordinator(discharge: WireState = { kind: 'accepted' }): PeerScript {
  return {
    verdict: (delivery) => {
      if (delivery.link.target?.kind !== 'coordinator')
        return delivery.state?.kind === 'transactional'
          ? { kind: 'transactional', txnId: delivery.state.txnId, outcome: { kind: 'accepted' } }
          : { kind: 'accepted' };
      return delivery.payload.includes(Buffer.from([0x53, 0x31])) ? { kind: 'declared', txnId: TXN } : discharge;
    },
  };
}

function attachCoordinator(session: ProtocolSession, closed: AmqpError[] = []): Promise<CoordinatorLink> {
  return session.attachCoordinator({
    name: 'txn',
    capabilities: ['amqp:local-transactions'],
    signal: deadline(),
    onClosed: (error) => closed.push(error),
  });
}

describe('the coordinator', () => {
  it.each(['amqp:transaction:rollback', 'amqp:transaction:unknown-id'])(
    'a discharge refused with %s rejects with it',
    async (condition) => {
      const { session } = await bench.session(
        coordinator({ kind: 'rejected', error: { kind: 'error', condition, description: 'no' } }),
      );
      const link = await attachCoordinator(session);
      await link.declare({ signal: deadline() });
      const error = await failure(link.discharge(TXN, false, { signal: deadline() }));
      expect(error).toBeInstanceOf(AmqpError);
      expect(error).toMatchObject({ condition });
    },
  );

  it('an answer that never comes ends with the signal, one that waits for credit too', async () => {
    const { session, peer } = await bench.session({ verdict: () => undefined, credit: 1 });
    const link = await attachCoordinator(session);
    const abort = new AbortController();
    const first = failure(link.declare({ signal: abort.signal }));
    const second = failure(link.declare({ signal: abort.signal }));
    await peer.nextDelivery();
    abort.abort(new Error('tired'));
    expect(await first).toMatchObject({ message: 'tired' });
    expect(await second).toMatchObject({ message: 'tired' });
    expect(peer.deliveries).toHaveLength(1);
  });

  it('everything under way ends with the link', async () => {
    const { session, peer } = await bench.session({ verdict: () => undefined, credit: 1 });
    const closed: AmqpError[] = [];
    const link = await attachCoordinator(session, closed);
    const calls = [failure(link.declare({ signal: deadline() })), failure(link.declare({ signal: deadline() }))];
    await peer.nextDelivery();
    peer.connection.links[0]?.detach({ error: { kind: 'error', condition: 'amqp:internal-error' } });
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ condition: 'amqp:internal-error' });
    expect(closed).toHaveLength(1);
    expect(link.isOpen).toBe(false);
    expect(await failure(link.declare({ signal: deadline() }))).toMatchObject({ condition: 'amqp:internal-error' });
  });

  it('a declare that is only accepted is an error, not a transaction', async () => {
    const { session } = await bench.session({ verdict: () => ({ kind: 'accepted' }) });
    const link = await attachCoordinator(session);
    expect(await failure(link.declare({ signal: deadline() }))).toMatchObject({ code: 'protocol-error' });
  });

  it('declares and discharges', async () => {
    const { session, peer } = await bench.session(coordinator());
    const link = await attachCoordinator(session);
    expect(peer.seen('attach')[0]?.target).toMatchObject({
      kind: 'coordinator',
      capabilities: ['amqp:local-transactions'],
    });
    expect(await link.declare({ signal: deadline() })).toEqual(TXN);
    await link.discharge(TXN, false, { signal: deadline() });
    await link.discharge(TXN, true, { signal: deadline() });
    const [declare, commit, rollback] = peer.deliveries.map((delivery) => decodeMessage(delivery.payload).value);
    expect(declare).toMatchObject({ descriptor: 0x31 });
    expect(commit).toMatchObject({ value: [TXN, false] });
    expect(rollback).toMatchObject({ value: [TXN, true] });
    await link.detach({ timeoutMs: 500 });
    expect(link.isOpen).toBe(false);
    expect(peer.violations).toEqual([]);
  });
});

describe('within a transaction', () => {
  it('a message is posted with its state, in one frame or many, and its provisional outcome is its outcome', async () => {
    const { session, peer } = await bench.session(coordinator());
    const sender = await TestSender.attach(session);
    const small = sender.post(new TestTransfer('x', undefined, undefined, TXN));
    const large = sender.post(new TestTransfer('y'.repeat(200_000), undefined, undefined, TXN));
    const plain = sender.post('z');
    expect(await small.fate).toMatchObject({ outcome: { kind: 'accepted' } });
    expect(await large.fate).toMatchObject({ outcome: { kind: 'accepted' } });
    expect(await plain.fate).toMatchObject({ outcome: { kind: 'accepted' } });
    expect(peer.deliveries.map((delivery) => delivery.state)).toEqual([
      { kind: 'transactional', txnId: TXN },
      { kind: 'transactional', txnId: TXN },
      undefined,
    ]);
  });

  it('a transactional state without an outcome is a problem, not an acceptance', async () => {
    const { session } = await bench.session({ verdict: () => ({ kind: 'transactional', txnId: TXN }) });
    const sender = await TestSender.attach(session);
    expect(await sender.post('x').fate).toMatchObject({ outcome: undefined, problem: expect.any(String) });
  });

  it('deliveries are settled with the transaction, in ranges, apart from others', async () => {
    const { session, peer } = await bench.session();
    const receiver = await TestReceiver.attach(session);
    receiver.link.setPrefetch(10);
    const from = peer.connection.links[0];
    await from?.creditAtLeast(10);
    const ids = Array.from({ length: 5 }, () => from?.send(data('x')));
    const all = await receiver.count(5);
    all[0]?.delivery.settle(ACCEPTED, TXN);
    all[1]?.delivery.settle(ACCEPTED, TXN);
    all[2]?.delivery.settle(ACCEPTED);
    all[3]?.delivery.settle(RELEASED, TXN);
    all[4]?.delivery.settle(ACCEPTED, TXN);
    await eventually('settled', () => peer.connection.session().unsettled.size === 0);
    const inTransaction = (kind: 'accepted' | 'released'): unknown => ({
      kind: 'transactional',
      txnId: TXN,
      outcome: { kind },
    });
    expect(peer.seen('disposition').map(({ first, last, state }) => [first, last ?? first, state])).toEqual([
      [ids[0], ids[1], inTransaction('accepted')],
      [ids[2], ids[2], { kind: 'accepted' }],
      [ids[3], ids[3], inTransaction('released')],
      [ids[4], ids[4], inTransaction('accepted')],
    ]);
  });
});
