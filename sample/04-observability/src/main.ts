// Runs the application, makes it fail in several ways, shows what health, traces, metrics and dashboard said, and whether that is true.

import 'reflect-metadata';
import { AmqpConnection } from 'nestjs-amqp10';
import { EmbeddedBroker } from 'nestjs-amqp10/broker';
import { agrees } from './report/agreement.js';
import { report } from './report/report.js';
import { observe } from './run/observe.js';
import { readRunOptions } from './run/options.js';
import { declareQueues, deleteQueues } from './run/queues.js';

async function main(): Promise<boolean> {
  const { uri: real, sabotage } = readRunOptions(process.argv.slice(2), process.env);
  const broker = real === undefined ? await EmbeddedBroker.start() : undefined;
  const uri = real ?? broker?.uri ?? '';
  const operator = new AmqpConnection(uri);
  try {
    await operator.open();
    await declareQueues(operator);
    try {
      const observed = await observe({ uri, operator, sabotage });
      process.stdout.write(report(operator.peer, observed));
      return observed.facts.every(agrees);
    } finally {
      await deleteQueues(operator);
    }
  } finally {
    await operator.close();
    await broker?.stop();
  }
}

main().then(
  (agreed) => {
    process.exitCode = agreed ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
