import assert from 'node:assert/strict';
import { AmqpConnection } from 'nestjs-amqp10/client';
import type { Example } from '../example.js';

/** `Connection(hostname, sasl, container_id, max_frame_size, channel_max, idle_timeout, properties)`, shared by as many clients as like. */
export const connectionProperties: Example = {
  title: 'connection properties',
  uamqp: 'Connection(..., properties, idle_timeout)',
  async run({ uri, queue }) {
    const name = await queue();
    const connection = new AmqpConnection({
      uri,
      containerId: 'from-uamqp-properties',
      properties: { application: 'from-uamqp' },
      maxFrameSize: 32_768,
      channelMax: 15,
      keepAlive: { idleTimeoutMs: 20_000 },
    });
    const seen: string[] = [];
    connection.on('status', ({ status }) => seen.push(status));
    await connection.open();
    const outbox = connection.createSendClient(name);
    const inbox = connection.createReceiveClient(name);
    await outbox.send(Buffer.alloc(100_000, 7));
    const [message] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 10_000 });
    assert.ok(Buffer.isBuffer(message?.body) && message.body.equals(Buffer.alloc(100_000, 7)));
    await message.accept();
    const { profile, uri: shown } = connection.peer ?? {};
    assert.ok(profile !== undefined && shown !== undefined && !shown.includes('@'));
    await connection.close();
    assert.deepEqual([seen.at(0), seen.at(-1), connection.status], ['connecting', 'closed', 'closed']);
    return `100 000 bytes in frames of 32 768; status ${[...new Set(seen)].join(', ')}`;
  },
};
