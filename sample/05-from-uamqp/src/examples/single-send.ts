import assert from 'node:assert/strict';
import { receiveMessage, sendMessage } from 'nestjs-amqp10/client';
import type { Example } from '../example.js';

/** A connection for one message, as `uamqp.send_message(target, data, auth)` has it. */
export const singleSend: Example = {
  title: 'single send',
  uamqp: 'uamqp.send_message, receive_message',
  async run({ uri, queue }) {
    const name = await queue();
    const sent = await sendMessage(uri, name, 'Hello World', { subject: 'greeting' });
    assert.equal(sent.outcome?.kind, 'accepted');
    const message = await receiveMessage(uri, name, { waitMs: 10_000 });
    assert.equal(message?.body, 'Hello World');
    assert.equal(message.properties?.subject, 'greeting');
    assert.equal(await receiveMessage(uri, name, { waitMs: 100 }), undefined);
    return `'${message.body}' came, and nothing else`;
  },
};
