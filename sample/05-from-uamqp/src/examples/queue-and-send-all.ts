import assert from 'node:assert/strict';
import { allSent } from 'nestjs-amqp10/client';
import type { Example } from '../example.js';
import { bodiesIn } from './bodies-in.js';

/** `queue_message` and `send_all_messages`: messages are put aside, looked at, and sent together. */
export const queueAndSendAll: Example = {
  title: 'queue and send all',
  uamqp: 'SendClient.queue_message, send_all_messages',
  async run({ connection, queue }) {
    const name = await queue();
    const client = connection.createSendClient(name);
    for (let index = 0; index < 5; index++) client.queueMessage({ index });
    assert.deepEqual(
      client.pending.map(({ state }) => state),
      ['held', 'held', 'held', 'held', 'held'],
    );
    const sent = allSent(await client.sendAllMessages());
    assert.equal(client.pendingMessages.length, 0);
    await client.close();
    assert.deepEqual(
      await bodiesIn(connection, name, 5),
      [0, 1, 2, 3, 4].map((index) => ({ index })),
    );
    return `${sent.length} were queued, sent, and came in order`;
  },
};
