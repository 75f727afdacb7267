import type { AmqpConnection } from 'nestjs-amqp10/client';

/** Takes so many messages out of a queue, those of a batch each by itself. */
export async function bodiesIn(connection: AmqpConnection, queue: string, count: number): Promise<unknown[]> {
  const client = connection.createReceiveClient(queue);
  const bodies: unknown[] = [];
  while (bodies.length < count) {
    const messages = await client.receiveBatch({ maxMessages: 50, waitMs: 10_000 });
    if (messages.length === 0) break;
    for (const message of messages) {
      bodies.push(...message.unbatch().map(({ body }) => body));
      await message.accept();
    }
  }
  await client.close();
  return bodies;
}
