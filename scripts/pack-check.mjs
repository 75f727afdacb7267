// Packs the built package, installs the tarball into copies of the two consumer apps and runs everything a user would run.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inScratch, install, pack, root, step } from './packed.mjs';
import { readmeStart } from './readme-start.mjs';

const only = process.argv.slice(2); // names of apps; none: all

await inScratch('pack-check', async (scratch) => {
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
  if (only.length > 0 && !only.includes('readme')) return;
  const cwd = join(scratch, 'readme');
  mkdirSync(cwd);
  try {
    await readmeStart(cwd, tarball);
    console.log('ok readme: the five-minute start');
  } catch (error) {
    console.error(`FAILED readme: the five-minute start\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
    process.exitCode = 1;
  }
});
