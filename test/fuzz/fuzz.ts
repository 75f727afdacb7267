// Fuzzes until the time is up. Run by scripts/fuzz.mjs, which also sees to inputs that take the process down.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomOfCase } from './seeded-random.js';
import { checkInTime, corpusName, TARGETS } from './targets.js';

const [seedText = '0', secondsText = '10', startText = '0', mode = 'run', only = ''] = process.argv.slice(2);
const corpus = new URL('../corpus/', import.meta.url).pathname;
const seed = Number(seedText);
const until = performance.now() + Number(secondsText) * 1000;
const targets = TARGETS.filter((target) => only === '' || target.name === only);
/** Cases between two reports of how far we are. */
const BLOCK = 500;

mkdirSync(corpus, { recursive: true });
const counts = new Map(targets.map((target) => [target.name, 0]));
let failures = 0;
let index = Number(startText);
const tracing = mode === 'trace';
const end = tracing ? index + BLOCK : Number.MAX_SAFE_INTEGER;
const hasTime = (): boolean => tracing || performance.now() < until;
for (; index < end && hasTime(); index++) {
  if (index % BLOCK === 0) process.send?.({ index });
  for (const target of targets) {
    const input = target.make(randomOfCase(seed, index));
    const file = join(corpus, corpusName(target, input));
    // Left behind if this very input ends the process.
    if (tracing) writeFileSync(file, input);
    counts.set(target.name, (counts.get(target.name) ?? 0) + 1);
    try {
      checkInTime(target, input);
      if (tracing) rmSync(file);
    } catch (error) {
      writeFileSync(file, input);
      console.error(
        `${target.name}, case ${index}: ${error instanceof Error ? error.stack : String(error)}\n  kept as ${file}`,
      );
      if (++failures >= 10) process.exit(1);
    }
  }
}
console.log([...counts].map(([name, count]) => `${name} ${count}`).join(', '), `cases; ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
