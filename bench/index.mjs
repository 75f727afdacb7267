// `npm run bench -- [--quick] [--only NAME] [--json FILE]`: this library beside raw rhea and rhea-promise, in one run.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureFreshBuild } from './fresh-build.mjs';
import { measureRow } from './measure-row.mjs';
import { startPeer } from './peer-process.mjs';
import { ROWS } from './rows.mjs';

const CLIENTS = ['rhea', 'rhea-promise', 'ours'];
const BASE = 'rhea';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});

const rows = ROWS.filter(({ id }) => values.only === undefined || id.startsWith(values.only));
if (rows.length === 0) {
  console.error(`--only ${values.only}: no such row; there are ${ROWS.map(({ id }) => id).join(', ')}`);
  process.exit(2);
}

const round = (number, digits = 2) => Number(number.toFixed(digits));

/** One line per client and the verdict. */
function print(row, clients, ratio) {
  console.log(`\n${row.id} (${row.unit}, medians)`);
  for (const [client, { value, least, most, perSecond, rssMiB }] of Object.entries(clients)) {
    const figures = [value, least, most].map((number) => number.toFixed(2).padStart(8));
    const relative = (value / clients[BASE].value).toFixed(2).padStart(6);
    console.log(
      `  ${client.padEnd(13)}${figures[0]}  (${figures[1].trim()} to ${figures[2].trim()})`.padEnd(50),
      `x${relative.trim()}  ${String(perSecond).padStart(8)}/s  ${rssMiB} MiB`,
    );
  }
  const verdict = ratio <= row.target ? 'met' : 'missed';
  console.log(`  ratio ${ratio.toFixed(3)}, target ${row.target}: ${verdict}`);
}

ensureFreshBuild();
const peer = await startPeer();
const report = [];
const failures = [];
for (const row of rows) {
  try {
    const clients = await measureRow(row, CLIENTS, peer, { rounds: values.quick ? 3 : 5, quick: values.quick });
    const ratio = clients.ours.value / clients[BASE].value;
    print(row, clients, ratio);
    const { ours, ...others } = Object.fromEntries(
      Object.entries(clients).map(([client, { value }]) => [client, round(value)]),
    );
    report.push({ id: row.id, unit: row.unit, ours, peers: others, ratio: round(ratio, 3), target: row.target });
    if (row.hardRatio !== undefined && ratio > row.hardRatio) {
      failures.push(`${row.id}: the ratio ${ratio.toFixed(3)} is above ${row.hardRatio}`);
    }
  } catch (error) {
    failures.push(error.message);
    console.error(`\n${error.message}`);
  }
}
await peer.stop();
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ rows: report }, undefined, 2)}\n`);
if (failures.length > 0) {
  console.error(`\nfailed:\n${failures.map((failure) => `- ${failure}`).join('\n')}`);
  process.exitCode = 1;
}
