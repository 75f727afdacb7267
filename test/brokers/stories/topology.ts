// Queues, exchanges and bindings.

import { expect } from '@jest/globals';
import { ErrorPolicy, type SendResult } from '../../../lib/client/index.js';
import { drainQueue, uniqueName, withConnection } from '../peer.js';
import { failureOf, refusal, type Story } from '../story.js';

const UNSUPPORTED = 'no: TopologyError unsupported';
const UNMANAGED = { activemq: UNSUPPORTED, 'rabbitmq-3': UNSUPPORTED };
const NO_EXCHANGES = { ...UNMANAGED, artemis: UNSUPPORTED };

export const topology: readonly Story[] = [
  {
    title: 'queues are declared, checked, looked at, purged and deleted',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const { topology: nodes } = connection;
        const name = uniqueName();
        try {
          await nodes.declare({ queues: [{ name, maxLength: 1_000 }] });
          await nodes.check({ queues: [{ name, maxLength: 1_000 }, name] });
        } catch (error) {
          return refusal(error);
        }
        await nodes.declare({ queues: [name, { name, maxLength: 1_000 }, { name, passive: true }] });
        expect(await failureOf(nodes.check({ queues: [uniqueName('missing')] }))).toMatchObject({ code: 'not-found' });
        const conflict = await failureOf(nodes.declare({ queues: [{ name, maxLength: 10 }] }));
        expect(conflict).toMatchObject({ code: 'conflict', declared: expect.anything(), existing: expect.anything() });
        expect(await failureOf(nodes.check({ queues: [{ name, maxLength: 10 }] }))).toMatchObject({ code: 'conflict' });
        const sender = connection.createSendClient(name);
        await sender.sendBatch([1, 2, 3]);
        const consumer = connection.createReceiveClient(name, { prefetch: 1 });
        await consumer.attach();
        expect(await failureOf(nodes.deleteQueue(name, { ifUnused: true }))).toMatchObject({ code: 'in-use' });
        expect(await nodes.inspect(name)).toMatchObject({ name, durable: true, consumerCount: 1 });
        await consumer.close();
        expect(await nodes.inspect(name)).toMatchObject({ messageCount: 3, consumerCount: 0 });
        expect(await failureOf(nodes.deleteQueue(name, { ifEmpty: true }))).toMatchObject({ code: 'in-use' });
        expect(await nodes.purge(name)).toBe(3);
        await sender.sendBatch([1, 2]);
        await sender.close();
        expect(await nodes.deleteQueue(name)).toBe(2);
        expect(await nodes.deleteQueue(name)).toBe(0);
        expect(await failureOf(nodes.inspect(name))).toMatchObject({ code: 'not-found' });
        return 'yes';
      }),
    known: UNMANAGED,
  },
  {
    title: 'a queue is purged, and says how many messages went',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        await connection.createSendClient(queue.name).sendBatch(Array.from({ length: 1_234 }, (_, n) => n));
        try {
          expect(await connection.topology.purge(queue.name)).toBe(1_234);
        } catch (error) {
          return refusal(error);
        }
        expect(await connection.topology.purge(queue.name)).toBe(0);
        expect(await drainQueue(connection, queue.name)).toEqual([]);
        return 'yes';
      }),
    known: { 'rabbitmq-3': UNSUPPORTED },
  },
  {
    title: 'a full queue that rejects what comes more',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const name = uniqueName('full');
        try {
          await connection.topology.declare({ queues: [{ name, maxLength: 3, overflow: 'reject-publish' }] });
        } catch (error) {
          return refusal(error);
        }
        const sender = connection.createSendClient(name, { errorPolicy: new ErrorPolicy({ maxRetries: 0 }) });
        const results: SendResult[] = [];
        // RabbitMQ's quorum queues let one more in before they refuse.
        for (let n = 0; n < 10; n += 1) results.push(...(await sender.sendBatch([n], { timeoutMs: 5_000 })));
        const refused = results.findIndex((result) => !result.ok);
        expect([3, 4]).toContain(refused);
        const failed = results[refused];
        await sender.close({ timeoutMs: 1_000 });
        expect(await connection.topology.deleteQueue(name)).toBe(refused);
        return failed?.ok === false ? `yes: ${refusal(failed.error).replace('no: ', '')}` : 'no';
      }),
    known: {
      ...NO_EXCHANGES,
      embedded: 'yes: SendError rejected (amqp:resource-limit-exceeded)',
      'rabbitmq-4': 'yes: SendError rejected',
      qpid: 'yes: SendError link-closed (amqp:resource-limit-exceeded)',
    },
  },
  {
    title: 'topic, fanout, direct and headers exchanges route',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const [topic, fanout, direct, headers] = [uniqueName('t'), uniqueName('f'), uniqueName('d'), uniqueName('h')];
        const [all, north] = [uniqueName('all'), uniqueName('north')];
        try {
          await connection.topology.declare({
            queues: [all, north],
            exchanges: [
              { name: topic, type: 'topic' },
              { name: fanout, type: 'fanout' },
              { name: direct, type: 'direct' },
              { name: headers, type: 'headers' },
            ],
            bindings: [
              { exchange: topic, queue: all, routingKey: 'orders.#' },
              { exchange: topic, queue: north, routingKey: 'orders.north.*' },
              { exchange: fanout, queue: all },
              { exchange: fanout, queue: north },
              { exchange: direct, queue: north, routingKey: 'n' },
              { exchange: headers, queue: all, arguments: { 'x-match': 'all', colour: 'red' } },
            ],
          });
        } catch (error) {
          return refusal(error);
        }
        const send = (exchange: string, body: string, routingKey?: string): Promise<unknown> =>
          connection
            .createSendClient(routingKey === undefined ? { exchange } : { exchange, routingKey })
            .send(body, { applicationProperties: { colour: body === 'red' ? 'red' : 'blue' } });
        await send(topic, 'south', 'orders.south.1');
        await send(topic, 'north', 'orders.north.1');
        await send(fanout, 'everyone');
        await send(direct, 'direct', 'n');
        await send(direct, 'nobody', 'x');
        await send(headers, 'red');
        await send(headers, 'blue');
        const bodies = async (queue: string, atLeast: number): Promise<unknown[]> =>
          (await drainQueue(connection, queue, { atLeast })).map((message) => message.body);
        expect(await bodies(all, 4)).toEqual(['south', 'north', 'everyone', 'red']);
        expect(await bodies(north, 3)).toEqual(['north', 'everyone', 'direct']);
        return 'yes';
      }),
    known: NO_EXCHANGES,
  },
  {
    title: 'a message that no binding takes is told from one that went somewhere',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const exchange = uniqueName('unbound');
        try {
          await connection.topology.declare({ exchanges: [{ name: exchange, type: 'topic' }] });
        } catch (error) {
          return refusal(error);
        }
        const sent = await connection.createSendClient({ exchange, routingKey: 'nobody' }).send('lost?');
        const mandatory = connection.createSendClient({ exchange, routingKey: 'nobody', mandatory: true });
        const failed = await mandatory.send('lost?').catch((error: unknown) => error);
        await connection.topology.deleteExchange(exchange);
        if (sent.routed) return 'no: accepted, and lost';
        expect(failed).toMatchObject({ name: 'SendError', code: 'released', delivered: 'no' });
        return 'yes';
      }),
    known: { ...NO_EXCHANGES, qpid: 'no: accepted, and lost' },
  },
  {
    title: 'an exchange bound to an exchange routes on, until it is unbound',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const { topology: nodes } = connection;
        const [source, next, queue] = [uniqueName('source'), uniqueName('next'), uniqueName('end')];
        const onwards = { exchange: source, destinationExchange: next, routingKey: 'orders.#' };
        try {
          await nodes.declare({
            queues: [queue],
            exchanges: [
              { name: source, type: 'topic' },
              { name: next, type: 'fanout' },
            ],
            bindings: [onwards, onwards, { exchange: next, queue }],
          });
        } catch (error) {
          return refusal(error);
        }
        await nodes.check({ bindings: [onwards] });
        const sender = connection.createSendClient({ exchange: source, routingKey: 'orders.new' });
        expect(await sender.send('bound')).toMatchObject({ routed: true });
        await nodes.unbind(onwards);
        await nodes.unbind(onwards);
        expect(await failureOf(nodes.check({ bindings: [onwards] }))).toMatchObject({ code: 'not-found' });
        await sender.send('unbound');
        expect((await drainQueue(connection, queue, { atLeast: 1 })).map(({ body }) => body)).toEqual(['bound']);
        await sender.close();
        expect(
          await failureOf(nodes.bind({ exchange: source, destinationExchange: uniqueName('missing') })),
        ).toMatchObject({
          code: 'not-found',
        });
        for (const exchange of [source, next, next]) await nodes.deleteExchange(exchange);
        await nodes.deleteQueue(queue);
        return 'yes';
      }),
    known: NO_EXCHANGES,
  },
  {
    title: 'bindings of one key with different arguments are told apart',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const { topology: nodes } = connection;
        const [exchange, queue] = [uniqueName('headers'), uniqueName('by-headers')];
        const [red, blue] = ['red', 'blue'].map((colour) => ({
          exchange,
          queue,
          routingKey: 'k',
          arguments: { 'x-match': 'all', colour },
        }));
        if (red === undefined || blue === undefined) throw new Error('there are two');
        try {
          await nodes.declare({ queues: [queue], exchanges: [{ name: exchange, type: 'headers' }], bindings: [red] });
          await nodes.check({ bindings: [red] });
          await nodes.bind(blue);
        } catch (error) {
          return refusal(error);
        }
        await nodes.unbind(red);
        await nodes.check({ bindings: [blue] });
        expect(await failureOf(nodes.check({ bindings: [red] }))).toMatchObject({ code: 'not-found' });
        const sender = connection.createSendClient({ exchange, routingKey: 'k' });
        for (const colour of ['red', 'blue']) await sender.send(colour, { applicationProperties: { colour } });
        expect((await drainQueue(connection, queue, { atLeast: 1 })).map(({ body }) => body)).toEqual(['blue']);
        return 'yes';
      }),
    known: { ...NO_EXCHANGES, qpid: 'no: TopologyError conflict' },
  },
  {
    title: 'a queue deleted in use is noticed, and taken up again when it is back',
    timeoutMs: 60_000,
    run: (peer) =>
      withConnection(
        peer,
        async (connection) => {
          const queue = await peer.queue(connection);
          const bodies: unknown[] = [];
          let arrived: () => void = () => undefined;
          const consumer = connection.createReceiveClient(queue.name).subscribe((message) => {
            bodies.push(message.body);
            arrived();
          });
          const first = new Promise<void>((resolve) => (arrived = resolve));
          await connection.createSendClient(queue.name).send('before');
          await first;
          try {
            await connection.topology.deleteQueue(queue.name);
          } catch (error) {
            return refusal(error);
          }
          await connection.topology.declare({ queues: [queue.name] });
          const second = new Promise<void>((resolve) => (arrived = resolve));
          await connection.createSendClient(queue.name).send('after');
          await second;
          expect(bodies).toEqual(['before', 'after']);
          await consumer.close();
          return 'yes';
        },
        { refusedRetryMs: 500 },
      ),
    known: UNMANAGED,
  },
];
