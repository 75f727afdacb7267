// Work that fails becomes dead letters; when the consumer is mended, they are moved back and done.

import type { AmqpConnection } from 'nestjs-amqp10';
import type { Names } from './names.js';
import type { Row } from './report.js';
import type { WorkConsumer } from './work.consumer.js';

const TASKS = ['easy 1', 'hard 1', 'easy 2', 'hard 2', 'hard 3'];
const PATIENCE_MS = 15_000;

export async function buryAndRedrive(
  connection: AmqpConnection,
  { work, dead }: Names,
  consumer: WorkConsumer,
): Promise<readonly Row[]> {
  const sender = connection.createSendClient(work);
  await sender.sendBatch(TASKS);
  const depth = async (): Promise<number> => (await connection.topology.inspect(dead)).messageCount;
  await until(async () => (await depth()) === 3 && consumer.done.length === 2);
  const rows: Row[] = [
    {
      what: 'five tasks, three too hard',
      expected: '2 done, 3 dead',
      arrived: `${consumer.done.length} done, ${await depth()} dead`,
    },
  ];

  consumer.isMended = true;
  const one = await connection.redrive({ from: dead, filter: ({ body }) => body === 'hard 2' });
  await until(() => Promise.resolve(consumer.done.length === 3));
  rows.push({
    what: 'redrive of one, by a filter',
    expected: '1 moved: hard 2',
    arrived: `${one} moved: ${consumer.done.slice(2).join(', ')}`,
  });

  const rest = await connection.redrive({ from: dead });
  await until(() => Promise.resolve(consumer.done.length === TASKS.length));
  rows.push({
    what: 'redrive of the rest, to where they came from',
    expected: '2 moved: hard 1, hard 3',
    arrived: `${rest} moved: ${consumer.done.slice(3).toSorted().join(', ')}`,
  });
  rows.push({ what: 'what is left', expected: '0 dead', arrived: `${await depth()} dead` });
  await sender.close();
  return rows;
}

/** Waits for what has to come; the table says when it did not. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end && !(await isSo())) await new Promise((resolve) => setTimeout(resolve, 50));
}
