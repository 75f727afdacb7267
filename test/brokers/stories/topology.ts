// Queues, exchanges and bindings.

import { expect } from '@jest/globals';
import { drainQueue, uniqueName, withConnection } from '../peer.js';
import { failureOf, refusal, type Story } from '../story.js';

const NO_EXCHANGES = 'no: TopologyError unsupported';
const WITHOUT = { activemq: NO_EXCHANGES, artemis: NO_EXCHANGES, qpid: NO_EXCHANGES, 'rabbitmq-3': NO_EXCHANGES };

export const topology: readonly Story[] = [
  {
    title: 'queues are declared, checked, purged and deleted',
    run: (peer) =>
      withConnection(peer, async ({ topology: nodes }) => {
        const name = uniqueName();
        try {
          await nodes.declare({ queues: [{ name, messageTtlMs: 60_000 }] });
          await nodes.check({ queues: [name] });
        } catch (error) {
          return refusal(error);
        }
        expect(await failureOf(nodes.check({ queues: [uniqueName('missing')] }))).toMatchObject({ code: 'not-found' });
        expect(await failureOf(nodes.declare({ queues: [{ name, messageTtlMs: 1_000 }] }))).toMatchObject({
          code: 'conflict',
        });
        expect(await nodes.purge(name)).toBe(0);
        await nodes.deleteQueue(name);
        expect(await failureOf(nodes.check({ queues: [name] }))).toMatchObject({ code: 'not-found' });
        return 'yes';
      }),
    known: WITHOUT,
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
        expect(await send(direct, 'nobody', 'x')).toMatchObject({ ok: true, routed: false });
        await send(headers, 'red');
        await send(headers, 'blue');
        const bodies = async (queue: string, atLeast: number): Promise<unknown[]> =>
          (await drainQueue(connection, queue, { atLeast })).map((message) => message.body);
        expect(await bodies(all, 4)).toEqual(['south', 'north', 'everyone', 'red']);
        expect(await bodies(north, 3)).toEqual(['north', 'everyone', 'direct']);
        return 'yes';
      }),
    known: WITHOUT,
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
    known: WITHOUT,
  },
];
