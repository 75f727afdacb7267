// `npm run bench -- [--quick] [--only NAME] [--json FILE] [--dashboard]`: this library beside its peers, in one run. Rows of requests and replies need
// RabbitMQ 4 (`npm run brokers -- up rabbitmq-4`) and are left out without it.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureFreshBuild } from './fresh-build.mjs';
import { measureRow } from './measure-row.mjs';
import { startPeer } from './peer-process.mjs';
import { ROWS } from './rows.mjs';
import { findBroker } from './rpc/broker.mjs';
import { measureRpcRow } from './rpc/measure.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
    // Also measures this library with the dashboard listening.
    dashboard: { type: 'boolean', default: false },
  },
});

const isRpc = ({ kind }) => kind.startsWith('rpc');
const rows = ROWS.filter(({ id }) => values.only === undefined || id.startsWith(values.only)).map((row) =>
  values.dashboard && !isRpc(row) ? { ...row, clients: [...row.clients, 'ours-watched'] } : row,
);
if (rows.length === 0) {
  console.error(`--only ${values.only}: no such row; there are ${ROWS.map(({ id }) => id).join(', ')}`);
  process.exit(2);
}

const round = (number, digits = 2) => Number(number.toFixed(digits));

/** One line per client and the verdict. */
function print(row, clients, ratio) {
  console.log(`\n${row.id} (${row.unit}, medians)`);
  for (const [client, { value, least, most, perSecond, rssMiB, note = '' }] of Object.entries(clients)) {
    const figures = [value, least, most].map((number) => number.toFixed(2).padStart(8));
    const relative = (value / clients[row.base].value).toFixed(2).padStart(6);
    console.log(
      `  ${client.padEnd(18)}${figures[0]}  (${figures[1].trim()} to ${figures[2].trim()})`.padEnd(56),
      `x${relative.trim()}  ${String(perSecond).padStart(8)}/s  ${rssMiB} MiB  ${note}`.trimEnd(),
    );
  }
  const met = row.isBest === 'least' ? ratio <= row.target : ratio >= row.target;
  const bound = row.isBest === 'least' ? 'at most' : 'at least';
  console.log(`  ours / ${row.base}: ${ratio.toFixed(3)}, target ${bound} ${row.target}: ${met ? 'met' : 'missed'}`);
}

ensureFreshBuild();
const peer = rows.every(isRpc) ? undefined : await startPeer();
const broker = rows.some(isRpc) ? await findBroker() : undefined;
const settings = { rounds: values.quick ? 3 : 5, quick: values.quick };
const report = [];
const skipped = [];
const failures = [];
for (const row of rows) {
  if (isRpc(row) && broker.why !== undefined) {
    skipped.push({ id: row.id, reason: broker.why });
    console.log(`\n${row.id}: skipped: ${broker.why}`);
    continue;
  }
  try {
    const clients = await (isRpc(row) ? measureRpcRow(row, broker, settings) : measureRow(row, peer, settings));
    const ratio = clients.ours.value / clients[row.base].value;
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
await peer?.stop();
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ rows: report, skipped }, undefined, 2)}\n`);
if (failures.length > 0) {
  console.error(`\nfailed:\n${failures.map((failure) => `- ${failure}`).join('\n')}`);
  process.exitCode = 1;
}
