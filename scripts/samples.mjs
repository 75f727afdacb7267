// Runs each sample against the packed package, in a copy outside the repository, as its reader would.
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inScratch, install, pack, root, step } from './packed.mjs';

const only = process.argv.slice(2); // names of samples; none: all

const isSource = (path) => !/[/\\](node_modules|dist)$/.test(path);

await inScratch('samples', (scratch) => {
  const tarball = pack(scratch);
  for (const { name } of readdirSync(join(root, 'sample'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )) {
    if (only.length > 0 && !only.includes(name)) continue;
    const cwd = join(scratch, name);
    cpSync(join(root, 'sample', name), cwd, { recursive: true, filter: isSource });
    void (
      install(name, cwd, tarball) &&
      step(`${name}: build`, cwd, 'npm', 'run', 'build') &&
      step(`${name}: run`, cwd, 'npm', 'start')
    );
  }
});
