// The RabbitMQ 4 that requests and replies go through: it speaks AMQP 1.0 and 0-9-1 on one port.

import { connect } from 'amqplib';
import { rabbitmq4 } from '../../scripts/brokers/rabbitmq.mjs';

const URI = `amqp://guest:guest@127.0.0.1:${rabbitmq4.port}`;

/** `{ uri, withQueue }`, or `{ why }` when there is none. */
export async function findBroker() {
  let connection;
  try {
    connection = await connect(URI);
  } catch (error) {
    return { why: `no RabbitMQ 4 on port ${rabbitmq4.port} (${error.message}); npm run brokers -- up rabbitmq-4` };
  }
  const { version } = connection.connection.serverProperties;
  await connection.close();
  if (Number.parseInt(version, 10) < 4) return { why: `on port ${rabbitmq4.port} is RabbitMQ ${version}, not 4` };
  return { uri: URI, withQueue };
}

/** A queue of its own, the same for every client, and gone afterwards. */
async function withQueue(work) {
  const connection = await connect(URI);
  try {
    const channel = await connection.createChannel();
    const queue = `bench-rpc-${process.pid}-${Date.now()}`;
    await channel.assertQueue(queue, { durable: true });
    try {
      return await work(queue);
    } finally {
      await channel.deleteQueue(queue);
    }
  } finally {
    await connection.close();
  }
}
