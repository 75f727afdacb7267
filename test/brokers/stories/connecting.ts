// Ways to a peer, and a peer that is there but takes nothing.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect } from '@jest/globals';
import { AmqpConnection, type StatusEvent } from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { withConnection, type Peer } from '../peer.js';
import { refusal, type Story } from '../story.js';

const ALARM_MS = 2_500;

/** An HTTP proxy of Node's own, for the time of the work. */
async function throughProxy<T>(work: (proxy: string, asked: readonly string[]) => Promise<T>): Promise<T> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer().on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '');
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

async function echo(peer: Peer, connection: AmqpConnection): Promise<void> {
  const queue = await peer.queue(connection);
  await connection.createSendClient(queue.name).send({ n: 1 });
  const [message] = await connection.createReceiveClient(queue.name).receiveBatch({ maxMessages: 1, waitMs: 10_000 });
  expect(message?.body).toEqual({ n: 1 });
  await message?.accept();
}

export const connecting: readonly Story[] = [
  {
    title: 'through an HTTP proxy',
    run: (peer) =>
      throughProxy(async (proxy, asked) => {
        await withConnection(peer, (connection) => echo(peer, connection), { proxy });
        expect(asked).toEqual([new URL(peer.uri).host]);
        return 'yes';
      }),
  },
  {
    title: 'in a WebSocket, on its AMQP port',
    async run(peer) {
      const connection = new AmqpConnection({ uri: peer.uri.replace('amqp://', 'ws://'), reconnect: false });
      try {
        await connection.open();
        await echo(peer, connection);
        return 'yes';
      } catch (error) {
        return refusal(error);
      } finally {
        await connection.close();
      }
    },
    known: Object.fromEntries(
      ['embedded', 'rabbitmq-3', 'rabbitmq-4', 'activemq', 'qpid'].map((name) => [
        name,
        'no: ConnectionError connect-failed',
      ]),
    ),
  },
  {
    title: 'under an alarm it is blocked, and free again afterwards',
    skip: (peer) => (peer.alarm === undefined ? 'it has no alarm that closes sessions' : undefined),
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const events: StatusEvent[] = [];
        connection.on('status', (event) => events.push(event));
        const orders = connection.createSendClient(queue.name, { sendTimeoutMs: 20_000 });
        await orders.send('before');
        peer.alarm?.(ALARM_MS);
        await eventually('blocked', () => connection.status === 'blocked', { timeoutMs: 10_000 });
        await expect(orders.send('not sent', { timeoutMs: 200 })).rejects.toMatchObject({
          code: 'timeout',
          delivered: 'no',
        });
        await expect(orders.send('waits')).resolves.toMatchObject({ ok: true, attempts: 1 });
        await eventually('free', () => connection.status === 'connected', { timeoutMs: 10_000 });
        expect(events.map(({ status, cause }) => [status, cause?.code])).toEqual([
          ['blocked', 'blocked'],
          ['connected', undefined],
        ]);
        const inbox = connection.createReceiveClient(queue.name);
        const messages = await inbox.receiveBatch({ maxMessages: 10, waitMs: 2_000 });
        expect(messages.map(({ body }) => body)).toEqual(['before', 'waits']);
        await Promise.all(messages.map((message) => message.accept()));
        return 'yes';
      }),
  },
];
