import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from '@jest/globals';

import { EmbeddedBroker } from '../../lib/broker/index.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { LATE_MS } from '../support/time.js';

const REGISTER = new URL('../support/ts-register.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('./exit-main.ts', import.meta.url));
/** shutdownTimeoutMs of the service, two seconds, and what a busy machine adds. */
const MOST_MS = 300 + 2_000 + LATE_MS;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Starts the service, breaks its broker while a handler runs, tells it to end; how and when it did. */
async function ended(
  fault: (proxy: FaultProxy) => unknown,
  signal: NodeJS.Signals,
): Promise<{ code: unknown; by: unknown; ms: number }> {
  const broker = await EmbeddedBroker.start({ queues: ['orders'] });
  cleanUps.push(() => broker.stop());
  const proxy = await FaultProxy.start(broker.port ?? 0);
  cleanUps.push(() => proxy.close());
  broker.queue('orders').publish(1);
  const env = { ...process.env, AMQP_URI: proxy.uri };
  const service = spawn(process.execPath, ['--no-warnings', '--import', REGISTER, MAIN], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanUps.push(() => service.kill('SIGKILL'));
  const exit = once(service, 'exit');
  await Promise.race([once(service.stdout, 'data'), exit]);
  await fault(proxy);
  const startedAt = performance.now();
  service.kill(signal);
  const [code, by] = (await exit) as [unknown, unknown];
  return { code, by, ms: performance.now() - startedAt };
}

describe('a process whose handler hangs', () => {
  it.each<[string, (proxy: FaultProxy) => unknown]>([
    ['is there', () => undefined],
    ['is gone', (proxy) => proxy.close()],
    ['hangs', (proxy) => proxy.blackhole()],
  ])(
    'ends in time, by SIGTERM or with exit code 0 after close(), when its broker %s',
    async (_what, fault) => {
      const [told, closed] = await Promise.all([ended(fault, 'SIGTERM'), ended(fault, 'SIGUSR2')]);
      expect([told.code, told.by]).toEqual([null, 'SIGTERM']);
      expect([closed.code, closed.by]).toEqual([0, null]);
      expect(Math.max(told.ms, closed.ms)).toBeLessThan(MOST_MS);
    },
    20_000,
  );
});
