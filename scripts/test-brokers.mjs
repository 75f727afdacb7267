// npm run test:brokers [-- --write] [-- -t PATTERN]: runs the stories on the embedded broker and every real one that is up, then prints
// the table broker x feature. `--write` puts it into docs/brokers.md.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const results = `${root}.brokers/results/`;
const page = `${root}docs/brokers.md`;
const [BEGIN, END] = ['<!-- table: begin -->', '<!-- table: end -->'];

const write = process.argv.includes('--write');
const rest = process.argv.slice(2).filter((argument) => argument !== '--write');
rmSync(results, { recursive: true, force: true });
const jest = [
  '--experimental-vm-modules',
  'node_modules/jest/bin/jest.js',
  '--config',
  'jest.brokers.config.js',
  '--runInBand',
  '--forceExit',
];
// A story that failed may leave a connection to a real broker open, and a file of which nothing is to run (`-t`) its embedded broker;
// the leak checks have reported what matters by then.
const { status } = spawnSync(process.execPath, [...jest, ...rest], { cwd: root, stdio: 'inherit' });

const table = existsSync(results) ? render() : undefined;
if (table !== undefined) {
  console.log(`\n${table}`);
  if (write) insert(table);
}
process.exitCode = status ?? 1;

function render() {
  const order = ['embedded', 'rabbitmq-4', 'rabbitmq-3', 'activemq', 'artemis', 'qpid'];
  const columns = readdirSync(results)
    .map((file) => file.replace('.json', ''))
    .toSorted((a, b) => order.indexOf(a) - order.indexOf(b))
    .map((name) => JSON.parse(readFileSync(`${results}${name}.json`, 'utf8')));
  const titles = [...new Set(columns.flatMap((column) => Object.keys(column)))].filter((title) => title !== 'product');
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    line(['what', ...columns.map((column) => column.product)]),
    line(['---', ...columns.map(() => '---')]),
    ...titles.map((title) => line([title, ...columns.map((column) => column[title] ?? '')])),
  ].join('\n');
}

function insert(text) {
  const before = readFileSync(page, 'utf8');
  const [from, to] = [before.indexOf(BEGIN), before.indexOf(END)];
  if (from < 0 || to < 0) throw new Error(`${page} has no place for the table`);
  writeFileSync(page, `${before.slice(0, from + BEGIN.length)}\n\n${text}\n\n${before.slice(to)}`);
  console.log('written to docs/brokers.md');
}
