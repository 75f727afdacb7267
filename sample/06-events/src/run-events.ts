// One run: the application, the events, what became of them, everything taken away again.

import { Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  AmqpConnection,
  AmqpConsumers,
  AmqpModule,
  getAmqpConnectionToken,
  isCloudEvent,
  type Subscription,
} from 'nestjs-amqp10';
import { run } from './current-run.js';
import { Database } from './database.js';
import { COUNTS, sendings } from './events.js';
import { InvoiceEvents } from './invoice-events.js';
import { OrderEvents } from './order-events.js';
import type { Row } from './report.js';

const PATIENCE_MS = 20_000;

@Module({})
class AppModule {
  static at(uri: string): DynamicModule {
    return {
      module: AppModule,
      imports: [AmqpModule.forRoot({ uri })],
      providers: [Database, OrderEvents, InvoiceEvents],
    };
  }
}

export async function runEvents(uri: string): Promise<readonly Row[]> {
  const app = await NestFactory.createApplicationContext(AppModule.at(uri), { logger: ['error'], abortOnError: false });
  const connection = app.get<AmqpConnection>(getAmqpConnectionToken());
  const consumer = app.get(AmqpConsumers).get('events');
  const [orders, invoices, database] = [app.get(OrderEvents), app.get(InvoiceEvents), app.get(Database)];
  try {
    const sender = connection.createSendClient(run.events);
    for (const [value, options] of sendings()) await sender.send(value, options);
    await sender.close();
    const areHandled = (): boolean =>
      orders.placed.length + orders.cancelled.length + database.written.length >= expectedInAll();
    const wasPaused = await sawPause(consumer, areHandled);
    const unknown = await readAll(connection, run.unknown, COUNTS.counted + COUNTS.noEvent);
    const { placed, cancelled } = orders;
    await until(areHandled);
    const events = unknown.filter(({ isEvent }) => isEvent).length;
    return [
      row('order.placed', `${COUNTS.placed} handled`, `${new Set(placed).size} handled`),
      row('order.cancelled', `${COUNTS.cancelled} handled`, `${new Set(cancelled).size} handled`),
      row('invoice.due', `${COUNTS.due} written`, `${new Set(database.written).size} written`),
      row('the database was down', `${database.refusals} refused, paused`, `${database.refused} refused${wasPaused}`),
      row('deliveries that it used up', '0', String(invoices.failedDeliveries)),
      row('stock.counted, for nobody', `${COUNTS.counted} set aside`, `${events} set aside`),
      row('no event, for nobody', `${COUNTS.noEvent} set aside`, `${unknown.length - events} set aside`),
    ];
  } finally {
    await consumer.close();
    for (const queue of [run.events, run.unknown]) await remove(connection, queue);
    await app.close();
  }
}

function row(what: string, expected: string, arrived: string): Row {
  return { what, expected, arrived };
}

function expectedInAll(): number {
  return COUNTS.placed + COUNTS.cancelled + COUNTS.due;
}

/** While it is paused it says why. */
async function sawPause(consumer: Pick<Subscription, 'state' | 'error'>, areHandled: () => boolean): Promise<string> {
  const isPaused = (): boolean => consumer.state === 'paused' && consumer.error !== undefined;
  await until(() => isPaused() || areHandled());
  return isPaused() ? ', paused' : '';
}

async function readAll(
  connection: AmqpConnection,
  queue: string,
  count: number,
): Promise<readonly { readonly isEvent: boolean }[]> {
  const inbox = connection.createReceiveClient(queue, { autoAccept: true });
  const found: { readonly isEvent: boolean }[] = [];
  const end = Date.now() + PATIENCE_MS;
  while (found.length < count && Date.now() < end)
    for (const message of await inbox.receiveBatch({ maxMessages: count - found.length, waitMs: 500 }))
      found.push({ isEvent: isCloudEvent(message) });
  await inbox.close();
  return found;
}

/** Not every product lets a client delete a queue: those remove it when it is empty and unused. */
async function remove({ topology }: AmqpConnection, queue: string): Promise<void> {
  await topology.deleteQueue(queue).catch(() => undefined);
}

/** Waits for what has to come; the table says when it did not. */
async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end && !isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
