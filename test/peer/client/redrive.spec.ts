// connection.redrive on the embedded broker: where dead letters go, what stays, and what is left when it is cut off.

import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, type EmbeddedBrokerOptions, type StoredMessage } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  ClientClosedError,
  ConnectionError,
  createMessage,
  InvalidOptionsError,
  LinkError,
  policy,
  saslPlain,
  SendError,
  type RedriveOptions,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';

const brokers: EmbeddedBroker[] = [];
const connections: AmqpConnection[] = [];

interface Started {
  readonly broker: EmbeddedBroker;
  readonly connection: AmqpConnection;
  readonly warned: string[];
}

async function start(options: EmbeddedBrokerOptions = {}): Promise<Started> {
  const broker = await EmbeddedBroker.start({
    port: false,
    queues: [{ name: 'q', deadLetter: 'dead' }, { name: 'r', deadLetter: 'dead' }, 'dead', 'other'],
    ...options,
  });
  brokers.push(broker);
  const warned: string[] = [];
  const logger = { log: () => undefined, warn: (line: string) => void warned.push(line), error: () => undefined };
  const reconnect = { initialDelayMs: 2, maxDelayMs: 10 };
  const connection = new AmqpConnection({ uri: broker.uri, dial: broker.dial, reconnect, logger });
  connections.push(connection);
  await connection.open();
  return { broker, connection, warned };
}

/** Lets everything in the queue die. */
async function die({ broker, connection }: Started, queue: string): Promise<void> {
  const client = connection.createReceiveClient(queue);
  client.subscribe(() => Promise.reject(new Error('no')), { errorPolicy: policy.reject('app:bad', 'bad') });
  await eventually(
    'all are dead',
    () => broker.queue(queue).stats().ready + broker.queue(queue).stats().unsettled === 0,
  );
  await client.close();
}

/** So many with the bodies 0, 1, ... */
async function dead(started: Started, count: number, queue = 'q'): Promise<void> {
  const values = Array.from({ length: count }, (_, index) => index);
  await started.connection.createSendClient(queue).sendBatch(values);
  await die(started, queue);
}

function bodies(broker: EmbeddedBroker, queue: string): unknown[] {
  return broker
    .queue(queue)
    .messages()
    .map(({ body }) => (Buffer.isBuffer(body) ? (JSON.parse(body.toString()) as unknown) : body));
}

function ids(broker: EmbeddedBroker, queue: string): unknown[] {
  return broker
    .queue(queue)
    .messages()
    .map(({ properties }: StoredMessage) => properties?.messageId);
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

describe('redrive cut off half-way', () => {
  it('loses nothing when the connection drops: what is there twice has one message-id', async () => {
    const started = await start();
    const { broker, connection } = started;
    await dead(started, 500);
    const all = new Set(ids(broker, 'dead'));
    expect(all.size).toBe(500);
    broker.queue('q').inject({ kind: 'drop-connection', after: 230 });
    await expect(connection.redrive({ from: 'dead' })).rejects.toBeInstanceOf(ConnectionError);
    await broker.idle();
    expect(new Set([...ids(broker, 'q'), ...ids(broker, 'dead')])).toEqual(all);
    expect(ids(broker, 'q').length).toBeGreaterThanOrEqual(200);

    const left = ids(broker, 'dead').length;
    expect(await connection.redrive({ from: 'dead' })).toBe(left);
    expect(new Set(ids(broker, 'q'))).toEqual(all);
    expect(broker.queue('dead').stats()).toMatchObject({ ready: 0, unsettled: 0 });
  });

  it('rejects when the connection is closed, and gives back what it holds', async () => {
    const started = await start();
    const { broker, connection } = started;
    await dead(started, 50);
    broker.queue('q').inject({ kind: 'no-credit' });
    const running = connection.redrive({ from: 'dead' });
    const ended = expect(running).rejects.toBeInstanceOf(ClientClosedError);
    await eventually('it holds them', () => broker.queue('dead').stats().unsettled === 50);
    await connection.close();
    await ended;
    expect(broker.queue('dead').stats()).toMatchObject({ ready: 50, unsettled: 0 });
  });
});

describe('redrive leaves in place', () => {
  it('what does not say where it came from, and rejects when that is all', async () => {
    const { broker, connection } = await start();
    broker.queue('dead').publish('from nowhere');
    const refused = connection.redrive({ from: 'dead' });
    await expect(refused).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(refused).rejects.toMatchObject({ option: 'to' });
    expect(broker.queue('dead').stats()).toMatchObject({ ready: 1, unsettled: 0 });
    expect(await connection.redrive({ from: 'dead', to: 'other' })).toBe(1);
    expect(bodies(broker, 'other')).toEqual(['from nowhere']);
  });

  it('what cannot be sent, with a line in the log, and moves the others', async () => {
    const started = await start({ autoCreateQueues: false });
    const { broker, connection, warned } = started;
    await dead(started, 3);
    const lost = { properties: { messageId: 'lost-1' }, messageAnnotations: { 'x-opt-death-queue': 'gone' } };
    broker.queue('dead').publish(createMessage({ body: 'x', ...lost }));
    expect(await connection.redrive({ from: 'dead' })).toBe(3);
    expect(bodies(broker, 'q')).toEqual([0, 1, 2]);
    expect(ids(broker, 'dead')).toEqual(['lost-1']);
    expect(warned.some((line) => line.includes('the dead letter lost-1 stays in "dead"'))).toBe(true);
  });

  it('what the target rejects: it is not counted as a failed delivery', async () => {
    const started = await start();
    const { broker, connection } = started;
    await dead(started, 1);
    broker.queue('q').inject({ kind: 'reject', condition: 'amqp:not-allowed', times: 100 });
    await expect(connection.redrive({ from: 'dead' })).rejects.toBeInstanceOf(SendError);
    expect(broker.queue('dead').messages()).toMatchObject([{ body: expect.anything(), deliveryCount: 0 }]);
  });

  it('what the filter does not take, however much it is, in its order', async () => {
    const started = await start();
    const { broker, connection } = started;
    await dead(started, 450);
    const seen: unknown[] = [];
    const filter: RedriveOptions['filter'] = ({ body }) => {
      seen.push(body);
      return typeof body === 'number' && body % 150 === 7;
    };
    expect(await connection.redrive({ from: 'dead', filter })).toBe(3);
    expect(seen).toHaveLength(450);
    expect(bodies(broker, 'q')).toEqual([7, 157, 307]);
    const others = Array.from({ length: 450 }, (_, index) => index).filter((index) => index % 150 !== 7);
    expect(bodies(broker, 'dead')).toEqual(others);
  });

  it.each<[string, RedriveOptions['filter'], new (...args: never[]) => Error]>([
    [
      'throws',
      () => {
        throw new RangeError('mine');
      },
      RangeError,
    ],
    // As from JavaScript: a promise is always true.
    ['returns a promise', (async () => true) as unknown as () => boolean, InvalidOptionsError],
  ])('everything when the filter %s', async (_name, filter, expected) => {
    const started = await start();
    await dead(started, 5);
    await expect(started.connection.redrive({ from: 'dead', filter })).rejects.toBeInstanceOf(expected);
    expect(bodies(started.broker, 'dead')).toEqual([0, 1, 2, 3, 4]);
    expect(started.broker.queue('q').stats().ready).toBe(0);
  });
});

describe('redrive', () => {
  it('moves each to where it came from', async () => {
    const started = await start();
    const { broker, connection } = started;
    await dead(started, 120);
    await dead(started, 130, 'r');
    expect(await connection.redrive({ from: 'dead' })).toBe(250);
    const order = (left: unknown, right: unknown): number => Number(left) - Number(right);
    expect(bodies(broker, 'q').toSorted(order)).toEqual(Array.from({ length: 120 }, (_, index) => index));
    expect(bodies(broker, 'r').toSorted(order)).toEqual(Array.from({ length: 130 }, (_, index) => index));
    expect(broker.queue('dead').stats()).toMatchObject({ ready: 0, unsettled: 0 });
  });

  it('gives the message back as it was, without its death, count, lifetime and delay', async () => {
    const started = await start();
    const { broker, connection } = started;
    const sent = createMessage({
      properties: { messageId: 'm-1', subject: 's', correlationId: 7n },
      applicationProperties: { tenant: 'a' },
      messageAnnotations: { 'x-own': 1 },
      body: { a: [1] },
      bodyType: 'value',
    });
    await connection.createSendClient('q').send(sent, { priority: 7, ttlMs: 60_000, delayMs: 20 });
    await eventually('it is there', () => broker.queue('q').stats().ready === 1);
    const client = connection.createReceiveClient('q');
    const subscription = client.subscribe(() => Promise.reject(new Error('no')), {
      errorPolicy: policy.redeliver({ maxDeliveries: 2, delayMs: 0 }),
    });
    await eventually('it is dead', () => broker.queue('dead').stats().ready === 1);
    await subscription.close();
    expect(await connection.redrive({ from: 'dead' })).toBe(1);
    const [message] = broker.queue('q').messages();
    expect(message).toMatchObject({
      deliveryCount: 0,
      properties: { messageId: 'm-1', subject: 's', correlationId: 7n },
      applicationProperties: { tenant: 'a' },
      body: { a: [1] },
      bodyType: 'value',
    });
    expect(message?.header).toMatchObject({ durable: true, priority: 7 });
    expect(message?.header?.ttl).toBeUndefined();
    expect(message?.messageAnnotations).toEqual({ 'x-own': 1, 'x-opt-redriven': expect.any(String) });
  });

  it.each<[string, Record<string, unknown>]>([
    ['RabbitMQ', { 'x-opt-deaths': [{ queue: 'q', reason: 'rejected' }, { queue: 'r' }], 'x-first-death-queue': 'r' }],
    ['RabbitMQ, the first death alone', { 'x-first-death-queue': 'q', 'x-first-death-reason': 'rejected' }],
    ['Artemis', { 'x-opt-ORIG-QUEUE': 'q', 'x-opt-ORIG-ADDRESS': 'other' }],
  ])('knows where a dead letter of %s came from, and leaves its notes out', async (_name, notes) => {
    const { broker, connection } = await start();
    const messageAnnotations = { ...notes, 'x-delivery-count': 4, 'x-own': 'kept' };
    broker.queue('dead').publish(createMessage({ body: 'x', messageAnnotations }));
    expect(await connection.redrive({ from: 'dead' })).toBe(1);
    expect(broker.queue('q').messages()[0]?.messageAnnotations).toEqual({
      'x-own': 'kept',
      'x-opt-redriven': expect.any(String),
    });
  });

  it('takes the copies that policy.deadLetter made', async () => {
    const { broker, connection } = await start();
    await connection.createSendClient('q').sendBatch(['a', 'b']);
    const client = connection.createReceiveClient('q');
    client.subscribe(() => Promise.reject(new Error('no')), { errorPolicy: policy.deadLetter('other') });
    await eventually('both are there', () => broker.queue('other').stats().ready === 2);
    await client.close();
    expect(await connection.redrive({ from: 'other' })).toBe(2);
    expect(bodies(broker, 'q')).toEqual(['a', 'b']);
  });

  it('moves at most max', async () => {
    const started = await start();
    await dead(started, 250);
    expect(await started.connection.redrive({ from: 'dead', max: 130 })).toBe(130);
    expect(started.broker.queue('q').stats().ready).toBe(130);
    expect(started.broker.queue('dead').stats()).toMatchObject({ ready: 120, unsettled: 0 });
  });

  it('moves messages that come in many frames, also one by one', async () => {
    const started = await start();
    const { broker, connection } = started;
    const large = Array.from({ length: 3 }, (_, index) => `${index}`.repeat(600_000));
    await connection.createSendClient('q').sendBatch(large);
    await die(started, 'q');
    expect(await connection.redrive({ from: 'dead', max: 1 })).toBe(1);
    expect(await connection.redrive({ from: 'dead' })).toBe(2);
    expect(new Set(bodies(broker, 'q'))).toEqual(new Set(large));
  });

  it('ends although its messages die again at once, or go to where they came from', async () => {
    const started = await start();
    const { broker, connection } = started;
    await dead(started, 150);
    const client = connection.createReceiveClient('q');
    client.subscribe(() => Promise.reject(new Error('no')), { errorPolicy: policy.reject() });
    expect(await connection.redrive({ from: 'dead' })).toBe(150);
    await eventually('they are back', () => broker.queue('dead').stats().ready === 150);
    await client.close();
    expect(await connection.redrive({ from: 'dead', to: 'dead' })).toBe(150);
    expect(broker.queue('dead').stats()).toMatchObject({ ready: 150, unsettled: 0 });
  });

  it('resolves to 0 when nothing is there, and rejects when the queue is not', async () => {
    const { connection } = await start({ autoCreateQueues: false });
    expect(await connection.redrive({ from: 'dead' })).toBe(0);
    await expect(connection.redrive({ from: 'nowhere' })).rejects.toBeInstanceOf(LinkError);
  });

  it.each<[string, object, string]>([
    ['no source', {}, 'from'],
    ['a browsing source', { from: { queue: 'dead', distributionMode: 'copy' } }, 'from.distributionMode'],
    ['the anonymous target', { from: 'dead', to: null }, 'to'],
    ['a max of nothing', { from: 'dead', max: 0 }, 'max'],
    ['a filter that is no function', { from: 'dead', filter: 'all' }, 'filter'],
    ['a name nobody knows', { from: 'dead', limit: 1 }, 'redrive.limit'],
  ])('with %s rejects by its path', async (_name, options, option) => {
    const { connection } = await start();
    await expect(connection.redrive(options as RedriveOptions)).rejects.toMatchObject({
      code: 'invalid-options',
      option,
    });
  });
});

it('a dead letter of another user is moved where the peer takes a name from its login only, without the name', async () => {
  const broker = await EmbeddedBroker.start({ port: false, queues: ['q', 'dead'], users: { guest: 'guest' } });
  brokers.push(broker);
  const connection = new AmqpConnection({
    uri: broker.uri,
    dial: broker.dial,
    credentials: saslPlain('guest', 'guest'),
    profile: 'rabbitmq-4',
  });
  connections.push(connection);
  await connection.open();
  for (const userId of ['alice', 'guest'])
    broker.queue('dead').publish(1, { userId, messageAnnotations: { 'x-opt-death-queue': 'q' } });
  await expect(connection.redrive({ from: 'dead' })).resolves.toBe(2);
  const users = broker.queue('q').messages();
  expect(users.map(({ properties }) => properties?.userId?.toString())).toEqual([undefined, 'guest']);
});
