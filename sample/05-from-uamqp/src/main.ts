// Runs every example, on the embedded broker or on the one that AMQP_URI names, and fails when one does not come to what it must.

import { examples } from './examples/index.js';
import { runExamples } from './run-examples.js';
import { enter } from './world.js';

try {
  const { world, leave } = await enter(process.env['AMQP_URI']);
  try {
    const failed = await runExamples(world, examples, (text) => process.stdout.write(text));
    process.exitCode = failed === 0 ? 0 : 1;
  } finally {
    await leave();
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
