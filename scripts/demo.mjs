// Builds what the orders sample needs and runs it. Arguments and AMQP_URI go to the sample.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sample = join(root, 'sample/01-orders');

/** The newest change of a file below a folder, in milliseconds; 0 when there is none. */
function newest(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(0, ...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

function builtAt(folder) {
  try {
    return newest(folder);
  } catch (error) {
    if (error.code === 'ENOENT') return 0;
    throw error;
  }
}

function compile(project, from, to) {
  if (builtAt(to) > newest(from)) return;
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
    stdio: 'inherit',
  });
  if (status !== 0) {
    rmSync(to, { recursive: true, force: true });
    process.exit(1);
  }
}

compile(join(root, 'tsconfig.build.json'), join(root, 'lib'), join(root, 'dist/esm'));
// The sample imports the package by its name; here that is this repository.
const link = join(sample, 'node_modules/nestjs-amqp10');
rmSync(link, { recursive: true, force: true });
mkdirSync(join(sample, 'node_modules'), { recursive: true });
symlinkSync(root, link, 'junction');
compile(join(sample, 'tsconfig.json'), join(sample, 'src'), join(sample, 'dist'));

const run = spawn(process.execPath, [join(sample, 'dist/main.js'), ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal));
run.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 128);
});
