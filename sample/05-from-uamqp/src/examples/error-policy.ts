import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely, TLSSocket } from 'node:tls';
import { AmqpConnection, ErrorPolicy, policy, receiveMessages, type SendError } from 'nestjs-amqp10/client';
import type { Example, World } from '../example.js';
import { bodiesIn } from './bodies-in.js';

/** `ErrorPolicy(max_retries, on_error)` with `ErrorAction(retry, backoff)`: asked for every failure, and acted upon. */
export const errorPolicy: Example = {
  title: 'error policy',
  uamqp: 'ErrorPolicy, ErrorAction',
  async run(world) {
    const lost = await afterALoss(world);
    if (world.broker === undefined) return lost;
    return `${lost}; ${await afterRejections(world)}`;
  },
};

/** The connection is lost while a message has no outcome: nobody knows whether it arrived, and the policy says to send it again. */
async function afterALoss({ uri, queue }: World): Promise<string> {
  const name = await queue();
  const sockets: Socket[] = [];
  const connection = new AmqpConnection({
    uri,
    logger: { log: () => undefined, warn: () => undefined, error: () => undefined },
    dial: async () => {
      const socket = open(new URL(uri));
      sockets.push(socket);
      await once(socket, socket instanceof TLSSocket ? 'secureConnect' : 'connect');
      return socket;
    },
  });
  const asked: SendError[] = [];
  const onError = (error: SendError): undefined => void asked.push(error);
  const client = connection.createSendClient(name, { errorPolicy: new ErrorPolicy({ maxRetries: 3, onError }) });
  await client.attach();
  const [socket] = sockets;
  assert.ok(socket);
  // What the peer answers is not read any more: the message goes out, and its outcome does not come in.
  socket.pause();
  const before = socket.bytesWritten;
  const sent = client.send('in doubt');
  while (socket.bytesWritten === before) await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  const result = await sent;
  await connection.close();
  assert.deepEqual(
    [result.attempts, asked.map(({ code, delivered }) => [code, delivered])],
    [2, [['connection-lost', 'unknown']]],
  );
  // At least once: the first transfer may have arrived as well, and is known by its id.
  const copies = await receiveMessages(uri, name, { maxMessages: 2, waitMs: 10_000 });
  assert.ok(copies.length > 0);
  for (const { properties } of copies) assert.equal(properties?.messageId, result.messageId);
  return 'sent again after a lost connection';
}

function open({ protocol, hostname, port }: URL): Socket {
  return protocol === 'amqps:'
    ? connectSecurely({ host: hostname, servername: hostname, port: Number(port || 5671) })
    : connect({ host: hostname, port: Number(port || 5672) });
}

/** The embedded broker refuses twice, with a condition of its own: the policy waits longer each time, and the third transfer passes. */
async function afterRejections({ connection, queue, broker }: World): Promise<string> {
  const name = await queue();
  broker?.queue(name).inject({ kind: 'reject', condition: 'app:busy', times: 2 });
  const backoffMs = policy.exponential({ initialMs: 20, maxMs: 1_000, jitter: false });
  const client = connection.createSendClient(name, {
    errorPolicy: new ErrorPolicy({
      maxRetries: 3,
      onError: ({ condition }) => (condition === 'app:busy' ? { retry: true, backoffMs } : undefined),
    }),
  });
  const startedAt = performance.now();
  const { attempts } = await client.send('patient');
  const waitedMs = performance.now() - startedAt;
  await client.close();
  assert.equal(attempts, 3);
  assert.ok(waitedMs >= 59, `it waited ${waitedMs} ms, and 20 and 40 were asked for`);
  assert.deepEqual(await bodiesIn(connection, name, 1), ['patient']);
  return 'accepted at the third transfer, after 20 and 40 ms';
}
