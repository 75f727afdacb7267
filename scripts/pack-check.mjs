// Packs the built package, installs the tarball into copies of the two consumer apps and runs everything a user would run.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'pack-check-'));
const only = process.argv.slice(2); // names of apps; none: all

function step(name, cwd, command, ...args) {
  const started = performance.now();
  try {
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    console.error(`FAILED ${name}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
    process.exitCode = 1;
    return false;
  }
  console.log(`ok ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return true;
}

function packed() {
  const [{ filename, files }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  console.log(`ok npm pack: ${files.length} files`);
  return join(scratch, filename);
}

try {
  const tarball = packed();
  step('publint', root, 'npx', '--no-install', 'publint', '--strict', tarball);
  step('attw', root, 'npx', '--no-install', 'attw', tarball, '--format', 'ascii');
  for (const app of ['nest12-esm', 'nest11-cjs']) {
    if (only.length > 0 && !only.includes(app)) continue;
    const cwd = join(scratch, app);
    cpSync(join(root, 'test/pack', app), cwd, { recursive: true });
    const install = [
      'install',
      '--no-audit',
      '--no-fund',
      '--no-save',
      '--prefer-offline',
      '--loglevel=error',
      tarball,
    ];
    void (
      step(`${app}: install`, cwd, 'npm', ...install) &&
      step(`${app}: tsc`, cwd, 'npm', 'run', 'build') &&
      step(`${app}: boot`, cwd, 'npm', 'start') &&
      step(`${app}: test`, cwd, 'npm', 'test')
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
