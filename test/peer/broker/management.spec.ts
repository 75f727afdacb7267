import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import { decodeMessage, encodeMessage } from '../../support/wire/message.mjs';
import { RawClient } from './support/raw-client.js';

describe('the link pair of /management', () => {
  let broker: EmbeddedBroker;
  let client: RawClient;
  let requests = 0;

  beforeEach(async () => {
    broker = await EmbeddedBroker.start();
    client = await RawClient.session(broker.port);
    requests = 0;
    const pair = { name: 'pair', properties: { paired: true } };
    await client.attachSender('/management', 0, pair);
    const { properties } = await client.attachReceiver('/management', 1, pair);
    expect(properties).toMatchObject({ paired: true });
  });

  afterEach(async () => {
    RawClient.destroyAll();
    await broker.stop();
  });

  function ask(method: string, path: string, value: unknown = null): void {
    client.send(
      'transfer',
      0,
      { handle: 0, deliveryId: requests, deliveryTag: Buffer.from([requests]), settled: true },
      encodeMessage({ properties: { messageId: `r${requests}`, subject: method, to: path, replyTo: '$me' }, value }),
    );
    requests += 1;
  }

  async function answer(): Promise<{ id: unknown; status: string | undefined; value: unknown; http: unknown }> {
    const { payload } = await client.next('transfer');
    const { properties, applicationProperties, value } = decodeMessage(payload);
    return {
      id: properties?.correlationId,
      status: properties?.subject,
      value,
      http: applicationProperties?.['http:response'],
    };
  }

  it('answers in order, also what was asked before there was credit for the answer', async () => {
    ask('PUT', '/queues/orders', { durable: true });
    ask('GET', '/queues/orders');
    ask('GET', '/foo');
    client.credit(1, 10);
    expect(await answer()).toMatchObject({ id: 'r0', status: '201', http: '1.1', value: { name: 'orders' } });
    expect(await answer()).toMatchObject({ id: 'r1', status: '200', value: { message_count: 0, durable: true } });
    expect(await answer()).toMatchObject({ id: 'r2', status: '404' });
    expect(broker.queue('orders').stats().enqueued).toBe(0);
  });

  it('ends nothing for a request that is none', async () => {
    client.credit(1, 10);
    client.send('transfer', 0, { handle: 0, deliveryId: 0, deliveryTag: Buffer.from('x') }, Buffer.from('garbage'));
    const { state } = await client.next('disposition');
    expect(state).toMatchObject({ kind: 'rejected', error: { condition: 'amqp:decode-error' } });
    requests = 1;
    ask('GET', '/queues/nowhere');
    expect((await answer()).status).toBe('404');
  });

  it('keeps a bounded number of answers for a link that takes none', async () => {
    let rejected = 0;
    for (let round = 0; round < 1_100; round++) {
      client.send(
        'transfer',
        0,
        { handle: 0, deliveryId: round, deliveryTag: Buffer.from(String(round)) },
        encodeMessage({ properties: { messageId: 'r', subject: 'GET', to: '/queues/x' }, value: null }),
      );
      const { state } = await client.next('disposition');
      if (state?.kind === 'rejected') rejected += 1;
    }
    expect(rejected).toBe(100);
  });

  it('takes exclusive queues away with the connection', async () => {
    client.credit(1, 10);
    ask('PUT', '/queues/mine', { exclusive: true });
    expect((await answer()).status).toBe('201');
    const other = await RawClient.session(broker.port);
    other.send('attach', 0, { name: 'x', handle: 0, role: true, source: { kind: 'source', address: '/queues/mine' } });
    expect((await other.next('detach')).error).toMatchObject({ condition: 'amqp:resource-locked' });
    client.send('close', 0, {});
    await client.closed;
    expect(broker.queues()).toEqual([]);
  });
});
