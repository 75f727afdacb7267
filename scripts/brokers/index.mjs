// npm run brokers -- up|down|status [names]: installs (once) and starts real brokers on loopback ports, without root.
import { makeCertificates } from './certificates.mjs';
import { BROKERS } from './catalogue.mjs';
import { folder, lastLines, portIsOpen, ROOT } from './processes.mjs';
import { mkdirSync, rmSync } from 'node:fs';

const [command, ...names] = process.argv.slice(2);
const unknown = names.filter((name) => !BROKERS.some((broker) => broker.name === name));
if (!['up', 'down', 'status'].includes(command) || unknown.length > 0) {
  const known = BROKERS.map((broker) => broker.name).join(', ');
  console.error(`usage: npm run brokers -- up|down|status [names]; names: ${known}`);
  if (unknown.length > 0) console.error(`unknown: ${unknown.join(', ')}`);
  process.exit(2);
}

const chosen = BROKERS.filter((broker) => names.length === 0 || names.includes(broker.name));
let missed = 0;
for (const broker of chosen) {
  const started = performance.now();
  let line;
  try {
    line = await { up, down, status }[command](broker);
  } catch (error) {
    missed += 1;
    line = `failed: ${error.message}\n${lastLines(broker.name)}`;
  }
  console.log(`${broker.name.padEnd(11)} ${line} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
process.exitCode = missed > 0 && names.length > 0 ? 1 : 0;

async function up(broker) {
  if (await portIsOpen(broker.port)) return describe(broker);
  const why = broker.whyNot();
  if (why !== undefined) {
    missed += 1;
    return `not to be had here: ${why}`;
  }
  mkdirSync(ROOT, { recursive: true });
  makeCertificates();
  if (!broker.isInstalled()) {
    rmSync(folder(broker.name), { recursive: true, force: true });
    broker.install();
  }
  await broker.start();
  return describe(broker);
}

async function down(broker) {
  await broker.stop();
  return 'down';
}

async function status(broker) {
  if (await portIsOpen(broker.port)) return describe(broker);
  return broker.isInstalled() ? 'down' : `not installed${broker.whyNot() === undefined ? '' : `: ${broker.whyNot()}`}`;
}

function describe(broker) {
  const tls = broker.tlsPort === undefined ? '' : `, amqps://guest:guest@localhost:${broker.tlsPort}`;
  return `up: ${broker.product}, amqp://guest:guest@127.0.0.1:${broker.port}${tls}`;
}
