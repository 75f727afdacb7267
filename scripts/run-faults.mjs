import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

/** Runs specs with a seed that is said first; the process ends as Jest does. */
export function runFaults(paths, environment, options = {}) {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, ...options } });
  const seed = values.seed ?? String(Math.floor(Math.random() * 0xffff_ffff));
  console.log(`seed ${seed}`);
  const env = { ...process.env, ...environment, FAULT_SEED: seed };
  if (values.seconds !== undefined) env.SOAK_SECONDS = values.seconds;
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', ...paths, '--maxWorkers=1'];
  const { status } = spawnSync(process.execPath, jest, { stdio: 'inherit', env });
  process.exitCode = status ?? 1;
}
