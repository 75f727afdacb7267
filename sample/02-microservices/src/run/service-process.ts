// Starts a service as a process of its own, as it would run anywhere.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const START_MS = 30_000;
const STOP_MS = 30_000;

/** A running service. */
export interface ServiceProcess {
  /** Asks it to end and waits until it has. @throws {Error} when it ended in another way than it should */
  stop(): Promise<void>;
}

/** Resolves when the service listens; rejects when it ends before, or takes too long. */
export async function startService(name: 'prices' | 'stock', environment: NodeJS.ProcessEnv): Promise<ServiceProcess> {
  const file = fileURLToPath(new URL(`../${name}/main.js`, import.meta.url));
  const child = fork(file, [], { env: environment });
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
  const ready = once(child, 'message', { signal: AbortSignal.timeout(START_MS) });
  try {
    await Promise.race([ready, ended.then((how) => Promise.reject(new Error(`${name} ended with ${how}`)))]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return { stop: () => stop(name, child, ended) };
}

async function stop(name: string, child: ChildProcess, ended: Promise<number | string>): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  if (child.connected) child.disconnect();
  const how = await ended;
  clearTimeout(timer);
  if (how !== 0) throw new Error(`${name} ended with ${how}`);
}
