// Writes data/order-lines.tsv: the same file for the same seed. `npm run generate`, or `-- --check` to compare only.

import { readFileSync, writeFileSync } from 'node:fs';
import { dataFile } from './input-file.js';
import { generateLines } from './generator.js';

const text = generateLines({ seed: 20_260_301, lines: 3_000 });
if (process.argv.includes('--check')) {
  const same = readFileSync(dataFile, 'utf8') === text;
  process.stdout.write(same ? 'the data file is what the generator writes\n' : 'the data file differs\n');
  process.exitCode = same ? 0 : 1;
} else {
  writeFileSync(dataFile, text);
  process.stdout.write(`written: ${text.split('\n').length - 2} lines, ${text.length} characters\n`);
}
