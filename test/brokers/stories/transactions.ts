// Sends and settlements within transactions: all at the commit, none after a rollback.

import { expect } from '@jest/globals';
import {
  policy,
  TransactionError,
  type AmqpConnection,
  type ReceiveClient,
  type ReceivedMessage,
  type Transaction,
} from '../../../lib/client/index.js';
import { drainQueue, withConnection, type Peer, type TestQueue } from '../peer.js';
import { failureOf, refusal, type Story } from '../story.js';

const UNSUPPORTED = {
  'rabbitmq-4': 'no: TransactionError unsupported',
  'rabbitmq-3': 'no: TransactionError unsupported',
};
/** Settling what came over an ordinary receive client. */
const OWN_SESSION_ONLY = {
  ...UNSUPPORTED,
  activemq: 'no: TransactionError unsupported',
  qpid: 'no: TransactionError unsupported',
};

/** One story with a queue of its own; the refusal is the cell where the peer has no transactions. */
function inTransactions(
  title: string,
  run: (connection: AmqpConnection, queue: TestQueue, peer: Peer) => Promise<void>,
  known: Record<string, string> = UNSUPPORTED,
): Story {
  return {
    title,
    timeoutMs: 60_000,
    known,
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        try {
          await run(connection, queue, peer);
          return 'yes';
        } catch (error) {
          if (error instanceof TransactionError && error.code === 'unsupported') return refusal(error);
          throw error;
        }
      }),
  };
}

async function take(client: ReceiveClient, waitMs = 15_000): Promise<ReceivedMessage> {
  const [message] = await client.receiveBatch({ maxMessages: 1, waitMs });
  if (message === undefined) throw new Error('no message came');
  return message;
}

/** The bodies that are there now, in their order. */
async function bodies(connection: AmqpConnection, queue: string, atLeast = 0): Promise<unknown[]> {
  const messages = await drainQueue(connection, queue, { atLeast });
  return messages.map(({ body }) => body);
}

class Wanted extends Error {}

/** Does the work, then throws. */
async function rolledBack(
  connection: AmqpConnection,
  work: (transaction: Transaction) => Promise<unknown>,
): Promise<void> {
  const wanted = new Wanted('rolled back on purpose');
  const error = await failureOf(
    connection.transaction(async (transaction) => {
      await work(transaction);
      throw wanted;
    }),
  );
  if (error !== wanted) throw error;
}

export const transactions: readonly Story[] = [
  inTransactions(
    'transaction: what is sent in it is there after the commit, and never after a rollback',
    async (connection, queue, peer) => {
      const orders = connection.createSendClient(queue.name);
      let state: (() => string) | undefined;
      await connection.transaction(async (transaction) => {
        state = () => transaction.state;
        await orders.sendBatch(['a', 'b', 'c'], { transaction });
        expect(await bodies(connection, queue.name)).toEqual([]);
      });
      expect(state?.()).toBe('committed');
      await rolledBack(connection, (transaction) => orders.send('never', { transaction }));
      expect(await bodies(connection, queue.name, 3)).toEqual(['a', 'b', 'c']);
      expect(peer.name).not.toMatch(/^rabbitmq/);
    },
  ),
  {
    title: 'transaction: the refusal of the coordinator, where the profile is overridden',
    known: {
      'rabbitmq-4': 'no: TransactionError unsupported (amqp:not-implemented)',
      'rabbitmq-3': 'no: TransactionError unsupported (amqp:not-implemented)',
    },
    run: (peer) =>
      withConnection(
        peer,
        async (connection) => {
          const attempt = connection.transaction(async () => 'done');
          return attempt.then(() => 'yes', refusal);
        },
        { profile: 'generic' },
      ),
  },
  inTransactions(
    'transaction: an acceptance counts at the commit; after a rollback the message comes again',
    async (connection, queue) => {
      await connection.createSendClient(queue.name).send('order');
      const client = connection.createReceiveClient(queue.name, { transactional: true, prefetch: 1 });
      const first = await take(client);
      await rolledBack(connection, (transaction) => first.accept({ transaction }));
      const again = await take(client);
      expect([again.body, again.deliveryCount]).toEqual(['order', 1]);
      await connection.transaction(async (transaction) => {
        await again.accept({ transaction });
      });
      expect(again.outcome).toEqual({ kind: 'accepted' });
      await client.close();
      expect(await bodies(connection, queue.name)).toEqual([]);
    },
  ),
  inTransactions('transaction: a commit of rejected, released and modified', async (connection, queue) => {
    const client = connection.createReceiveClient(queue.name, { transactional: true, prefetch: 1 });
    const outcomes: [string, (message: ReceivedMessage, transaction: Transaction) => Promise<unknown>][] = [
      ['released', (message, transaction) => message.release({ transaction })],
      ['modified', (message, transaction) => message.modify({ deliveryFailed: true }, { transaction })],
      ['rejected', (message, transaction) => message.reject('app:no', undefined, { transaction })],
    ];
    for (const [name, settle] of outcomes) {
      await connection.createSendClient(queue.name).send(name);
      const message = await take(client);
      await connection.transaction((transaction) => settle(message, transaction));
      if (name === 'rejected') continue;
      const again = await take(client);
      expect([again.body, again.deliveryCount]).toEqual([name, name === 'modified' ? 1 : 0]);
      await again.accept();
    }
    await client.close();
  }),
  inTransactions(
    'transaction: messages moved from queue to queue by handlers that fail now and then are there exactly once',
    async (connection, queue, peer) => {
      await connection.transaction(async () => undefined);
      const target = await peer.queue(connection);
      const numbers = Array.from({ length: 40 }, (_, index) => index);
      await connection.createSendClient(queue.name).sendBatch(numbers);
      const out = connection.createSendClient(target.name);
      const client = connection.createReceiveClient(queue.name, { transactional: true });
      let failures = 0;
      client.subscribe(
        (message) =>
          connection.transaction(async (transaction) => {
            await out.send(message.body, { transaction });
            await message.accept({ transaction });
            if (Number(message.body) % 4 === 0 && message.attempt === 1) {
              failures++;
              throw new Wanted('the first attempt');
            }
          }),
        { concurrency: 4, errorPolicy: policy.retry({ attempts: 3, backoff: policy.fixed(1) }) },
      );
      const moved = await bodies(connection, target.name, 40);
      await client.close();
      expect(failures).toBe(10);
      expect(moved.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers);
      expect(await bodies(connection, queue.name)).toEqual([]);
    },
  ),
  inTransactions('transaction: several at once do not disturb each other', async (connection, queue) => {
    const orders = connection.createSendClient(queue.name);
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        connection
          .transaction(async (transaction) => {
            await orders.send(index, { transaction });
            if (index % 2 === 1) throw new Wanted('odd');
            return index;
          })
          .catch((error: unknown) => {
            if (error instanceof Wanted) return 'rolled back';
            throw error;
          }),
      ),
    );
    expect(results.filter((result) => result === 'rolled back')).toHaveLength(5);
    const there = await bodies(connection, queue.name, 5);
    expect(there.toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 2, 4, 6, 8]);
  }),
  inTransactions(
    'transaction: a connection that is closed in the middle of it leaves nothing behind',
    async (connection, queue, peer) => {
      await connection.createSendClient(queue.name).send('order');
      const other = await peer.connect();
      const orders = other.createSendClient(queue.name);
      const client = other.createReceiveClient(queue.name, { transactional: true, prefetch: 1 });
      const error = await failureOf(
        other.transaction(async (transaction) => {
          const order = await take(client);
          await orders.send('never', { transaction });
          await order.accept({ transaction });
          await other.close({ timeoutMs: 500 });
        }),
      ).finally(() => void other.close());
      expect(error).toMatchObject({ name: 'TransactionError' });
      if (error instanceof TransactionError && error.code === 'unsupported') throw error;
      expect(await bodies(connection, queue.name, 1)).toEqual(['order']);
    },
  ),
  inTransactions(
    'transaction: settles what came over another session than the coordinator’s',
    async (connection, queue) => {
      await connection.createSendClient(queue.name).send('order');
      const client = connection.createReceiveClient(queue.name, { prefetch: 1 });
      const order = await take(client);
      const refused: unknown[] = [];
      await connection
        .transaction(async (transaction) => {
          await order.accept({ transaction }).catch((error: unknown) => {
            refused.push(error);
          });
        })
        .catch((error: unknown) => {
          throw refused[0] ?? error;
        });
      await client.close();
      expect(await bodies(connection, queue.name)).toEqual([]);
    },
    OWN_SESSION_ONLY,
  ),
  {
    title: 'transaction: a dead letter and the acceptance of its message',
    // A peer without transactions has the copy before the acceptance.
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const dead = await peer.queue(connection);
        await connection.createSendClient(queue.name).send('order');
        const client = connection.createReceiveClient(queue.name, {
          transactional: peer.name !== 'rabbitmq-4' && peer.name !== 'rabbitmq-3',
        });
        client.subscribe(
          () => {
            throw new Wanted('poison');
          },
          { errorPolicy: policy.deadLetter(dead.name) },
        );
        expect(await bodies(connection, dead.name, 1)).toEqual(['order']);
        await client.close();
        expect(await bodies(connection, queue.name)).toEqual([]);
        return 'yes';
      }),
  },
];
