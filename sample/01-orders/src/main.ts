// Publishes the order lines, consumes them, waits until nothing moves any more, and proves that nothing was lost.

import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AmqpConnection, AmqpConsumers } from 'nestjs-amqp10';
import { EmbeddedBroker } from 'nestjs-amqp10/broker';
import { AppModule } from './app.module.js';
import { balance } from './balance.js';
import { channels, readInput } from './input-file.js';
import { Ledger } from './ledger.js';
import { OrderPublisher } from './orders/order-publisher.js';
import { report } from './report.js';
import { run } from './run/current-run.js';
import { readDepths } from './run/depths.js';
import { watch } from './run/progress.js';
import { declareQueues, queuesOf } from './run/queues.js';

async function main(): Promise<boolean> {
  const lines = await readInput();
  const broker = run.uri === undefined ? await EmbeddedBroker.start({ name: run.brokerName, port: false }) : undefined;
  const connection = new AmqpConnection(run.connectTo);
  try {
    await connection.open();
    const peer = connection.peer;
    const queues = queuesOf(run.runId, peer?.profile ?? 'generic');
    process.stdout.write(`orders, run ${run.runId}, on ${peer?.product ?? peer?.profile} ${peer?.version ?? ''}\n`);
    await declareQueues(connection, queues);

    const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'], abortOnError: false });
    const ledger = app.get(Ledger);
    const publisher = app.get(OrderPublisher);
    try {
      const published = publisher.publish(lines);
      await watch(published, lines.length, () => publisher.accepted.length, ledger, app.get(AmqpConsumers));
    } finally {
      await app.close();
    }

    const depths = await readDepths(connection, queues);
    const found = (names: readonly string[]): string[] => names.flatMap((name) => depths.get(name) ?? []).map(lineId);
    const result = balance({
      lines,
      ledger: ledger.entries.map((entry) => ({ ...entry, messageId: lineId(entry.messageId) })),
      rejected: found(channels.map((channel) => queues.rejected(channel))),
      parked: found([queues.parked]),
      left: found(channels.map((channel) => queues.orders(channel))),
    });
    process.stdout.write(`\n${report(result)}`);
    return result.problems.length === 0;
  } finally {
    await connection.close();
    await broker?.stop();
  }
}

function lineId(messageId: string): string {
  const prefix = run.messageId('');
  return messageId.startsWith(prefix) ? messageId.slice(prefix.length) : messageId;
}

main().then(
  (balanced) => {
    process.exitCode = balanced ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
