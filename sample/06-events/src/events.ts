// What is sent.

import { cloudEvent, type SendOptions } from 'nestjs-amqp10';

/** How many of each. */
export const COUNTS = { placed: 12, cancelled: 5, due: 4, counted: 2, noEvent: 1 } as const;

/** A value and the options of its send. */
export type Sending = readonly [value: unknown, options?: SendOptions];

export function sendings(): Sending[] {
  const source = '/sample/shop';
  const several = (count: number, make: (id: string) => Sending): Sending[] =>
    Array.from({ length: count }, (_, index) => make(String(index + 1)));
  return [
    ...several(COUNTS.placed, (id) =>
      cloudEvent({ source, type: 'order.placed', id: `placed-${id}`, time: new Date(), data: { order: id } }),
    ),
    // One JSON document, which also readers without application properties understand.
    ...several(COUNTS.due, (id) =>
      cloudEvent({ source, type: 'invoice.due', id: `due-${id}`, data: { invoice: id } }, { mode: 'structured' }),
    ),
    ...several(COUNTS.cancelled, (id) =>
      cloudEvent({ source, type: 'order.cancelled', id: `cancelled-${id}`, subject: id }),
    ),
    ...several(COUNTS.counted, (id) => cloudEvent({ source, type: 'stock.counted', id: `counted-${id}` })),
    ...several(COUNTS.noEvent, () => [{ note: 'no event at all' }]),
  ];
}
