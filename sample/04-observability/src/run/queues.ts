// The queues of a run, made and taken away by whoever operates the broker, not by the application.

import { type AmqpConnection, TopologyError } from 'nestjs-amqp10';
import { names } from './current-run.js';

/** Where nobody can be asked to, the peer makes them on first use. */
export async function declareQueues({ topology }: AmqpConnection): Promise<void> {
  await isDone(topology.declare({ queues: Object.values(names) }));
}

/** Resolves to `false` where a queue goes only by itself. */
export function deleteQueue({ topology }: AmqpConnection, queue: string): Promise<boolean> {
  return isDone(topology.deleteQueue(queue));
}

export async function deleteQueues(connection: AmqpConnection): Promise<void> {
  for (const queue of Object.values(names)) await deleteQueue(connection, queue);
}

async function isDone(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (error instanceof TopologyError && error.code === 'unsupported') return false;
    throw error;
  }
}
