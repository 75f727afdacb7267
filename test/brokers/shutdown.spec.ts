// SIGTERM while fifty handlers run, with the broker alive, dead and hung.

import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BROKERS } from '../../scripts/brokers/catalogue.mjs';
import { pidOf, signalAndWait } from '../../scripts/brokers/processes.mjs';
import { drainQueue, realPeers, withConnection, type Peer } from './peer.js';

const APP = fileURLToPath(new URL('./shutdown/app.mjs', import.meta.url));
const BUILT = new URL('../../dist/esm/index.js', import.meta.url);
const TOTAL = 100;
const AT_WORK = 50;
const HANDLER_MS = 1_500;
const SHUTDOWN_MS = 5_000;

const { up } = await realPeers();
const broker = BROKERS.find((one) => one.name === 'rabbitmq-4');
const peer = up.find((one) => one.name === 'rabbitmq-4');
const on = peer === undefined ? describe.skip : describe;

interface Run {
  readonly exitCode: number | null;
  readonly exitMs: number;
  readonly written: Set<number>;
  readonly afterClose: number;
  readonly databaseClosed: boolean;
}

let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

/** Starts the service, waits until fifty handlers run, does `before`, sends SIGTERM and waits for the end. */
async function terminated(uri: string, queue: string, before: () => Promise<void>): Promise<Run> {
  const env = {
    ...process.env,
    AMQP_URI: uri,
    QUEUE: queue,
    HANDLER_MS: String(HANDLER_MS),
    SHUTDOWN_MS: String(SHUTDOWN_MS),
  };
  const service = spawn(process.execPath, [APP], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  child = service;
  const written = new Set<number>();
  let afterClose = 0;
  let started = 0;
  let databaseClosed = false;
  const atWork = new Promise<void>((resolve) => {
    createInterface({ input: service.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      // true: the service writes nothing else that starts so
      const { what, number } = JSON.parse(line) as { what: string; number: number };
      if (what === 'started' && ++started === AT_WORK) resolve();
      if (what === 'written') written.add(number);
      if (what === 'written-after-close') afterClose += 1;
      if (what === 'database-closed') databaseClosed = true;
    });
  });
  await atWork;
  await before();
  const at = performance.now();
  const ended = once(service, 'close');
  service.kill('SIGTERM');
  await ended;
  return { exitCode: service.exitCode, exitMs: performance.now() - at, written, afterClose, databaseClosed };
}

async function filledQueue(target: Peer): Promise<string> {
  return withConnection(target, async (connection) => {
    const { name } = await target.queue(connection, { kind: 'classic', outlivesKill: true });
    const numbers = Array.from({ length: TOTAL }, (_, number) => ({ number }));
    const results = await connection.createSendClient(name).sendBatch(numbers);
    expect(results.every((result) => result.ok)).toBe(true);
    return name;
  });
}

/** What the broker still has, by number. */
function left(target: Peer, queue: string): Promise<number[]> {
  return withConnection(target, async (connection) =>
    // true: only such bodies were sent to this queue
    (await drainQueue(connection, queue)).map((message) => (message.body as { number: number }).number),
  );
}

on('SIGTERM with fifty handlers at work', () => {
  const target = (): Peer => {
    if (peer === undefined) throw new Error('RabbitMQ 4 is not up');
    return peer;
  };

  beforeAll(() => {
    if (!existsSync(BUILT)) throw new Error('dist/ is missing: npm run build');
  });

  it('handles what runs, accepts exactly that, gives the rest back, and ends in time', async () => {
    const queue = await filledQueue(target());
    const run = await terminated(target().uri, queue, () => Promise.resolve());
    expect(run).toMatchObject({ afterClose: 0, databaseClosed: true });
    expect(run.exitMs).toBeLessThan(SHUTDOWN_MS + 2_000);
    const rest = await left(target(), queue);
    expect(rest.filter((number) => run.written.has(number))).toEqual([]);
    expect(rest.length + run.written.size).toBe(TOTAL);
    expect(run.written.size).toBeGreaterThanOrEqual(AT_WORK);
  }, 60_000);

  it('ends in time when the broker was killed, and everything unaccepted is still there', async () => {
    const queue = await filledQueue(target());
    const run = await terminated(target().uri, queue, () => signalAndWait('rabbitmq-4', 'SIGKILL', 10_000));
    await broker?.start();
    expect(run).toMatchObject({ afterClose: 0, databaseClosed: true });
    expect(run.exitMs).toBeLessThan(SHUTDOWN_MS + 2_000);
    const everywhere = new Set([...(await left(target(), queue)), ...run.written]);
    expect(everywhere.size).toBe(TOTAL);
  }, 90_000);

  it('ends in time when the broker hangs, and everything unaccepted is still there', async () => {
    const queue = await filledQueue(target());
    const pid = pidOf('rabbitmq-4');
    if (pid === undefined) throw new Error('the broker was not started by npm run brokers');
    const run = await terminated(target().uri, queue, () => {
      process.kill(pid, 'SIGSTOP');
      return Promise.resolve();
    }).finally(() => process.kill(pid, 'SIGCONT'));
    expect(run).toMatchObject({ afterClose: 0, databaseClosed: true });
    expect(run.exitMs).toBeLessThan(SHUTDOWN_MS + 2_000);
    const everywhere = new Set([...(await left(target(), queue)), ...run.written]);
    expect(everywhere.size).toBe(TOTAL);
  }, 90_000);
});
