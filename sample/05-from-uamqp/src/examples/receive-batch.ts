import assert from 'node:assert/strict';
import type { Example } from '../example.js';

/** `receive_message_batch(max_batch_size, timeout)`: as many as there are, at most so many, and none when none came in time. */
export const receiveBatch: Example = {
  title: 'receive batch',
  uamqp: 'ReceiveClient.receive_message_batch',
  async run({ connection, queue }) {
    const name = await queue();
    await connection.createSendClient(name).sendBatch(Array.from({ length: 25 }, (_, index) => index));
    const client = connection.createReceiveClient(name, { prefetch: 10 });
    const sizes: number[] = [];
    for (;;) {
      const messages = await client.receiveBatch({ maxMessages: 10, waitMs: 2_000 });
      if (messages.length === 0) break;
      assert.ok(messages.length <= 10);
      sizes.push(messages.length);
      for (const message of messages) await message.accept();
    }
    await client.close();
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      25,
    );
    return `25 came in batches of ${sizes.join(', ')}`;
  },
};
