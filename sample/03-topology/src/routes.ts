// What is sent, and which queues it has to reach.

import type { SendOptions, Target } from 'nestjs-amqp10';
import type { Names } from './names.js';

export interface Route {
  readonly what: string;
  readonly target: Target;
  readonly options?: SendOptions;
  readonly reaches: readonly string[];
}

export function routesOf({ intake, orders, news, offers, queues }: Names): readonly Route[] {
  const { north, placed, everything, screen, archive, redAndLarge, redOrLarge } = queues;
  const order = (routingKey: string, ...reaches: string[]): Route => ({
    what: `topic, key ${routingKey}`,
    target: { exchange: orders, routingKey },
    reaches,
  });
  const offer = (colour: string, size: string, ...reaches: string[]): Route => ({
    what: `headers, ${colour} and ${size}`,
    target: { exchange: offers },
    options: { applicationProperties: { colour, size } },
    reaches,
  });
  return [
    order('order.north.placed', north, placed, everything),
    order('order.north', north, everything),
    order('order.south.placed', placed, everything),
    order('order.south.paid.late', everything),
    { what: 'fanout, any key', target: { exchange: news, routingKey: 'whatever' }, reaches: [screen, archive] },
    offer('red', 'large', redAndLarge, redOrLarge),
    offer('red', 'small', redOrLarge),
    offer('blue', 'small'),
    {
      what: 'direct, on to the topic exchange',
      target: { exchange: intake, routingKey: 'order.north.placed' },
      reaches: [north, placed, everything],
    },
    { what: 'direct, a key nobody bound', target: { exchange: intake, routingKey: 'nobody' }, reaches: [] },
    { what: 'straight to a queue', target: { queue: screen }, reaches: [screen] },
  ];
}
