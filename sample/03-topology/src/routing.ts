// Sends one message along each route and reads from the queues themselves where it came out.

import type { AmqpConnection } from 'nestjs-amqp10';
import type { Names } from './names.js';
import { listed, type Row } from './report.js';
import type { Route } from './routes.js';

/** Longest wait for a message of a queue that seems empty. */
const QUIET_MS = 750;

export async function tryRoutes(
  connection: AmqpConnection,
  names: Names,
  routes: readonly Route[],
): Promise<readonly Row[]> {
  // What the peer said of each at once: whether anybody takes it.
  const routed: boolean[] = [];
  for (const { what, target, options } of routes) {
    const sender = connection.createSendClient(target);
    routed.push((await sender.send(what, options)).routed);
    await sender.close();
  }
  const queues = Object.values(names.queues);
  const contents = await Promise.all(queues.map(async (queue) => ({ queue, bodies: await drain(connection, queue) })));
  return routes.map(({ what, reaches }, index) => {
    const arrived = contents.flatMap(({ queue, bodies }) => bodies.filter((body) => body === what).map(() => queue));
    const asTold = routed[index] === arrived.length > 0;
    return { what, expected: listed(reaches), arrived: asTold ? listed(arrived) : `${listed(arrived)}, not as told` };
  });
}

async function drain(connection: AmqpConnection, queue: string): Promise<unknown[]> {
  const inbox = connection.createReceiveClient(queue);
  const bodies: unknown[] = [];
  for (;;) {
    const batch = await inbox.receiveBatch({ maxMessages: 100, waitMs: QUIET_MS });
    if (batch.length === 0) break;
    for (const message of batch) {
      bodies.push(message.body);
      await message.accept();
    }
  }
  await inbox.close();
  return bodies;
}
