import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const TASKSET = '/usr/bin/taskset';

/** Options of a forked process that keep it on one core, where the system can: client and peer must not take turns on one. */
export function pinned(core, nodeArguments = []) {
  if (availableParallelism() < 2 || !existsSync(TASKSET)) return { execArgv: nodeArguments };
  return { execPath: TASKSET, execArgv: ['-c', String(core), process.execPath, ...nodeArguments] };
}
