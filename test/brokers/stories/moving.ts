// Messages that go back: dead letters to where they came from, replies to who asked.

import { expect } from '@jest/globals';
import type { AmqpConnection } from '../../../lib/client/index.js';
import { drainQueue, withConnection, type Peer, type TestQueue } from '../peer.js';
import { refusal, type Story } from '../story.js';

const LETTERS = 25;
const TOLD = 'no: it has to be told where to (`to`)';

/** Rejects what the queue holds until it is empty, so that all of it is dead. */
async function rejectAll(connection: AmqpConnection, queue: TestQueue, count: number): Promise<void> {
  const dead = new Set<unknown>();
  const client = connection.createReceiveClient(queue.name, { prefetch: 50 });
  for (;;) {
    const batch = await client.receiveBatch({ maxMessages: 50, waitMs: dead.size < count ? 15_000 : 1_000 });
    if (batch.length === 0) break;
    await Promise.all(batch.map((message) => message.reject('app:bad', 'no good')));
    for (const { body } of batch) dead.add(body);
  }
  await client.close();
  expect(dead.size).toBe(count);
}

function deadLetterQueue({ deadLetterQueue: name }: TestQueue): string {
  if (name === undefined) throw new Error('the queue has no dead-letter queue');
  return name;
}

const bodies = async (connection: AmqpConnection, queue: string, atLeast: number): Promise<unknown[]> =>
  (await drainQueue(connection, queue, { atLeast })).map(({ body }) => body).toSorted((a, b) => Number(a) - Number(b));

/** A queue with its letters dead, as the story's messages: numbers from 0. */
async function withDeadLetters(
  peer: Peer,
  work: (connection: AmqpConnection, queue: TestQueue, dead: string) => Promise<string>,
): Promise<string> {
  return withConnection(peer, async (connection) => {
    const queue = await peer.queue(connection, { kind: 'classic', deadLetters: true });
    await connection.createSendClient(queue.name).sendBatch(Array.from({ length: LETTERS }, (_, n) => n));
    await rejectAll(connection, queue, LETTERS);
    return work(connection, queue, deadLetterQueue(queue));
  });
}

export const moving: readonly Story[] = [
  {
    title: 'dead letters are moved back to where they came from, as far as the peer wrote that on them',
    timeoutMs: 60_000,
    run: (peer) =>
      withDeadLetters(peer, async (connection, queue, dead) => {
        const numbers = Array.from({ length: LETTERS }, (_, n) => n);
        const even = { filter: ({ body }: { body: unknown }) => Number(body) % 2 === 0 };
        let cell = 'yes';
        let back = {};
        try {
          expect(await connection.redrive({ from: dead, max: 3, ...even })).toBe(3);
        } catch (error) {
          expect(error).toMatchObject({ name: 'InvalidOptionsError' });
          cell = TOLD;
          back = { to: queue.name };
          expect(await connection.redrive({ from: dead, max: 3, ...even, ...back })).toBe(3);
        }
        expect(await connection.redrive({ from: dead, ...even, ...back })).toBe(10);
        expect(await connection.redrive({ from: dead, ...even, ...back })).toBe(0);
        expect(await bodies(connection, queue.name, 13)).toEqual(numbers.filter((n) => n % 2 === 0));
        expect(await bodies(connection, dead, 12)).toEqual(numbers.filter((n) => n % 2 === 1));
        return cell;
      }),
    known: { 'rabbitmq-3': TOLD, activemq: TOLD, qpid: TOLD },
  },
  {
    title: 'a redrive whose connection is cut off half-way loses nothing',
    timeoutMs: 60_000,
    run: (peer) =>
      withDeadLetters(peer, async (connection, queue, dead) => {
        const cut = await peer.connect();
        let seen = 0;
        const running = cut.redrive({
          from: dead,
          to: queue.name,
          filter: () => {
            seen += 1;
            if (seen === 10) void cut.close({ timeoutMs: 1 });
            return true;
          },
        });
        await running.catch(() => undefined);
        await cut.close();
        const [moved, left] = [await drainQueue(connection, queue.name), await drainQueue(connection, dead)];
        const ids = new Set([...moved, ...left].map(({ properties }) => String(properties?.messageId)));
        expect(ids.size).toBe(LETTERS);
        return 'yes';
      }),
  },
  {
    title: 'a request is answered, also many at once',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const prices = await peer.queue(connection);
        const replies = await peer.queue(connection);
        connection.createReceiveClient(prices.name).subscribe(async ({ properties, body }) => {
          const { replyTo = '', messageId } = properties ?? {};
          const answer = connection.createSendClient({ address: replyTo });
          const correlationId = messageId === undefined ? {} : { correlationId: messageId };
          await answer.send({ price: Number(body) * 2 }, correlationId);
          await answer.close();
        });
        const ask = async (options: object): Promise<void> => {
          const client = connection.createRequestClient(prices.name, options);
          const answers = await Promise.all([1, 2, 3].map((n) => client.request(n, { timeoutMs: 15_000 })));
          expect(answers.map(({ body }) => body)).toEqual([{ price: 2 }, { price: 4 }, { price: 6 }]);
          await client.close();
        };
        try {
          await ask({});
          return 'yes';
        } catch (error) {
          const why = refusal(error);
          await ask({ replyTo: replies.name });
          return `${why}; yes on a queue that is set up for replies`;
        }
      }),
    known: { 'rabbitmq-3': 'no: LinkError attach-refused; yes on a queue that is set up for replies' },
  },
];
