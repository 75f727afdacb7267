// The whole topology as one value: `AmqpModule.forRoot({ topology })` declares it after each connect, before any consumer attaches.

import type { AmqpConnection, Topology } from 'nestjs-amqp10';
import type { Names } from './names.js';

export function topologyOf({ intake, orders, news, offers, queues, work, dead }: Names): Topology {
  return {
    queues: [
      ...Object.values(queues),
      dead,
      // '' sends dead letters straight to the queue that the key names
      { name: work, deadLetterExchange: '', deadLetterRoutingKey: dead },
    ],
    exchanges: [
      { name: intake, type: 'direct' },
      { name: orders, type: 'topic' },
      { name: news, type: 'fanout' },
      { name: offers, type: 'headers' },
    ],
    bindings: [
      { exchange: intake, destinationExchange: orders, routingKey: 'order.north.placed' },
      { exchange: orders, queue: queues.north, routingKey: 'order.north.#' },
      { exchange: orders, queue: queues.placed, routingKey: 'order.*.placed' },
      { exchange: orders, queue: queues.everything, routingKey: '#' },
      { exchange: news, queue: queues.screen },
      { exchange: news, queue: queues.archive },
      { exchange: offers, queue: queues.redAndLarge, arguments: { 'x-match': 'all', colour: 'red', size: 'large' } },
      { exchange: offers, queue: queues.redOrLarge, arguments: { 'x-match': 'any', colour: 'red', size: 'large' } },
    ],
  };
}

/** Takes away everything that a run declared. */
export async function removeTopology({ topology }: AmqpConnection, names: Names): Promise<void> {
  for (const queue of [...Object.values(names.queues), names.work, names.dead]) await topology.deleteQueue(queue);
  for (const exchange of [names.intake, names.orders, names.news, names.offers])
    await topology.deleteExchange(exchange);
}
