import { randomUUID } from 'node:crypto';
import { AmqpConnection, TopologyError } from 'nestjs-amqp10/client';
import { EmbeddedBroker } from 'nestjs-amqp10/broker';
import type { World } from './example.js';

/**
 * @param uri a real broker; `undefined`: the embedded one
 * @throws Error when it is set and empty; ConnectionError when nobody answers there
 */
export async function enter(uri: string | undefined): Promise<{ world: World; leave: () => Promise<void> }> {
  if (uri === '') throw new Error('AMQP_URI is set and empty; leave it out for the embedded broker');
  const broker = uri === undefined ? await EmbeddedBroker.start() : undefined;
  const peer = uri ?? broker?.uri ?? '';
  const connection = new AmqpConnection(peer);
  const runId = randomUUID().slice(0, 8);
  const queues: string[] = [];

  const leave = async (): Promise<void> => {
    try {
      for (const name of queues) await remove(connection, name);
    } finally {
      await connection.close();
      await broker?.stop();
    }
  };

  try {
    await connection.open();
  } catch (error) {
    await leave();
    throw error;
  }
  const world: World = {
    connection,
    uri: peer,
    profile: connection.peer?.profile ?? 'generic',
    broker,
    queue: async () => {
      const name = `from-uamqp-${runId}-${queues.length + 1}`;
      queues.push(name);
      await connection.topology.declare({ queues: [name] });
      return name;
    },
  };
  return { world, leave };
}

async function remove(connection: AmqpConnection, queue: string): Promise<void> {
  try {
    await connection.topology.deleteQueue(queue);
  } catch (error) {
    // ActiveMQ cannot delete over AMQP; an empty queue is all that is left there.
    if (!(error instanceof TopologyError)) throw error;
  }
}
