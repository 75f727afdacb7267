// How messages are taken: one at a time, ahead of need, shared with others, from a log.

import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { expect } from '@jest/globals';
import {
  Described,
  type AmqpConnection,
  type Dial,
  type ReceiveClient,
  type ReceivedMessage,
  type Source,
  type Subscription,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { drainQueue, uniqueName, withConnection, type Peer } from '../peer.js';
import { refusal, type Story } from '../story.js';

const bodies = (messages: readonly (ReceivedMessage | undefined)[]): unknown[] => messages.map((one) => one?.body);

/** Resolves when the condition holds; fails after 15 s. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const late = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > late) throw new Error(`it did not come to: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Attaches, or answers the cell for the refusal. What is not durable goes with it, on Artemis a little later: a name of its own. */
async function attached(connection: AmqpConnection, source: Source): Promise<string | undefined> {
  const client = connection.createReceiveClient(source);
  try {
    await client.attach();
    return undefined;
  } catch (error) {
    return refusal(error);
  } finally {
    await client.close();
  }
}

const REFUSED = 'no: LinkError attach-refused';

/** The next message, which is there. ActiveMQ may say "none" while it is about to hand it out: it is asked again then. */
async function gotten(peer: Peer, inbox: ReceiveClient): Promise<ReceivedMessage | undefined> {
  const tries = peer.name === 'activemq' ? 20 : 1;
  for (let n = 1; n < tries; n += 1) {
    const message = await inbox.get();
    if (message !== undefined) return message;
  }
  return inbox.get();
}

export const receiving: readonly Story[] = [
  {
    title: 'get one without waiting',
    timeoutMs: 60_000,
    run: (peer) =>
      withConnection(peer, async (connection) => {
        for (const kind of peer.queueKinds) {
          const queue = await peer.queue(connection, { kind });
          const inbox = connection.createReceiveClient(queue.name, { prefetch: 0 });
          expect(await inbox.get()).toBeUndefined();
          const sender = connection.createSendClient(queue.name);
          await sender.sendBatch([1, 2, 3]);
          const taken: (ReceivedMessage | undefined)[] = [];
          for (let n = 0; n < 3; n += 1) {
            const message = await gotten(peer, inbox);
            await message?.accept();
            taken.push(message);
          }
          expect(bodies(taken)).toEqual([1, 2, 3]);
          expect(await inbox.get()).toBeUndefined();
          // and again on the same link, whatever a drain left behind
          for (let n = 0; n < 20; n += 1) {
            await sender.send(n);
            const message = await gotten(peer, inbox);
            expect(message?.body).toBe(n);
            await message?.accept();
            expect(await inbox.get()).toBeUndefined();
          }
        }
        return 'yes';
      }),
  },
  {
    title: 'two that get one at a time take each message once',
    timeoutMs: 60_000,
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        await connection.createSendClient(queue.name).sendBatch(Array.from({ length: 100 }, (_, n) => n));
        const seen: unknown[] = [];
        const take = async (): Promise<void> => {
          const inbox = connection.createReceiveClient(queue.name, { prefetch: 0 });
          // ActiveMQ may say "none" while it hands messages to the other one
          while (seen.length < 100) {
            const message = await inbox.get();
            if (message === undefined) continue;
            seen.push(message.body);
            await message.accept();
          }
          await inbox.close();
        };
        await Promise.all([take(), take()]);
        expect(bodies(await drainQueue(connection, queue.name))).toEqual([]);
        expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 100 }, (_, n) => n));
        return 'yes';
      }),
  },
  {
    title: 'at most once: what was received is gone',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const sender = connection.createSendClient(queue.name);
        await sender.send(1);
        const inbox = connection.createReceiveClient(queue.name, { prefetch: 0, settlement: 'at-most-once' });
        const message = await eventually('it came', () => inbox.get());
        expect(message).toMatchObject({ body: 1, settled: true });
        // unsettled it would come again after this
        await inbox.close();
        await sender.send(2);
        expect(bodies(await drainQueue(connection, queue.name, { atLeast: 1 }))).toEqual([2]);
        return 'yes';
      }),
  },
  {
    title: 'drain brings what is there and leaves the rest to others',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const sender = connection.createSendClient(queue.name);
        await sender.sendBatch([1, 2, 3]);
        const inbox = connection.createReceiveClient(queue.name, { prefetch: 10 });
        const [first] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 15_000 });
        await inbox.drain();
        await sender.send('after');
        const others = await drainQueue(connection, queue.name, { atLeast: 1 });
        expect(bodies(others)).toEqual(['after']);
        const rest = await inbox.receiveBatch({ maxMessages: 10, waitMs: 15_000 });
        expect(bodies([first, ...rest])).toEqual([1, 2, 3]);
        await first?.accept();
        await Promise.all(rest.map((message) => message.accept()));
        return 'yes';
      }),
  },
  {
    title: 'prefetch changed while running',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        await connection.createSendClient(queue.name).sendBatch(Array.from({ length: 20 }, (_, n) => n));
        const held: ReceivedMessage[] = [];
        const waits: (() => void)[] = [];
        const subscription: Subscription = connection.createReceiveClient(queue.name).subscribe(
          async (message) => {
            held.push(message);
            await new Promise<void>((resolve) => waits.push(resolve));
          },
          { prefetch: 2, concurrency: 20 },
        );
        await until('two in hand', () => held.length === 2);
        await subscription.adjust({ prefetch: 6 });
        await until('six in hand', () => held.length === 6);
        expect(subscription.inHand).toBe(6);
        await subscription.adjust({ prefetch: 1 });
        let most = 0;
        while (held.length < 20) {
          waits.splice(0).forEach((resolve) => resolve());
          const before = held.length;
          await until('one more', () => held.length > before);
          most = Math.max(most, subscription.inHand);
        }
        waits.splice(0).forEach((resolve) => resolve());
        expect(most).toBe(1);
        await subscription.close();
        return 'yes';
      }),
  },
  {
    title: 'recover gives back what was not settled',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        await connection.createSendClient(queue.name).sendBatch([1, 2, 3]);
        const inbox = connection.createReceiveClient(queue.name, { prefetch: 3 });
        const [first] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 15_000 });
        await first?.accept();
        await inbox.drain();
        const [second] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 15_000 });
        expect(second?.body).toBe(2);
        await inbox.drain();
        expect(await inbox.recover()).toBe(2);
        const toOthers = await drainQueue(connection, queue.name);
        await inbox.close();
        const afterwards = await drainQueue(connection, queue.name);
        expect(bodies([...toOthers, ...afterwards])).toEqual([2, 3]);
        return toOthers.length === 2 ? 'yes' : 'to the same consumer, to others when it closes';
      }),
    known: { activemq: 'to the same consumer, to others when it closes' },
  },
  {
    title: 'consumers share a subscription of a topic',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const topic = uniqueName('topic');
        const source = { topic, shared: 'global', linkName: uniqueName('shared') } as const;
        const refused = await attached(connection, { ...source, linkName: uniqueName('probe') });
        if (refused !== undefined) return refused;
        const seen: unknown[][] = [[], []];
        const other = await peer.connect();
        try {
          const subscriptions = [connection, other].map((one, index) =>
            one
              .createReceiveClient(source)
              .subscribe((message) => void seen[index]?.push(message.body), { prefetch: 1 }),
          );
          await Promise.all(subscriptions.map((subscription) => subscription.ready()));
          await connection.createSendClient({ topic }).sendBatch(Array.from({ length: 50 }, (_, n) => n));
          await until('fifty messages', () => seen.flat().length >= 50);
        } finally {
          await other.close();
        }
        expect(seen.flat().toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 50 }, (_, n) => n));
        expect(seen.every((share) => share.length > 0)).toBe(true);
        return 'yes';
      }),
    known: { 'rabbitmq-4': REFUSED, 'rabbitmq-3': REFUSED, activemq: REFUSED, embedded: REFUSED },
  },
  {
    title: 'a shared durable subscription keeps messages while all are away',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const topic = uniqueName('topic');
        const source = {
          topic,
          shared: 'global',
          durable: 'unsettled-state',
          expiryPolicy: 'never',
          linkName: uniqueName('shared'),
        } as const;
        const refused = await attached(connection, source);
        if (refused !== undefined) return refused;
        await connection.createSendClient({ topic }).sendBatch(['while', 'away']);
        const clients = [1, 2].map(() => connection.createReceiveClient(source, { prefetch: 1 }));
        const taken = await Promise.all(
          clients.map((client) => client.receiveBatch({ maxMessages: 1, waitMs: 15_000 })),
        );
        await Promise.all(taken.flat().map((message) => message.accept()));
        expect(new Set(bodies(taken.flat()))).toEqual(new Set(['away', 'while']));
        return 'yes';
      }),
    known: { 'rabbitmq-4': REFUSED, 'rabbitmq-3': REFUSED, activemq: REFUSED, embedded: REFUSED },
  },
  {
    title: 'a stream is read from an offset, as often as one likes',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const name = uniqueName('stream');
        if (peer.name === 'rabbitmq-4') await connection.topology.declare({ queues: [{ name, type: 'stream' }] });
        const refused = await attached(connection, { queue: name, streamOffset: 'first' });
        if (refused !== undefined) return refused;
        await connection.createSendClient(name).sendBatch(Array.from({ length: 10 }, (_, n) => n));
        const read = async (streamOffset: 'first' | number): Promise<unknown[]> => {
          const client = connection.createReceiveClient({ queue: name, streamOffset }, { prefetch: 20 });
          const taken: ReceivedMessage[] = [];
          while (taken.at(-1)?.body !== 9)
            taken.push(...(await client.receiveBatch({ maxMessages: 20, waitMs: 15_000 })));
          await Promise.all(taken.map((message) => message.accept()));
          await client.close();
          return bodies(taken);
        };
        expect(await read('first')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        expect(await read('first')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        expect(await read(7)).toEqual([7, 8, 9]);
        await connection.topology.deleteQueue(name);
        return 'yes';
      }),
    known: { 'rabbitmq-3': REFUSED, activemq: REFUSED, artemis: REFUSED, qpid: REFUSED, embedded: REFUSED },
  },
  {
    title: 'a stream is read on from where it was when the connection is lost',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const name = uniqueName('stream');
        if (peer.name === 'rabbitmq-4') await connection.topology.declare({ queues: [{ name, type: 'stream' }] });
        const refused = await attached(connection, { queue: name, streamOffset: 'first' });
        if (refused !== undefined) return refused;
        const numbers = Array.from({ length: 20 }, (_, n) => n);
        await connection.createSendClient(name).sendBatch(numbers);
        const sockets: Socket[] = [];
        const dial: Dial = async ({ uri }) => {
          const { hostname, port } = new URL(uri);
          const socket = createConnection({ host: hostname, port: Number(port) });
          sockets.push(socket);
          await once(socket, 'connect');
          return socket;
        };
        const seen: unknown[] = [];
        await withConnection(
          peer,
          async (reading) => {
            const source = { queue: name, streamOffset: 'first' } as const;
            reading.createReceiveClient(source).subscribe(
              async (message) => {
                seen.push(message.body);
                if (seen.length === 5) sockets[0]?.destroy();
                await new Promise(setImmediate);
              },
              { concurrency: 1, prefetch: 4 },
            );
            await until('the last one', () => seen.includes(19));
          },
          { dial },
        );
        expect(sockets.length).toBeGreaterThan(1);
        // what was in hand when it was lost comes again, nothing is left out, and what was handled before is not read anew
        expect(seen.filter((body, index) => seen.indexOf(body) === index)).toEqual(numbers);
        expect(seen.length).toBeLessThan(20 + 5);
        await connection.topology.deleteQueue(name);
        return 'yes';
      }),
    known: { 'rabbitmq-3': REFUSED, activemq: REFUSED, artemis: REFUSED, qpid: REFUSED, embedded: REFUSED },
  },
  {
    title: 'the consumer with the higher priority is served first',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const refused = await attached(connection, { queue: queue.name, priority: 1 });
        if (refused !== undefined) return refused;
        const seen: Record<string, number> = { low: 0, high: 0 };
        for (const [name, priority] of [
          ['low', 1],
          ['high', 9],
        ] as const) {
          const client = connection.createReceiveClient({ queue: queue.name, priority });
          await client
            .subscribe(() => void (seen[name] = (seen[name] ?? 0) + 1), { prefetch: 100, concurrency: 1 })
            .ready();
        }
        const sender = connection.createSendClient(queue.name);
        for (let n = 0; n < 20; n += 1) await sender.send(n);
        await until('twenty messages', () => (seen['low'] ?? 0) + (seen['high'] ?? 0) === 20);
        return seen['high'] === 20 ? 'yes' : 'no: takes turns all the same';
      }),
    known: { 'rabbitmq-3': REFUSED, activemq: REFUSED, embedded: REFUSED },
  },
  {
    title: 'no-local: not what this connection sent',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const topic = uniqueName('topic');
        const refused = await attached(connection, { topic, noLocal: true });
        if (refused !== undefined) return refused;
        const seen: unknown[] = [];
        const subscription = connection
          .createReceiveClient({ topic, noLocal: true })
          .subscribe((message) => void seen.push(message.body));
        await subscription.ready();
        await connection.createSendClient({ topic }).send('own');
        await withConnection(peer, (other) => other.createSendClient({ topic }).send('foreign'));
        await until('the foreign one', () => seen.includes('foreign'));
        return seen.includes('own') ? 'no: gets its own too' : 'yes';
      }),
    known: { 'rabbitmq-4': REFUSED, 'rabbitmq-3': REFUSED, embedded: REFUSED },
  },
  {
    title: 'a filter that nobody knows is refused, not ignored',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const filters = { 'acme:colour': new Described('acme:colour', 'blue') };
        const refused = await attached(connection, { queue: queue.name, filters });
        return refused === undefined ? 'no: confirmed and not applied' : 'yes';
      }),
    known: {
      'rabbitmq-4': 'no: confirmed and not applied',
      'rabbitmq-3': 'no: confirmed and not applied',
    },
  },
];
