// Packs the built package, installs the tarball into copies of the two consumer apps and runs everything a user would run.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { inScratch, install, pack, root, step } from './packed.mjs';

const only = process.argv.slice(2); // names of apps; none: all

await inScratch('pack-check', (scratch) => {
  const tarball = pack(scratch);
  step('publint', root, 'npx', '--no-install', 'publint', '--strict', tarball);
  step('attw', root, 'npx', '--no-install', 'attw', tarball, '--format', 'ascii');
  for (const app of ['nest12-esm', 'nest11-cjs']) {
    if (only.length > 0 && !only.includes(app)) continue;
    const cwd = join(scratch, app);
    cpSync(join(root, 'test/pack', app), cwd, { recursive: true });
    void (
      install(app, cwd, tarball) &&
      step(`${app}: tsc`, cwd, 'npm', 'run', 'build') &&
      step(`${app}: boot`, cwd, 'npm', 'start') &&
      step(`${app}: test`, cwd, 'npm', 'test')
    );
  }
});
