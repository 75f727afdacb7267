// The queues of one run: one for each channel, and where each channel's dead letters end.

import type { AmqpConnection } from 'nestjs-amqp10';
import { channels, type Channel } from '../input-file.js';

/** The names of one run's queues. */
export interface Queues {
  /** Orders of a channel. */
  orders(channel: Channel): string;
  /** What the peer moves away when a message of the channel is rejected. */
  rejected(channel: Channel): string;
  /** Where the partner consumer's policy sends a copy of what it gave up. */
  readonly parked: string;
}

/** The names for a run. A peer that cannot be told where dead letters go has a place of its own for them. */
export function queuesOf(runId: string, profile: string): Queues {
  const orders = (channel: Channel): string => `orders-${runId}.${channel}`;
  return {
    orders,
    rejected: (channel) =>
      profile === 'activemq' || profile === 'artemis' ? `DLQ.${orders(channel)}` : `${orders(channel)}.rejected`,
    parked: parkedQueue(runId),
  };
}

/** Named apart because a decorator's policy needs it before any peer is known. */
export function parkedQueue(runId: string): string {
  return `orders-${runId}.partner.parked`;
}

/** Whether the peer lets us declare queues; the others make one on first use. */
export function declaresQueues(profile: string): boolean {
  return profile === 'rabbitmq-4' || profile === 'embedded';
}

/** Makes the queues where the peer does not make them by itself. */
export async function declareQueues(connection: AmqpConnection, queues: Queues): Promise<void> {
  if (!declaresQueues(connection.peer?.profile ?? 'generic')) return;
  await connection.topology.declare({
    queues: [
      ...channels.map((channel) => queues.rejected(channel)),
      queues.parked,
      ...channels.map((channel) => ({
        name: queues.orders(channel),
        deadLetterExchange: '',
        deadLetterRoutingKey: queues.rejected(channel),
      })),
    ],
  });
}

/** Takes the queues away again and tells how many messages went with them, by queue: nothing, when all was read. */
export async function deleteQueues(connection: AmqpConnection, queues: Queues): Promise<Map<string, number>> {
  const left = new Map<string, number>();
  if (!declaresQueues(connection.peer?.profile ?? 'generic')) return left;
  for (const queue of allQueues(queues)) left.set(queue, await connection.topology.deleteQueue(queue));
  return left;
}

/** Every queue of the run. */
export function allQueues(queues: Queues): string[] {
  return [
    ...channels.map((channel) => queues.orders(channel)),
    ...channels.map((channel) => queues.rejected(channel)),
    queues.parked,
  ];
}
