// What pack:check and samples share: the tarball, a scratch folder, and steps whose output is shown only when they fail.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** A folder outside the repository, gone when `work` has ended. */
export async function inScratch(name, work) {
  const scratch = mkdtempSync(join(tmpdir(), `${name}-`));
  try {
    await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Packs what was built; the tarball's path. */
export function pack(scratch) {
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

/** Runs a command; `false`, a failed exit code and its output when it fails. */
export function step(name, cwd, command, ...args) {
  const started = performance.now();
  try {
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe', maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    console.error(`FAILED ${name}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
    process.exitCode = 1;
    return false;
  }
  console.log(`ok ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return true;
}

/** `npm install` of an app's own dependencies and of the tarball. */
export function install(name, cwd, tarball) {
  const flags = ['--no-audit', '--no-fund', '--no-save', '--prefer-offline', '--loglevel=error'];
  return step(`${name}: install`, cwd, 'npm', 'install', ...flags, tarball);
}
