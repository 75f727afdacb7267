// Sends events of several kinds to one queue, and shows what became of each; fails when it is not as expected.

import 'reflect-metadata';
import { EmbeddedBroker } from 'nestjs-amqp10/broker';
import { run, uriOf } from './current-run.js';
import { isAsExpected, report } from './report.js';
import { runEvents } from './run-events.js';

async function main(): Promise<boolean> {
  const uri = uriOf(process.env);
  const broker = uri.startsWith('embedded:')
    ? await EmbeddedBroker.start({ name: run.brokerName, port: false })
    : undefined;
  try {
    const rows = await runEvents(uri);
    process.stdout.write(report(rows));
    return rows.every(isAsExpected);
  } finally {
    await broker?.stop();
  }
}

main().then(
  (asExpected) => {
    process.exitCode = asExpected ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
