// Starting, stopping and finding the broker processes. Everything lives under .brokers, which git ignores.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = process.env.BROKERS_HOME ?? fileURLToPath(new URL('../../.brokers', import.meta.url));
export const TLS = join(ROOT, 'tls');
/** Added to every port, so that a second set of brokers, with a BROKERS_HOME of its own, can run beside the first. */
export const PORT_OFFSET = Number(process.env.BROKERS_PORT_OFFSET ?? 0);

/** Where one broker is installed and runs. */
export function folder(name, ...rest) {
  return join(ROOT, name, ...rest);
}

/** Whether `markInstalled` was called with this text last: another recipe is another installation. */
export function isInstalledAs(name, recipe) {
  const file = folder(name, 'installed');
  return existsSync(file) && readFileSync(file, 'utf8') === recipe;
}

export function markInstalled(name, recipe) {
  writeFileSync(folder(name, 'installed'), recipe);
}

/** Runs a command to its end; throws with what it printed. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (result.error) throw new Error(`${command}: ${result.error.message}`);
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** `undefined` when the command can be run, else why not. */
export function missing(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0 ? undefined : `${command} is not installed`;
}

export function portIsOpen(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (open) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.setTimeout(1_000, () => end(false));
  });
}

export async function untilPort(port, open, timeoutMs) {
  const until = Date.now() + timeoutMs;
  while (Date.now() < until) {
    if ((await portIsOpen(port)) === open) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

/** Starts a process of its own session with its output in `out.log`; remembers its pid. */
export function startDetached(name, command, args, options = {}) {
  mkdirSync(folder(name, 'run'), { recursive: true });
  const log = openSync(folder(name, 'run', 'out.log'), 'w');
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], ...options });
  child.unref();
  closeSync(log);
  if (child.pid !== undefined) writeFileSync(folder(name, 'run', 'pid'), String(child.pid));
  return child.pid;
}

export function pidOf(name) {
  const file = folder(name, 'run', 'pid');
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8'));
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    rmSync(file, { force: true }); // it died on its own
    return undefined;
  }
}

/** Whether the process that was started last has printed this text. */
export async function untilLogged(name, text, timeoutMs) {
  const until = Date.now() + timeoutMs;
  while (Date.now() < until) {
    if (readFileSync(folder(name, 'run', 'out.log'), 'utf8').includes(text)) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

/** Sends a signal and waits until the process is gone. */
export async function signalAndWait(name, signal, timeoutMs) {
  const pid = pidOf(name);
  if (pid === undefined) return;
  process.kill(pid, signal);
  const until = Date.now() + timeoutMs;
  while (pidOf(name) !== undefined) {
    if (Date.now() > until) throw new Error(`${name} (pid ${pid}) did not end within ${timeoutMs} ms of ${signal}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function lastLines(name, count = 20) {
  const file = folder(name, 'run', 'out.log');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-count).join('\n') : '';
}
