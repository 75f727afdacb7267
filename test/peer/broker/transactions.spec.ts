import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import type { WireState } from '../../support/wire/frames.mjs';
import { encodeMessage } from '../../support/wire/message.mjs';
import { binary, Described, list } from '../../support/wire/values.mjs';
import { RawClient } from './support/raw-client.js';

const SENDER = 0;
const RECEIVER = 1;
const COORDINATOR = 2;
const OTHER_COORDINATOR = 3;

describe('transactions over a link to the coordinator', () => {
  let broker: EmbeddedBroker;
  let client: RawClient;
  let deliveries = 0;

  beforeEach(async () => {
    broker = await EmbeddedBroker.start({ queues: ['q'] });
    client = await RawClient.session(broker.port);
    deliveries = 0;
    await client.attachSender('q', SENDER);
    await client.attachReceiver('q', RECEIVER);
    client.credit(RECEIVER, 10);
    await attachCoordinator(COORDINATOR);
  });

  afterEach(async () => {
    RawClient.destroyAll();
    await broker.stop();
  });

  const attachCoordinator = async (handle: number): Promise<void> =>
    await client.attachSender(undefined, handle, {
      target: { kind: 'coordinator', capabilities: ['amqp:local-transactions'] },
    });

  /** Sends and resolves to the state in the answer. */
  async function send(handle: number, payload: Buffer, state?: WireState): Promise<WireState | undefined> {
    const deliveryId = deliveries;
    deliveries += 1;
    const fields = { handle, deliveryId, deliveryTag: Buffer.from([deliveryId]) };
    client.send('transfer', 0, state === undefined ? fields : { ...fields, state }, payload);
    const { first, state: answer } = await client.next('disposition');
    expect(first).toBe(deliveryId);
    return answer;
  }

  async function declare(handle = COORDINATOR): Promise<Buffer> {
    const state = await send(handle, encodeMessage({ value: new Described(0x31, list([])) }));
    if (state?.kind !== 'declared') throw new Error(`declared nothing but ${state?.kind}`);
    return state.txnId;
  }

  const discharge = async (txnId: Buffer, fail: boolean, handle = COORDINATOR): Promise<WireState | undefined> =>
    await send(handle, encodeMessage({ value: new Described(0x32, list([binary(txnId), fail])) }));

  async function acceptWithin(txnId: Buffer): Promise<void> {
    const { deliveryId } = await client.next('transfer');
    const state: WireState = { kind: 'transactional', txnId, outcome: { kind: 'accepted' } };
    client.send('disposition', 0, { role: true, first: deliveryId ?? 0, settled: true, state });
  }

  it('hold a settlement and a message until they are committed', async () => {
    broker.queue('q').publish('in');
    const txnId = await declare();
    await acceptWithin(txnId);
    const posted = await send(SENDER, encodeMessage({ value: 'out' }), { kind: 'transactional', txnId });
    expect(posted).toMatchObject({ kind: 'transactional', txnId, outcome: { kind: 'accepted' } });
    expect(broker.queue('q').stats()).toMatchObject({ enqueued: 1, unsettled: 1, accepted: 0 });
    expect(await discharge(txnId, false)).toMatchObject({ kind: 'accepted' });
    expect(broker.queue('q').stats()).toMatchObject({ enqueued: 2, unsettled: 1, accepted: 1 });
    await client.next('transfer');
  });

  it('give back what was settled when they are rolled back, redelivered and counted', async () => {
    broker.queue('q').publish('in');
    const txnId = await declare();
    await acceptWithin(txnId);
    await send(SENDER, encodeMessage({ value: 'out' }), { kind: 'transactional', txnId });
    expect(await discharge(txnId, true)).toMatchObject({ kind: 'accepted' });
    await client.next('transfer');
    expect(broker.queue('q').stats()).toMatchObject({ enqueued: 1, unsettled: 1, delivered: 2, modified: 1 });
  });

  it('are rolled back with the link to the coordinator, and with the connection', async () => {
    broker.queue('q').publish('in');
    const first = await declare();
    await acceptWithin(first);
    client.send('detach', 0, { handle: COORDINATOR, closed: true });
    await client.next('transfer');
    expect(broker.queue('q').stats()).toMatchObject({ accepted: 0, delivered: 2, unsettled: 1 });
    client.send('close', 0, {});
    await client.closed;
    expect(broker.queue('q').stats()).toMatchObject({ ready: 1, unsettled: 0 });
  });

  it('belong to the link that declared them: they outlive the end of another one, and only their own discharges them', async () => {
    await attachCoordinator(OTHER_COORDINATOR);
    const txnId = await declare();
    const other = await declare(OTHER_COORDINATOR);
    for (const id of [txnId, other])
      await send(SENDER, encodeMessage({ value: id.toString('hex') }), { kind: 'transactional', txnId: id });
    const unknown = { kind: 'rejected', error: { condition: 'amqp:transaction:unknown-id' } };
    expect(await discharge(txnId, true, OTHER_COORDINATOR)).toMatchObject(unknown);
    client.send('detach', 0, { handle: OTHER_COORDINATOR, closed: true });
    await client.next('detach');
    expect(await discharge(other, false)).toMatchObject(unknown);
    expect(await discharge(txnId, false)).toMatchObject({ kind: 'accepted' });
    expect(broker.queue('q').stats().enqueued).toBe(1);
  });

  it('that are unknown are refused: posting, settling, discharging', async () => {
    const txnId = Buffer.from('nonsense');
    const unknown = { condition: 'amqp:transaction:unknown-id' };
    expect(await discharge(txnId, false)).toMatchObject({ kind: 'rejected', error: unknown });
    expect(await send(SENDER, encodeMessage({ value: 1 }), { kind: 'transactional', txnId })).toMatchObject({
      outcome: { kind: 'rejected', error: unknown },
    });
    broker.queue('q').publish('in');
    await acceptWithin(txnId);
    // It is not lost for that.
    await client.next('transfer');
    expect(broker.queue('q').stats()).toMatchObject({ accepted: 0, unsettled: 1 });
  });

  it.each<[string, Buffer]>([
    ['no message', Buffer.from('garbage')],
    ['a message of data', encodeMessage({ data: 'x' })],
    ['another described value', encodeMessage({ value: new Described(0x33, list([])) })],
    ['a discharge without an id', encodeMessage({ value: new Described(0x32, list([])) })],
    [
      'a declare of a global transaction',
      encodeMessage({ value: new Described(0x31, list([binary(Buffer.from('g'))])) }),
    ],
    ['far too much', encodeMessage({ data: 'x'.repeat(10_000) })],
  ])('are not disturbed by %s for a request', async (_name, payload) => {
    expect(await send(COORDINATOR, payload)).toMatchObject({ kind: 'rejected' });
    await discharge(await declare(), false);
  });
});
