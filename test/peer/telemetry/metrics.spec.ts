// Metrics of clients on the embedded broker, value by value.

import { afterEach, describe, expect, it } from '@jest/globals';
import { createMessage, policy, type AmqpMessage, type ReceivedMessage } from '../../../lib/client/index.js';
import { AmqpInstrumentation } from '../../../lib/telemetry/index.js';
import { TestTelemetry, type Point } from '../../support/telemetry.js';
import { Stage } from './support.js';

const stage = new Stage();
afterEach(() => stage.stop());

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const values = (points: readonly Point[]): [Record<string, unknown>, number][] =>
  points.map(({ attributes, value }) => [attributes, value]);

describe('metrics', () => {
  it('count what was sent and consumed, how long it took, and how it was settled', async () => {
    const { connection, broker, telemetry } = await stage.start();
    const errorPolicy = policy.retry({ attempts: 2, backoff: policy.fixed(1) });
    const handle = ({ body }: ReceivedMessage): void => {
      if (body === 'bad') throw new RangeError('no');
    };
    connection.createReceiveClient('orders').subscribe(handle, { errorPolicy });
    await connection.createSendClient('orders').sendBatch(['a', 'b', 'bad']);
    await telemetry.named('process orders', 4);
    await telemetry.named('reject orders');
    await broker.idle();

    const place = { 'messaging.system': 'amqp', 'messaging.destination.name': 'orders' };
    const sending = { ...place, 'messaging.operation.name': 'send' };
    const processing = { ...place, 'messaging.operation.name': 'process' };
    expect(values(await telemetry.metric('messaging.client.sent.messages'))).toEqual([[sending, 3]]);
    expect(values(await telemetry.metric('messaging.client.consumed.messages'))).toEqual([[processing, 3]]);
    expect(values(await telemetry.metric('messaging.client.operation.duration'))).toEqual([
      [{ ...sending, 'messaging.operation.type': 'send' }, 3],
    ]);
    const processed = { ...processing, 'messaging.operation.type': 'process' };
    expect(values(await telemetry.metric('messaging.process.duration'))).toEqual([
      [processed, 2],
      [{ ...processed, 'error.type': 'RangeError' }, 2],
    ]);
    expect(values(await telemetry.metric('amqp.client.settled.messages'))).toEqual([
      [{ ...place, 'messaging.operation.name': 'accept', 'amqp.outcome': 'accepted' }, 2],
      [{ ...place, 'messaging.operation.name': 'reject', 'amqp.outcome': 'rejected' }, 1],
    ]);
    const durations = [
      ...(await telemetry.metric('messaging.process.duration')),
      ...(await telemetry.metric('messaging.client.operation.duration')),
    ];
    expect(durations.map(({ boundaries }) => boundaries)).toEqual([SECONDS, SECONDS, SECONDS]);
  });

  it('say of a send that failed with what, and count none that never left', async () => {
    const { connection, broker, telemetry } = await stage.start({}, { queues: ['orders'] });
    broker.queue('orders').inject({ kind: 'reject', condition: 'app:no' });
    const orders = connection.createSendClient('orders', { maxPendingMessages: 1 });
    orders.queueMessage('held');
    await expect(orders.send('too much')).rejects.toMatchObject({ code: 'queue-full' });
    await orders.sendAllMessages();
    const sent = await telemetry.metric('messaging.client.sent.messages');
    expect(sent.map(({ attributes, value }) => [attributes['error.type'], value])).toEqual([['rejected', 1]]);
    const durations = await telemetry.metric('messaging.client.operation.duration');
    expect(durations.map(({ attributes, value }) => [attributes['error.type'], value])).toEqual([
      ['queue-full', 1],
      ['rejected', 1],
    ]);
  });

  it('have requests and fetching, which count each message once', async () => {
    const { connection, telemetry } = await stage.start();
    await connection.createSendClient('orders').sendBatch(['a', 'b']);
    const inbox = connection.createReceiveClient('orders');
    for (const message of await inbox.receiveBatch({ maxMessages: 2, waitMs: 2_000 })) await message.accept();
    await connection
      .createRequestClient('prices')
      .request('x', { timeoutMs: 20 })
      .catch(() => undefined);
    const durations = await telemetry.metric('messaging.client.operation.duration');
    expect(
      durations
        .filter(({ attributes }) => attributes['messaging.operation.name'] !== 'send')
        .map(({ attributes, value }) => [attributes['messaging.operation.name'], attributes['error.type'], value]),
    ).toEqual([
      ['receive', undefined, 1],
      ['request', 'request-timeout', 1],
    ]);
    const consumed = await telemetry.metric('messaging.client.consumed.messages');
    expect(consumed.map(({ attributes, value }) => [attributes['messaging.operation.name'], value])).toEqual([
      ['receive', 2],
    ]);
  });

  it('never have the name of a temporary node, a reply address or what the anonymous terminus sends to', async () => {
    const { connection, telemetry } = await stage.start();
    const inbox = connection.createReceiveClient({ dynamic: true });
    inbox.subscribe(() => undefined);
    await inbox.attach();
    const { address } = inbox;
    await connection.createSendClient(null).send('x', { to: address });
    await connection.createReplyClient(address).send('y');
    await telemetry.named('process (temporary)', 2);
    const names = [
      'messaging.client.sent.messages',
      'messaging.client.consumed.messages',
      'messaging.client.operation.duration',
      'messaging.process.duration',
      'amqp.client.settled.messages',
    ];
    const points = (await Promise.all(names.map((name) => telemetry.metric(name)))).flat();
    expect(JSON.stringify(points)).not.toContain(address);
    const destinations = points.map(({ attributes }) => attributes['messaging.destination.name']);
    expect(new Set(destinations)).toEqual(new Set(['(anonymous)', '(temporary)']));
  });

  it('never have the name of a queue that only a dead letter says, as redrive without a target sends to', async () => {
    const { connection, telemetry } = await stage.start({}, { queues: ['dead', 'named', 'one', 'two'] });
    const dead = connection.createSendClient('dead');
    for (const name of ['one', 'two', 'named'])
      await dead.send(
        createMessage({
          body: name,
          messageAnnotations: { 'x-opt-death-queue': name, 'x-opt-death-reason': 'policy' },
        }),
      );
    const filter = ({ messageAnnotations }: AmqpMessage): boolean =>
      messageAnnotations?.['x-opt-death-queue'] === 'named';
    expect(await connection.redrive({ from: 'dead', to: 'named', filter })).toBe(1);
    expect(await connection.redrive({ from: 'dead' })).toBe(2);
    const sent = await telemetry.metric('messaging.client.sent.messages');
    expect(sent.map(({ attributes, value }) => [attributes['messaging.destination.name'], value])).toEqual([
      ['dead', 3],
      ['named', 1],
      ['(temporary)', 2],
    ]);
    const spans = await telemetry.named('send (temporary)', 2);
    expect(new Set(spans.map(({ attributes }) => attributes['messaging.destination.name']))).toEqual(
      new Set(['one', 'two']),
    );
  });

  it('are counted by what names have in common, where the user says so', async () => {
    const { connection, telemetry } = await stage.start({ destinationTemplate: () => 'orders-of-{id}' });
    await connection.createSendClient('orders-of-1').send('x');
    await connection.createSendClient('orders-of-2').send('x');
    const sent = await telemetry.metric('messaging.client.sent.messages');
    expect(values(sent)).toEqual([
      [
        {
          'messaging.system': 'amqp',
          'messaging.operation.name': 'send',
          'messaging.destination.template': 'orders-of-{id}',
        },
        2,
      ],
    ]);
  });

  it('are not recorded with metrics: false', async () => {
    const { connection, telemetry } = await stage.start({ metrics: false });
    connection.createReceiveClient('orders').subscribe(() => undefined);
    await connection.createSendClient('orders').send('x');
    await telemetry.named('process orders');
    expect(await telemetry.metric('messaging.client.sent.messages')).toEqual([]);
    expect(await telemetry.metric('amqp.client.connections')).toEqual([]);
  });
});

describe('connections', () => {
  it('are counted by their state, with the address of the peer', async () => {
    const telemetry = stage.registered();
    const broker = await stage.broker({ port: 0 });
    const observer = new AmqpInstrumentation();
    const connections = [1, 2].map(() => stage.connect(broker, { observer, dial: undefined }));
    const states = async (): Promise<Record<string, number>> => {
      const points = await telemetry.metric('amqp.client.connections');
      return Object.fromEntries(
        points
          .filter(({ value }) => value !== 0)
          .map(({ attributes, value }) => [String(attributes['amqp.connection.state']), value]),
      );
    };
    await Promise.all(connections.map((connection) => connection.open()));
    expect(await states()).toEqual({ connected: 2 });
    const point = (await telemetry.metric('amqp.client.connections')).find(({ value }) => value > 0);
    expect(point?.attributes).toEqual({
      'messaging.system': 'amqp',
      'amqp.connection.state': 'connected',
      'server.address': '127.0.0.1',
      'server.port': broker.port,
    });
    await connections[0]?.close();
    expect(await states()).toEqual({ connected: 1 });
    await connections[1]?.close();
    expect(await states()).toEqual({});
  });
});

it('a meter provider that is registered later is used from the next change of a connection on', async () => {
  const broker = await stage.broker({ queues: ['orders'] });
  const connection = stage.connect(broker);
  const telemetry = stage.registered(new TestTelemetry());
  await connection.createSendClient('orders').send('x');
  expect((await telemetry.metric('messaging.client.sent.messages')).map(({ value }) => value)).toEqual([1]);
});
