// npm run test:mutants [-- --rows] [--seed N] [--count N] [--list] [--only ID,ID]: puts deliberate faults into a copy of the sources, one at a
// time, and demands that the test which docs/promises.md names for the broken promise fails. 20 of the catalogue in test/mutants, drawn
// by a printed seed. `--rows`: of twenty rows of docs/parity.md instead, each by a fault of its own. `--list` names what could be drawn,
// `--count` draws more or fewer, `--only` takes those with these ids.
import { spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectionMutants } from '../test/mutants/connection.mjs';
import { messagingMutants } from '../test/mutants/messaging.mjs';
import { rowMutants } from '../test/mutants/rows/index.mjs';
import { inScratch, root } from './packed.mjs';

const LANES = 2;
const RUN_TIMEOUT_MS = 90_000;
const COPIED = [
  'lib',
  'test',
  'docs',
  'jest.config.js',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  '.swcrc',
];

const rows = process.argv.includes('--rows');
const catalogue = rows ? rowMutants : [...connectionMutants, ...messagingMutants];
const page = rows ? 'docs/parity.md' : 'docs/promises.md';
const listed = readFileSync(join(root, page), 'utf8').split('\n');
const wrong = catalogue.flatMap((mutant) => problemsOf(mutant, listed));
if (wrong.length > 0) fail(wrong);
else if (process.argv.includes('--list')) for (const mutant of catalogue) console.log(describe(mutant));
else await run(chosen());

/** Rows are drawn whether they have a fault or not: one without is a failure. Promises are drawn from those that have one. */
function chosen() {
  const only = process.argv.includes('--only')
    ? process.argv[process.argv.indexOf('--only') + 1].split(',')
    : undefined;
  if (only !== undefined) return catalogue.filter(({ promise }) => only.includes(promise));
  const [count, seed] = [option('--count', 20), option('--seed', Date.now() % 1_000_000)];
  if (!rows) return draw(catalogue, count, seed);
  const tested = listed.filter((line) => /^\| row-\d+ \|/.test(line) && line.includes('`test/'));
  const ids = draw(
    tested.map((line) => line.split(' ')[1]),
    count,
    seed,
  );
  const faultless = ids.filter((id) => !catalogue.some(({ promise }) => promise === id));
  if (faultless.length > 0) fail(faultless.map((id) => `${id} has no fault in test/mutants/rows`));
  return ids.flatMap((id) => catalogue.find(({ promise }) => promise === id) ?? []);
}

function option(name, otherwise) {
  const at = process.argv.indexOf(name);
  if (at < 0) return otherwise;
  const value = Number(process.argv[at + 1]);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} needs a whole number from 1`);
  return value;
}

/** What is wrong with an entry: a promise that is not listed, a test that does not hold it, a text that is not found exactly once. */
function problemsOf(mutant, lines) {
  const { promise, file, find, replace, test } = mutant;
  const line = lines.find((text) => text.startsWith(`| ${promise} |`));
  const count = readFileSync(join(root, file), 'utf8').split(find).length - 1;
  return [
    ...(line === undefined ? [`${promise} does not stand in ${page}`] : []),
    ...(line !== undefined && !line.includes(`\`${test[0]}\``)
      ? [`${promise} is not held by ${test[0]} in ${page}`]
      : []),
    ...(count === 1 ? [] : [`${promise}: ${file} has the text ${count} times: ${find}`]),
    ...(find === replace ? [`${promise}: ${file} is not changed`] : []),
  ];
}

/** So many of them, the same for the same seed. */
function draw(all, count, seed) {
  console.log(`seed ${seed} (--seed ${seed} repeats it)`);
  let state = seed;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  const ranked = all.map((one) => ({ one, rank: random() }));
  return ranked
    .toSorted((left, right) => left.rank - right.rank)
    .slice(0, count)
    .map(({ one }) => one);
}

async function run(mutants) {
  if (mutants.length === 0) return fail(['there is nothing to break']);
  const started = performance.now();
  await inScratch('mutants', async (scratch) => {
    // The others are copies of the first one: the tree may change meanwhile.
    const first = copy(root, join(scratch, 'copy-1'));
    const copies = [first, ...Array.from({ length: LANES - 1 }, (_, i) => copy(first, join(scratch, `copy-${i + 2}`)))];
    const blind = await unnoticing(first, mutants);
    if (blind.length > 0) return fail(blind);
    const survivors = [];
    const queue = [...mutants];
    const work = async (folder) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const verdict = await judge(folder, mutant);
        console.log(`${verdict.padEnd(9)} ${describe(mutant)}`);
        if (!verdict.startsWith('noticed')) survivors.push(mutant);
      }
    };
    await Promise.all(copies.map(work));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${mutants.length - survivors.length} of ${mutants.length} noticed in ${seconds} s`);
    if (survivors.length > 0) process.exitCode = 1;
  });
}

function copy(from, folder) {
  for (const name of COPIED) cpSync(join(from, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** The tests that do not pass, or do not exist, without any fault. */
async function unnoticing(folder, mutants) {
  const report = await jest(
    folder,
    [...new Set(mutants.map(({ test }) => test[0]))],
    mutants.map(({ test }) => test[1]),
  );
  return mutants.flatMap((mutant) => {
    const [file, name] = mutant.test;
    const suite = report?.testResults.find((result) => result.name === join(folder, file));
    const tests = (suite?.assertionResults ?? []).filter(({ fullName }) => fullName.startsWith(name));
    const passes = tests.length > 0 && tests.every(({ status }) => status === 'passed');
    return passes ? [] : [`without a fault, ${file} has no test that passes: ${name}`];
  });
}

/** `noticed`: the test failed; `noticed*`: it never came to an end. `UNUSABLE`: the faulty file does not even load. */
async function judge(folder, { file, find, replace, test }) {
  const path = join(folder, file);
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, before.split(find).join(replace));
  try {
    const report = await jest(folder, [test[0]], [test[1]]);
    if (report === undefined) return 'noticed*';
    if (report.numFailedTests > 0) return 'noticed';
    return report.numFailedTestSuites > 0 ? 'UNUSABLE' : 'SURVIVED';
  } finally {
    writeFileSync(path, before);
  }
}

/** Jest's own report; `undefined` when it had to be ended. */
function jest(folder, files, names) {
  const output = join(folder, 'report.json');
  rmSync(output, { force: true });
  const pattern = `^(${names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`;
  const flags = ['--maxWorkers=1', '--forceExit', '--silent', '--json', `--outputFile=${output}`, '-t', pattern];
  const paths = ['--runTestsByPath', ...files];
  const node = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...node, ...flags, ...paths], { cwd: folder, stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_TIMEOUT_MS * Math.max(1, files.length / 4));
    child.on('exit', () => {
      clearTimeout(timer);
      resolve(child.killed ? undefined : JSON.parse(readFileSync(output, 'utf8')));
    });
  });
}

function inLine(text) {
  return text === '' ? '(nothing)' : text.replaceAll(/\s+/g, ' ').trim();
}

function describe({ promise, file, find, replace, test }) {
  return `${promise} ${file}: ${inLine(find)} -> ${inLine(replace)} [${test[0]}: ${test[1]}]`;
}

function fail(problems) {
  for (const problem of problems) console.error(problem);
  process.exitCode = 1;
}
