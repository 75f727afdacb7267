// Send and receive clients on the embedded broker: what becomes of messages, counted at the broker.

import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  createMessage,
  policy,
  type HandlerPolicy,
  type ReceiveClient,
  type ReceivedMessage,
  type SendResult,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';

const brokers: EmbeddedBroker[] = [];
const connections: AmqpConnection[] = [];

async function start(options: EmbeddedBrokerOptions): Promise<{ broker: EmbeddedBroker; connection: AmqpConnection }> {
  const broker = await EmbeddedBroker.start({ port: false, ...options });
  brokers.push(broker);
  return { broker, connection: await connect(broker) };
}

async function connect(broker: EmbeddedBroker): Promise<AmqpConnection> {
  const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
  const reconnect = { initialDelayMs: 2, maxDelayMs: 10 };
  const connection = new AmqpConnection({ uri: broker.uri, dial: broker.dial, reconnect, logger: quiet });
  connections.push(connection);
  await connection.open();
  return connection;
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

/** Numbers that repeat with their seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
}

describe('a body', () => {
  it.each<[string, unknown, unknown]>([
    ['a string', 'grüß €', 'grüß €'],
    ['bytes', Buffer.from([0, 1, 255]), Buffer.from([0, 1, 255])],
    ['an object', { a: [1, { b: null }], ü: 'ß' }, { a: [1, { b: null }], ü: 'ß' }],
    ['null', null, null],
    ['an empty string', '', ''],
    ['no body', createMessage({}), null],
    ['a value', createMessage({ body: { a: 1, b: 2n ** 60n }, bodyType: 'value' }), { a: 1, b: 2n ** 60n }],
    ['a sequence', createMessage({ body: [1, 'a', true], bodyType: 'sequence' }), [1, 'a', true]],
    ['a large one', 'x'.repeat(1_000_000), 'x'.repeat(1_000_000)],
  ])('arrives as it was sent: %s', async (_name, sent, received) => {
    const { connection } = await start({ queues: ['q'] });
    await connection.createSendClient('q').send(sent);
    const [message] = await connection.createReceiveClient('q').receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    expect(message?.body).toEqual(received);
  });
});

it.each([0, 1, 100])('get() with prefetch %d waits for all frames of a large message', async (prefetch) => {
  const { broker, connection } = await start({ queues: ['q'] });
  const text = 'x'.repeat(4_000_000);
  broker.queue('q').publish(text);
  expect((await connection.createReceiveClient('q', { prefetch }).get())?.body).toBe(text);
});

describe('a poison message', () => {
  it.each<[string, HandlerPolicy, number, number]>([
    ['after all deliveries', policy.redeliver({ maxDeliveries: 4 }), 4, 4],
    [
      'after attempts and deliveries',
      policy.retry({ attempts: 3, backoff: policy.fixed(1), then: policy.redeliver({ maxDeliveries: 2 }) }),
      6,
      2,
    ],
    ['at once', policy.reject(), 1, 1],
    ['by the queue, which has a bound of its own', policy.modify({ deliveryFailed: true }), 5, 5],
  ])('ends %s as a dead letter, and others pass it by', async (_name, errorPolicy, calls, deliveries) => {
    const { broker, connection } = await start({
      queues: [{ name: 'q', deadLetter: 'dead', maxDeliveries: 5 }, 'dead'],
    });
    let poisonCalls = 0;
    const good: unknown[] = [];
    connection.createReceiveClient('q').subscribe(
      ({ body }) => {
        if (body !== 'poison') return void good.push(body);
        poisonCalls++;
        throw new Error('poison');
      },
      { errorPolicy },
    );
    const client = connection.createSendClient('q');
    await client.sendBatch([1, 'poison', 2, 3]);
    await eventually('the poison is dead', () => broker.queue('dead').stats().ready === 1);
    await broker.idle();
    expect(good).toEqual([1, 2, 3]);
    expect([poisonCalls, broker.queue('q').stats().delivered - 3]).toEqual([calls, deliveries]);
  });
});

describe('accounting', () => {
  it('loses and invents nothing while policies do everything they can at random', async () => {
    const seed = 41;
    const random = randomOf(seed);
    const { broker, connection } = await start({ queues: [{ name: 'q', deadLetter: 'dead' }, 'dead', 'other'] });
    const total = 600;
    const policies = [
      policy.accept,
      policy.release,
      policy.reject(),
      policy.modify({ deliveryFailed: true }),
      policy.modify({ undeliverableHere: true }),
      policy.deadLetter('other'),
      policy.retry({ attempts: 2, backoff: () => random(3) }),
      policy.redeliver({ maxDeliveries: 3, delayMs: () => random(5) }),
    ];
    let most = 0;
    const handled = new Map<number, number>();
    const subscription = connection.createReceiveClient('q').subscribe(
      async ({ body }) => {
        most = Math.max(most, subscription.inHand);
        if (random(2) === 0) await new Promise((resolve) => setImmediate(resolve));
        if (random(3) === 0) throw new Error('no');
        handled.set(body as number, (handled.get(body as number) ?? 0) + 1);
      },
      {
        prefetch: 30,
        concurrency: 15,
        errorPolicy: (error, failed) => (policies[random(policies.length)] ?? policy.reject())(error, failed),
      },
    );
    const sender = connection.createSendClient('q');
    const results = await sender.sendBatch(Array.from({ length: total }, (_, index) => index));
    expect(results.every(({ ok }) => ok)).toBe(true);
    await eventually(
      'the queue is empty',
      () => broker.queue('q').stats().ready + broker.queue('q').stats().unsettled === 0,
      { timeoutMs: 15_000 },
    );
    const { enqueued, accepted, deadLettered, dropped } = broker.queue('q').stats();
    expect([enqueued, accepted + deadLettered + dropped, dropped]).toEqual([total, total, 0]);
    expect(broker.queue('dead').stats().ready).toBe(deadLettered);
    // Accepted at the broker is: handled here, accepted by policy, or copied to the other queue.
    expect(handled.size + broker.queue('other').stats().ready).toBeLessThanOrEqual(accepted);
    expect([most <= 30, seed]).toEqual([true, seed]);
  }, 20_000);

  it.each([0, 3])(
    'of those who ask in every way at once, with prefetch %i: each message is taken once, none is left',
    async (prefetch) => {
      const random = randomOf(7);
      const { broker, connection } = await start({ queues: ['q'] });
      const total = 400;
      const taken: number[] = [];
      const take = async (message: ReceivedMessage | undefined): Promise<void> => {
        if (message === undefined) return;
        if (random(6) === 0) {
          await message.release();
          return;
        }
        await message.accept();
        taken.push(message.body as number);
      };
      const ways: readonly ((client: ReceiveClient) => Promise<unknown>)[] = [
        async (client) => take(await client.get()),
        async (client) => Promise.all((await client.receiveBatch({ maxMessages: 4, waitMs: random(3) })).map(take)),
        async (client) => {
          for await (const message of client) {
            await take(message);
            if (random(3) === 0) break;
          }
        },
        async (client) => {
          const options = { maxMessages: 5, waitMs: 1_000, signal: AbortSignal.timeout(1 + random(3)) };
          await client.receiveBatch(options).then(
            async (batch) => Promise.all(batch.map(take)),
            () => undefined,
          );
        },
        (client) => client.drain(),
      ];
      const sent = connection.createSendClient('q').sendBatch(Array.from({ length: total }, (_, index) => index));
      const clients = [1, 2].map(() => connection.createReceiveClient('q', { prefetch }));
      const stop = Date.now() + 15_000;
      const work = async (client: ReceiveClient): Promise<void> => {
        while (taken.length < total && Date.now() < stop) {
          const way = ways[random(ways.length)];
          // an iteration that waits for a message when there are none any more would wait for ever
          await (taken.length > total - 60 ? take(await client.get()) : way?.(client));
        }
      };
      await Promise.all(clients.flatMap((client) => [work(client), work(client), work(client)]));
      await sent;
      await Promise.all(clients.map((client) => client.close()));
      expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, index) => index));
      expect(broker.queue('q').stats()).toMatchObject({ ready: 0, unsettled: 0, accepted: total });
    },
    30_000,
  );

  it('loses nothing while connections drop: every promise settles, and what was accepted is handled', async () => {
    const { broker, connection } = await start({ queues: ['q'] });
    const total = 1_500;
    const handled = new Map<string, number>();
    const consumer = await connect(broker);
    consumer.createReceiveClient('q').subscribe(
      async (message) => {
        await new Promise((resolve) => setImmediate(resolve));
        const id = String(message.properties?.messageId);
        handled.set(id, (handled.get(id) ?? 0) + 1);
      },
      { prefetch: 50, concurrency: 20 },
    );
    const sender = connection.createSendClient('q', { whenFull: 'wait', maxPendingMessages: 100 });
    const sent: Promise<SendResult[]>[] = [];
    for (let round = 0; round < 15; round++) {
      sent.push(sender.sendBatch(Array.from({ length: total / 15 }, (_, index) => ({ round, index }))));
      await new Promise((resolve) => setTimeout(resolve, 15));
      if (round % 3 === 0) broker.dropConnections();
    }
    const results = (await Promise.all(sent)).flat();
    await eventually(
      'the queue is empty',
      () => broker.queue('q').stats().ready + broker.queue('q').stats().unsettled === 0,
      { timeoutMs: 15_000 },
    );
    const lost = results.filter((result) => result.ok && !handled.has(String(result.messageId)));
    expect(lost).toEqual([]);
    const failed = results.filter((result) => !result.ok);
    for (const result of failed) expect(result).toMatchObject({ error: { code: expect.any(String) as unknown } });
    const sentIds = new Set(results.map(({ messageId }) => String(messageId)));
    expect([...handled.keys()].filter((id) => !sentIds.has(id))).toEqual([]);
  }, 30_000);

  it('across a close with handlers running: each message is handled or still there', async () => {
    const { broker, connection } = await start({ queues: ['q'] });
    await connection.createSendClient('q').sendBatch(Array.from({ length: 200 }, (_, index) => index));
    const done: unknown[] = [];
    connection.createReceiveClient('q').subscribe(
      async ({ body }) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        done.push(body);
      },
      { prefetch: 60, concurrency: 25 },
    );
    await eventually('handlers run', () => broker.queue('q').stats().unsettled > 40);
    await connection.close();
    const { accepted, ready, unsettled } = broker.queue('q').stats();
    expect([accepted, ready, unsettled]).toEqual([done.length, 200 - done.length, 0]);
    expect(
      broker
        .queue('q')
        .messages()
        .filter(({ deliveryCount }) => deliveryCount > 0),
    ).toEqual([]);
  });
});

it('what a handler sends on its last steps still goes out when the connection closes', async () => {
  const { broker, connection } = await start({ queues: ['in', 'out'] });
  const out = connection.createSendClient('out');
  await connection.createSendClient('in').send('x');
  let isRunning = false;
  connection.createReceiveClient('in').subscribe(async ({ body }) => {
    isRunning = true;
    await new Promise((resolve) => setTimeout(resolve, 50));
    await out.send(body);
  });
  await eventually('the handler runs', () => isRunning);
  await connection.close();
  expect(broker.queue('out').stats().ready).toBe(1);
  expect(broker.queue('in').stats().accepted).toBe(1);
});

it('delays, expires, routes and addresses messages', async () => {
  const { broker, connection } = await start({
    queues: ['q', 'other'],
    exchanges: [{ name: 'events', type: 'topic' }],
    bindings: [{ exchange: 'events', queue: 'q', routingKey: 'order.*' }],
  });
  const routed = await connection.createSendClient({ exchange: 'events', routingKey: 'order.placed' }).send(1);
  const unrouted = await connection.createSendClient({ exchange: 'events', routingKey: 'nobody' }).send(2);
  expect([routed.routed, unrouted.routed]).toEqual([true, false]);
  const strict = connection.createSendClient({ exchange: 'events', routingKey: 'nobody', mandatory: true });
  await expect(strict.send(3)).rejects.toMatchObject({ code: 'released', delivered: 'no' });
  await connection.createSendClient(null).send('to other', { to: 'other' });
  expect(
    broker
      .queue('other')
      .messages()
      .map(({ body }) => body),
  ).toEqual(['to other']);
  const start0 = performance.now();
  await connection.createSendClient('other').send('late', { delayMs: 150 });
  const inbox = connection.createReceiveClient('other');
  const seen: unknown[] = [];
  for await (const message of inbox) {
    seen.push(message.body);
    await message.accept();
    if (seen.length === 2) break;
  }
  expect(seen).toEqual(['to other', 'late']);
  expect(performance.now() - start0).toBeGreaterThan(100);
});

it('one consumer with a handler that never awaits does not starve another on the same connection', async () => {
  const { connection } = await start({ queues: ['busy', 'calm'] });
  const sender = connection.createSendClient('busy');
  await sender.sendBatch(Array.from({ length: 400 }, (_, index) => index));
  const order: string[] = [];
  connection.createReceiveClient('busy').subscribe(
    () => {
      const until = performance.now() + 2;
      while (performance.now() < until);
      order.push('busy');
    },
    { prefetch: 400 },
  );
  connection.createReceiveClient('calm').subscribe(() => void order.push('calm'));
  await eventually('the busy one is at work', () => order.length > 10);
  await connection.createSendClient('calm').send('x');
  await eventually('the calm one got its message', () => order.includes('calm'));
  expect(order.indexOf('calm')).toBeLessThan(400);
});
