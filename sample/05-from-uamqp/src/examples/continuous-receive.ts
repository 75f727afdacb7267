import assert from 'node:assert/strict';
import type { Example } from '../example.js';

/** `receive_messages(callback)` and `receive_messages_iter()`: a handler that is called, and a loop that asks. */
export const continuousReceive: Example = {
  title: 'continuous receive',
  uamqp: 'receive_messages, receive_messages_iter',
  async run({ connection, queue }) {
    const name = await queue();
    const sender = connection.createSendClient(name);
    const called: unknown[] = [];
    const inbox = connection.createReceiveClient(name);
    const half = new Promise<void>((resolve) => {
      inbox.subscribe(
        ({ body }) => {
          called.push(body);
          if (called.length === 10) resolve();
        },
        { concurrency: 1 },
      );
    });
    await sender.sendBatch(Array.from({ length: 10 }, (_, index) => index));
    await half;
    await inbox.close();

    const asked: unknown[] = [];
    const loop = connection.createReceiveClient(name);
    await sender.sendBatch(Array.from({ length: 10 }, (_, index) => 10 + index));
    for await (const message of loop) {
      asked.push(message.body);
      await message.accept();
      if (asked.length === 10) break;
    }
    await loop.close();
    assert.deepEqual(
      [...called, ...asked],
      Array.from({ length: 20 }, (_, index) => index),
    );
    return `${called.length} by a handler, ${asked.length} in a loop`;
  },
};
