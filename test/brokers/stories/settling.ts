// The four outcomes, what comes back, and what is counted.

import { expect } from '@jest/globals';
import { policy, type AmqpConnection, type ReceivedMessage } from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { drainQueue, withConnection, type Peer, type QueueKind, type TestQueue } from '../peer.js';
import type { Story } from '../story.js';

/** Sends one message, settles its first delivery this way and looks at the second. */
async function secondDelivery(
  connection: AmqpConnection,
  queue: TestQueue,
  settle: (message: ReceivedMessage) => Promise<unknown>,
): Promise<ReceivedMessage | undefined> {
  await connection.createSendClient(queue.name).send({ n: 1 });
  const client = connection.createReceiveClient(queue.name, { prefetch: 1 });
  const [first] = await client.receiveBatch({ maxMessages: 1, waitMs: 15_000 });
  if (first === undefined) throw new Error('the message did not arrive');
  expect(first.deliveryCount).toBe(0);
  await settle(first);
  const [second] = await client.receiveBatch({ maxMessages: 1, waitMs: 1_500 });
  await second?.accept();
  await client.close();
  return second;
}

async function deadLetter(connection: AmqpConnection, queue: TestQueue): Promise<ReceivedMessage | undefined> {
  if (queue.deadLetterQueue === undefined) throw new Error('the queue has no dead-letter queue');
  const [letter] = await drainQueue(connection, queue.deadLetterQueue, { atLeast: 1 });
  return letter;
}

/** One story per kind of queue that the peer has. */
function byKind(
  title: string,
  run: (peer: Peer, kind: QueueKind) => Promise<string>,
  known?: Record<string, string>,
): Story {
  return {
    title,
    timeoutMs: 90_000,
    async run(peer) {
      const cells: string[] = [];
      for (const kind of peer.queueKinds) {
        const cell = await run(peer, kind);
        cells.push(kind === 'default' ? cell : `${kind}: ${cell}`);
      }
      return cells.join('; ');
    },
    ...(known === undefined ? {} : { known }),
  };
}

/** The default chain with short pauses. */
const QUICK = {
  errorPolicy: policy.retry({
    attempts: 3,
    backoff: policy.fixed(1),
    then: policy.redeliver({ maxDeliveries: 10, delayMs: 1, then: policy.reject() }),
  }),
};

export const settling: readonly Story[] = [
  byKind(
    'released comes back, not counted',
    (peer, kind) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection, { kind });
        const second = await secondDelivery(connection, queue, (message) => message.release());
        expect(second?.body).toEqual({ n: 1 });
        expect(second?.deliveryCount).toBe(0);
        return 'yes';
      }),
    { 'rabbitmq-4': 'classic: yes; quorum: yes', 'rabbitmq-3': 'classic: yes; quorum: yes' },
  ),
  byKind(
    'modified{deliveryFailed} comes back and is counted',
    (peer, kind) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection, { kind });
        const second = await secondDelivery(connection, queue, (message) => message.modify({ deliveryFailed: true }));
        expect(second?.body).toEqual({ n: 1 });
        return second?.deliveryCount === 1 ? 'yes' : 'comes back, not counted';
      }),
    {
      'rabbitmq-4': 'classic: comes back, not counted; quorum: yes',
      'rabbitmq-3': 'classic: comes back, not counted; quorum: comes back, not counted',
    },
  ),
  byKind(
    'rejected goes to the dead-letter queue',
    (peer, kind) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection, { kind, deadLetters: true });
        await connection.createSendClient(queue.name).send({ n: 1 });
        const client = connection.createReceiveClient(queue.name, { prefetch: 1 });
        let rejections = 0;
        for (;;) {
          const waitMs = rejections === 0 ? 15_000 : 1_500;
          const [message] = await client.receiveBatch({ maxMessages: 1, waitMs });
          if (message === undefined) break;
          await message.reject('app:bad', 'no good');
          rejections += 1;
        }
        await client.close();
        expect((await deadLetter(connection, queue))?.body).toEqual({ n: 1 });
        return rejections === 1 ? 'yes' : `after ${rejections} deliveries, by its own limit`;
      }),
    {
      'rabbitmq-4': 'classic: yes; quorum: yes',
      'rabbitmq-3': 'classic: yes; quorum: yes',
      qpid: 'after 10 deliveries, by its own limit',
    },
  ),
  byKind(
    'a policy pauses the consumer: what failed stays, not counted, and is handled when it goes on',
    (peer, kind) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection, { kind });
        let failures = 0;
        const handled = new Map<unknown, number>();
        const consumer = connection.createReceiveClient(queue.name, { prefetch: 5 }).subscribe(
          (message) => {
            if (failures < 3) {
              failures += 1;
              throw new Error('the database is down');
            }
            handled.set(message.body, message.deliveryCount);
          },
          { concurrency: 1, errorPolicy: policy.pause({ delayMs: (pauses) => pauses * 100 }) },
        );
        await consumer.ready();
        const startedAt = performance.now();
        await connection.createSendClient(queue.name).sendBatch(Array.from({ length: 20 }, (_, index) => index));
        await eventually('all are handled', () => handled.size === 20, { timeoutMs: 30_000 });
        // 100, 200 and 300 ms: one after another, and none for the messages that were given back unseen.
        expect(performance.now() - startedAt).toBeGreaterThan(550);
        expect([...handled.values()].filter((count) => count > 0)).toEqual([]);
        await consumer.close();
        return 'yes';
      }),
    { 'rabbitmq-4': 'classic: yes; quorum: yes', 'rabbitmq-3': 'classic: yes; quorum: yes' },
  ),
  byKind(
    'a poison message ends with the default policy',
    (peer, kind) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection, { kind, deadLetters: true });
        let calls = 0;
        const deliveries = new Set<ReceivedMessage>();
        const consumer = connection.createReceiveClient(queue.name).subscribe((message) => {
          calls += 1;
          deliveries.add(message);
          throw new Error('always');
        }, QUICK);
        await connection.createSendClient(queue.name).send({ n: 'poison' });
        const letter = await deadLetter(connection, queue);
        expect(letter?.body).toEqual({ n: 'poison' });
        await consumer.close();
        expect(calls).toBe(deliveries.size * 3);
        return `${deliveries.size} deliveries`;
      }),
    {
      embedded: '10 deliveries',
      'rabbitmq-4': 'classic: 1 deliveries; quorum: 10 deliveries',
      'rabbitmq-3': 'classic: 1 deliveries; quorum: 1 deliveries',
      activemq: '10 deliveries',
      artemis: '10 deliveries',
      qpid: '10 deliveries',
    },
  ),
  byKind(
    'unsettled messages come back when the consumer closes',
    (peer, kind) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection, { kind });
        await connection.createSendClient(queue.name).sendBatch([1, 2, 3, 4, 5]);
        const client = connection.createReceiveClient(queue.name, { prefetch: 5 });
        const [first] = await client.receiveBatch({ maxMessages: 1, waitMs: 15_000 });
        await first?.accept();
        await client.close();
        const rest = await drainQueue(connection, queue.name, { atLeast: 4 });
        expect(rest.map((message) => message.body).toSorted((a, b) => Number(a) - Number(b))).toEqual([2, 3, 4, 5]);
        return 'yes';
      }),
    { 'rabbitmq-4': 'classic: yes; quorum: yes', 'rabbitmq-3': 'classic: yes; quorum: yes' },
  ),
  {
    title: 'prefetch is exact',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        await connection.createSendClient(queue.name).sendBatch(Array.from({ length: 30 }, (_, n) => n));
        let most = 0;
        let handled = 0;
        await new Promise<void>((resolve) => {
          const subscription = connection.createReceiveClient(queue.name).subscribe(
            async (message) => {
              most = Math.max(most, subscription.inHand);
              // every second handler is overtaken by the one after it
              if ((message.body as number) % 2 === 0) await new Promise(setImmediate);
              handled += 1;
              if (handled === 30) resolve();
            },
            { prefetch: 5, concurrency: 5 },
          );
        });
        expect(most).toBeLessThanOrEqual(5);
        return 'yes';
      }),
  },
];
