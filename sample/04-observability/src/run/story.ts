// What happens in one run, from the first order to the last. Whoever does something writes it into the ledger.

import type { AmqpConnection, AmqpConsumers } from 'nestjs-amqp10';
import type { Ledger } from '../shop/ledger.js';
import type { Order } from '../shop/order.js';
import type { Cable } from './cable.js';
import { names } from './current-run.js';
import type { Ends } from './ends.js';
import { deleteQueue } from './queues.js';
import { until } from './until.js';
import type { Health, Visitor } from './visitor.js';

/** What the probes said when. */
export interface Reading extends Health {
  readonly when: string;
  /** What the ledger says of that moment. */
  readonly isOutage: boolean;
}

/** Who takes part. */
export interface Cast {
  readonly visitor: Visitor;
  readonly ledger: Ledger;
  readonly ends: Ends;
  readonly consumers: AmqpConsumers;
  readonly cable: Cable;
  /** On a connection of its own, which nothing watches. */
  readonly operator: AmqpConnection;
  readonly sabotage: 'unseen-order' | undefined;
}

/** One that fails once; its trace is shown. */
export const RETRIED: Order = { id: 4, article: 'coffee', pieces: 2, busy: 1 };
/** One that nobody can place; its trace is shown. */
export const INVALID: Order = { id: 5, article: 'tea', pieces: 0 };

/** One that never gets as far as the queue. */
const UNKNOWN: Order = { id: 3, article: 'unicorns', pieces: 1 };

const ORDERS: readonly Order[] = [
  { id: 1, article: 'tea', pieces: 1 },
  { id: 2, article: 'coffee', pieces: 3 },
  UNKNOWN,
  RETRIED,
  INVALID,
  { id: 6, article: 'tea', pieces: 6, busy: 2 },
  { id: 7, article: 'tea', pieces: 7, busy: 99 },
  { id: 8, article: 'coffee', pieces: 1 },
];
const DURING_THE_CUT: Order = { id: 9, article: 'tea', pieces: 9 };
const AFTER_THE_DELETION: Order = { id: 10, article: 'coffee', pieces: 10 };
const UNSEEN: Order = { id: 11, article: 'tea', pieces: 1 };

/** @throws {Error} when an order is answered otherwise than it should */
export async function play(cast: Cast): Promise<readonly Reading[]> {
  const { visitor, sabotage } = cast;
  const readings = [{ when: 'at the start', isOutage: false, ...(await visitor.health()) }];
  for (const order of ORDERS) await place(cast, order);
  if (sabotage === 'unseen-order') await sendUnseen(cast);
  await quiet(cast);
  readings.push(...(await cutTheCable(cast)));
  readings.push(...(await deleteTheQueue(cast)));
  return readings;
}

/** An order that is placed meanwhile is sent when the connection is back. */
async function cutTheCable(cast: Cast): Promise<readonly Reading[]> {
  const { cable, ledger } = cast;
  cable.cut();
  ledger.write('cut');
  const down = await readingOf(cast, 503, 'the cable is cut', true);
  const [up] = await Promise.all([mendForTheOrder(cast), place(cast, DURING_THE_CUT)]);
  await quiet(cast);
  return [down, up];
}

async function mendForTheOrder(cast: Cast): Promise<Reading> {
  await until(() => cast.ledger.orders('asked').has(DURING_THE_CUT.id));
  cast.cable.mend();
  return readingOf(cast, 200, 'it is mended', false);
}

/** Left out where a queue cannot be deleted. */
async function deleteTheQueue(cast: Cast): Promise<readonly Reading[]> {
  const { operator, ledger } = cast;
  if (!(await deleteQueue(operator, names.orders))) return [];
  ledger.write('queue deleted');
  const down = await readingOf(cast, 503, 'the queue is deleted', true);
  await operator.topology.declare({ queues: [names.orders] });
  const up = await readingOf(cast, 200, 'it is declared again', false);
  await place(cast, AFTER_THE_DELETION);
  await quiet(cast);
  return [down, up];
}

async function readingOf({ visitor }: Cast, ready: number, when: string, isOutage: boolean): Promise<Reading> {
  await until(async () => (await visitor.health()).ready === ready);
  return { when, isOutage, ...(await visitor.health()) };
}

/** Past the application, and so past what watches it. */
async function sendUnseen({ operator, ledger }: Cast): Promise<void> {
  const sender = operator.createSendClient(names.orders);
  await sender.send({ ...UNSEEN, cents: 499 });
  await sender.close();
  ledger.write('ordered', UNSEEN.id);
}

/** Every order that was sent has been received, has come to its end and is settled. */
function quiet({ ledger, ends, consumers }: Cast): Promise<void> {
  return until(() => {
    const orders = ledger.orders('ordered').size;
    const hasEnded = ledger.orders('received').size === orders && ends.invoices + ends.dead >= orders;
    return hasEnded && [...consumers.all().values()].every(({ inHand }) => inHand === 0);
  });
}

/** @throws {Error} when the application answers otherwise than it should */
async function place({ visitor }: Cast, order: Order): Promise<void> {
  const status = await visitor.order(order);
  if (status !== (order === UNKNOWN ? 404 : 202)) throw new Error(`order ${order.id} was answered with ${status}`);
}
