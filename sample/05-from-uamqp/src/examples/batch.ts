import assert from 'node:assert/strict';
import { allSent, SendError } from 'nestjs-amqp10/client';
import type { Example } from '../example.js';
import { bodiesIn } from './bodies-in.js';

/**
 * `BatchMessage`. What it is used for, many messages and one wait, is `sendBatch` on every peer. The batch format itself, many messages in
 * one transfer, goes only to peers that keep it whole.
 */
export const batch: Example = {
  title: 'batch',
  uamqp: 'BatchMessage(data, multi_messages=True)',
  async run({ connection, queue }) {
    const name = await queue();
    const client = connection.createSendClient(name);
    const values = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    allSent(await client.sendBatch(values));
    assert.deepEqual(await bodiesIn(connection, name, 100), values);

    try {
      const { transfers } = await client.sendBatchMessage(values);
      assert.deepEqual(await bodiesIn(connection, name, 100), values);
      return `100 one by one, and 100 more in ${transfers.length} transfer`;
    } catch (error) {
      if (!(error instanceof SendError) || error.code !== 'not-supported') throw error;
      return '100 one by one; this peer does not keep the batch format whole, and is sent none';
    } finally {
      await client.close();
    }
  },
};
