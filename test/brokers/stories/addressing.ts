// Where messages come from and go to, and what a peer lacks.

import { expect } from '@jest/globals';
import type { AmqpConnection } from '../../../lib/client/index.js';
import { drainQueue, type Peer, uniqueName, withConnection } from '../peer.js';
import { failureOf, refusal, type Story } from '../story.js';

/** A comma is a letter like any other there. */
const ANOTHER_NAME = 'no: the name of another queue';

export const addressing: readonly Story[] = [
  {
    title: 'a queue that does not exist',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const client = connection.createReceiveClient(uniqueName('missing'));
        try {
          await client.attach();
        } catch (error) {
          return refusal(error);
        }
        return 'is created';
      }),
    known: {
      embedded: 'is created',
      activemq: 'is created',
      artemis: 'is created',
      qpid: 'is created',
      'rabbitmq-4': 'no: LinkError attach-refused (amqp:not-found)',
      'rabbitmq-3': 'no: LinkError attach-refused (amqp:not-found)',
    },
  },
  {
    title: 'a refused link leaves its neighbours alone',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const neighbour = connection.createSendClient(queue.name);
        await neighbour.send(1);
        await failureOf(connection.createReceiveClient({ address: '/queues/%00no/such' }).attach()).catch(
          () => undefined,
        );
        await neighbour.send(2);
        expect(await drainQueue(connection, queue.name, { atLeast: 2 })).toHaveLength(2);
        return 'yes';
      }),
  },
  {
    title: 'anonymous target, an address per message',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const one = await peer.queue(connection);
        const two = await peer.queue(connection);
        const anywhere = connection.createSendClient(null);
        try {
          await anywhere.send('first', { to: one.name });
          await anywhere.send('second', { to: two.name });
        } catch (error) {
          return refusal(error);
        }
        expect((await drainQueue(connection, one.name, { atLeast: 1 }))[0]?.body).toBe('first');
        expect((await drainQueue(connection, two.name, { atLeast: 1 }))[0]?.body).toBe('second');
        return 'yes';
      }),
    known: { 'rabbitmq-3': 'no: SendError link-closed' },
  },
  {
    title: 'a dynamic node',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const inbox = connection.createReceiveClient({ dynamic: true });
        try {
          await inbox.attach();
        } catch (error) {
          return refusal(error);
        }
        await connection.createSendClient({ address: inbox.address }).send('to whom it may concern');
        const [message] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 15_000 });
        await message?.accept();
        expect(message?.body).toBe('to whom it may concern');
        return 'yes';
      }),
    known: { 'rabbitmq-4': 'no: LinkError attach-refused', 'rabbitmq-3': 'no: LinkError attach-refused' },
  },
  {
    title: 'browsing leaves the messages',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        await connection.createSendClient(queue.name).sendBatch([1, 2, 3]);
        const browser = connection.createReceiveClient({ queue: queue.name, distributionMode: 'copy' });
        try {
          await browser.attach();
        } catch (error) {
          return refusal(error);
        }
        const seen: unknown[] = [];
        while (seen.length < 3) {
          const batch = await browser.receiveBatch({ maxMessages: 3, waitMs: 15_000 });
          if (batch.length === 0) break;
          for (const message of batch) {
            seen.push(message.body);
            await message.accept();
          }
        }
        await browser.close();
        expect(seen).toEqual([1, 2, 3]);
        expect(await drainQueue(connection, queue.name, { atLeast: 3 })).toHaveLength(3);
        return 'yes';
      }),
    known: { 'rabbitmq-4': 'no: LinkError attach-refused', 'rabbitmq-3': 'no: LinkError attach-refused' },
  },
  {
    title: 'an address of two queues reaches both',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const [one, two] = [await peer.queue(connection), await peer.queue(connection)];
        // as it goes on the wire: a list is ActiveMQ's own form
        const both = connection.createSendClient({ address: `${one.name},${two.name}` });
        try {
          await both.send('to both', { timeoutMs: 5_000 });
        } catch (error) {
          return refusal(error);
        }
        await both.close();
        for (const { name } of [one, two]) if ((await drainQueue(connection, name)).length === 0) return ANOTHER_NAME;
        return 'yes';
      }),
    known: {
      embedded: ANOTHER_NAME,
      'rabbitmq-4': ANOTHER_NAME,
      'rabbitmq-3': ANOTHER_NAME,
      artemis: ANOTHER_NAME,
      qpid: ANOTHER_NAME,
    },
  },
  {
    title: 'a topic with wildcards as a source',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const root = uniqueName('wild');
        const wildcard = peer.name === 'activemq' ? `${root}.>` : `${root}.#`;
        const inbox = connection.createReceiveClient({ topic: wildcard });
        try {
          await inbox.attach();
        } catch (error) {
          return refusal(error);
        }
        await connection.createSendClient({ topic: `${root}.north.1` }).send('wild');
        const [message] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 5_000 });
        await message?.accept();
        return message?.body === 'wild' ? 'yes' : 'no: taken as a name';
      }),
    known: {
      embedded: 'no: LinkError attach-refused',
      'rabbitmq-4': 'no: LinkError attach-refused',
      'rabbitmq-3': 'no: taken as a name',
    },
  },
  {
    title: 'a selector is applied',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const client = connection.createSendClient(queue.name);
        await client.send('red', { applicationProperties: { colour: 'red' } });
        await client.send('blue', { applicationProperties: { colour: 'blue' } });
        const blue = connection.createReceiveClient({ queue: queue.name, selector: "colour = 'blue'" });
        try {
          await blue.attach();
        } catch (error) {
          return refusal(error);
        }
        const [message] = await blue.receiveBatch({ maxMessages: 2, waitMs: 15_000 });
        expect(message?.body).toBe('blue');
        await message?.accept();
        expect(await blue.receiveBatch({ maxMessages: 1, waitMs: 500 })).toEqual([]);
        return 'yes';
      }),
    known: { 'rabbitmq-4': 'no: LinkError attach-refused', 'rabbitmq-3': 'no: LinkError attach-refused' },
  },
  {
    title: 'a durable subscription keeps messages while away',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const topic = uniqueName('topic');
        const source = {
          topic,
          durable: 'unsettled-state',
          expiryPolicy: 'never',
          linkName: uniqueName('subscription'),
        } as const;
        const first = connection.createReceiveClient(source);
        try {
          await first.attach();
        } catch (error) {
          return refusal(error);
        }
        await first.close();
        await connection.createSendClient({ topic }).send('while away');
        const second = connection.createReceiveClient(source);
        const [message] = await second.receiveBatch({ maxMessages: 1, waitMs: 15_000 });
        await message?.accept();
        expect(message?.body).toBe('while away');
        return 'yes';
      }),
    known: {
      'rabbitmq-4': 'no: LinkError attach-refused',
      'rabbitmq-3': 'no: LinkError attach-refused',
      embedded: 'no: LinkError attach-refused',
    },
  },
  {
    title: 'a hundred consumers and a hundred senders on one connection',
    timeoutMs: 120_000,
    run: (peer) =>
      withConnection(peer, (connection) => eachGetsItsOwn(peer, connection, 100), { bootTimeoutMs: 60_000 }),
  },
  {
    title: 'more links than one connection takes: further connections',
    timeoutMs: 60_000,
    run: (peer) =>
      withConnection(peer, (connection) => eachGetsItsOwn(peer, connection, 6), { channelMax: 3, handleMax: 1 }),
  },
];

/** So many queues, each with a consumer and a sender, all of them in use at once. */
async function eachGetsItsOwn(peer: Peer, connection: AmqpConnection, count: number): Promise<string> {
  const queues = await Promise.all(Array.from({ length: count }, () => peer.queue(connection)));
  const arrived = queues.map(
    (queue) =>
      new Promise<unknown>((resolve) => {
        connection.createReceiveClient(queue.name).subscribe((message) => resolve(message.body));
      }),
  );
  await Promise.all(queues.map((queue) => connection.createSendClient(queue.name).send(queue.name)));
  expect(await Promise.all(arrived)).toEqual(queues.map((queue) => queue.name));
  return 'yes';
}
