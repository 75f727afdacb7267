// Starts a broker, two services as processes of their own and the gateway here; asks, compares every answer, and ends.

import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { AmqpConnection } from 'nestjs-amqp10';
import { EmbeddedBroker } from 'nestjs-amqp10/broker';
import { startGateway } from './gateway/gateway.js';
import { ask, type Answer } from './run/ask.js';
import { readRunOptions } from './run/options.js';
import { AFTER_ORDERS, ORDERS, QUESTIONS } from './run/questions.js';
import { startService } from './run/service-process.js';
import { surroundings, type Surroundings } from './run/surroundings.js';

async function main(): Promise<boolean> {
  const options = readRunOptions(process.argv.slice(2), process.env);
  const broker = options.uri === undefined ? await EmbeddedBroker.start() : undefined;
  const environment = {
    ...process.env,
    AMQP_URI: options.uri ?? broker?.uri,
    RUN_ID: randomUUID().slice(0, 8),
    SABOTAGE: options.sabotage,
  };
  const here = surroundings(environment);
  // Told to stop in the reverse order, also when something fails on the way.
  const stops: (() => Promise<unknown>)[] = [async () => broker?.stop(), () => takeAway(here)];
  try {
    const prices = await startService('prices', environment);
    stops.push(() => prices.stop());
    const stock = await startService('stock', environment);
    stops.push(() => stock.stop());
    const { app, url } = await startGateway(here);
    stops.push(() => app.close());
    return await askAll(url);
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

async function askAll(url: string): Promise<boolean> {
  const answers: Answer[] = [];
  for (const question of QUESTIONS) answers.push(await ask(url, question));
  answers.forEach(print);
  const orders = await Promise.all(ORDERS.map((question) => ask(url, question)));
  const taken = orders.filter(({ isRight }) => isRight).length;
  process.stdout.write(`${taken === orders.length ? 'ok   ' : 'WRONG'} ${taken} of ${orders.length} orders at once\n`);
  const after = await ask(url, AFTER_ORDERS);
  print(after);
  const wrong = [...answers, ...orders, after].filter(({ isRight }) => !isRight).length;
  process.stdout.write(wrong === 0 ? '\nALL RIGHT\n' : `\nWRONG ANSWERS: ${wrong}\n`);
  return wrong === 0;
}

function print({ question: { method, path, expected, status: due }, status, got, isRight }: Answer): void {
  const line = `${isRight ? 'ok   ' : 'WRONG'} ${method.padEnd(4)} ${path.padEnd(20)} ${status}`;
  const wanted = isRight ? '' : `, not ${due} ${JSON.stringify(expected) ?? ''}`;
  process.stdout.write(`${line} ${JSON.stringify(got) ?? ''}${wanted}\n`);
}

/** The queues of this run, on a broker where they would stay. */
async function takeAway({ uri, queues }: Surroundings): Promise<void> {
  const connection = new AmqpConnection(uri);
  await connection.open();
  try {
    if (connection.peer?.profile !== 'rabbitmq-4') return;
    for (const queue of Object.values(queues)) await connection.topology.deleteQueue(queue);
  } finally {
    await connection.close();
  }
}

main().then(
  (right) => {
    process.exitCode = right ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
