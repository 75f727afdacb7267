// What lies in the queues at the end, read from the peer itself.

import type { AmqpConnection, Codec } from 'nestjs-amqp10';
import { allQueues, deleteQueues, type Queues } from './queues.js';

/** The message ids that were found, by queue. */
export type Depths = ReadonlyMap<string, readonly string[]>;

/** Longest wait for a message of a queue that seems empty. */
const QUIET_MS = 2_000;

/** Among the dead letters are bodies that nobody can decode: here they are counted, so their bytes will do. */
const bytes: Codec = {
  contentType: /^/,
  encode: () => {
    throw new TypeError('nothing is sent with this codec');
  },
  decode: (body) => body,
};

/** Empties every queue of the run and takes it away. Call it when no consumer is left. */
export async function readDepths(connection: AmqpConnection, queues: Queues): Promise<Depths> {
  const depths = new Map(
    await Promise.all(
      allQueues(queues).map(async (queue) => [queue, await drain(connection, queue)] satisfies [string, string[]]),
    ),
  );
  for (const [queue, count] of await deleteQueues(connection, queues)) {
    // Nobody should have been able to add to a queue that was just emptied.
    for (let missed = 0; missed < count; missed += 1) depths.get(queue)?.push('(not read)');
  }
  return depths;
}

async function drain(connection: AmqpConnection, queue: string): Promise<string[]> {
  const inbox = connection.createReceiveClient(queue, { prefetch: 500, codec: bytes });
  const ids: string[] = [];
  for (;;) {
    const batch = await inbox.receiveBatch({ maxMessages: 500, waitMs: QUIET_MS });
    if (batch.length === 0) break;
    for (const message of batch) {
      ids.push(String(message.properties?.messageId));
      await message.accept();
    }
  }
  await inbox.close();
  return ids;
}
