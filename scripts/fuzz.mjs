// npm run fuzz -- --seconds N [--seed S] [--only stream|frame-body|value|message]
// Feeds made-up bytes to framer, scan, decoders and encoders. Prints its seed. Whatever breaks a rule, or the process, is kept in
// test/corpus, which the unit tests replay.

import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 0xffff_ffff) : Number(values.seed);
const seconds = Number(values.seconds);
if (!Number.isInteger(seed) || !(seconds > 0)) {
  console.error('usage: npm run fuzz -- --seconds N [--seed S] [--only TARGET]; N over 0, S an integer');
  process.exit(2);
}
console.log(`seed ${seed}, ${seconds} s`);

const root = fileURLToPath(new URL('..', import.meta.url));
/** How long a case may hang before its process is ended. */
const HANG_MS = 30_000;
let reached = 0;

/** Runs test/fuzz/fuzz.ts with little memory, so that what swells fails soon. Answers its exit code, or what killed it. */
const run = (start, mode) =>
  new Promise((resolve) => {
    const child = fork('test/fuzz/fuzz.ts', [String(seed), String(seconds), String(start), mode, values.only], {
      cwd: root,
      execArgv: ['--max-old-space-size=256', '--import', './test/support/ts-register.mjs'],
    });
    let timer;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
    };
    watch();
    child.on('message', ({ index }) => {
      reached = index;
      watch();
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? signal);
    });
  });

const result = await run(0, 'run');
if (result !== 0 && result !== 1) {
  console.error(`the process was ended (${result}) by a case from ${reached} on; looking for it`);
  await run(reached, 'trace');
  console.error('the input that did it is the newest file in test/corpus');
}
process.exit(result === 0 ? 0 : 1);
