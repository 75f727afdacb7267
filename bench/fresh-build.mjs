import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const newest = (directory, ending) =>
  readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith(ending))
    .reduce((latest, name) => Math.max(latest, statSync(join(directory, name)).mtimeMs), 0);

/** Builds the library when a source is newer than what was built. `BENCH_DIST` names another build, taken as it is. */
export function ensureFreshBuild() {
  if (process.env.BENCH_DIST !== undefined) return;
  const built = join(root, 'dist/esm/index.js');
  if (existsSync(built) && newest(join(root, 'dist/esm'), '.js') >= newest(join(root, 'lib'), '.ts')) return;
  console.log('building, because dist is older than lib');
  execFileSync('npm', ['run', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
