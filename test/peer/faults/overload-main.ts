// A process that sends more than its peer takes, and says what it holds: a test runner's process holds other suites, too.
// Run by overload.spec.ts with AMQP_URI, SENDS and LIMIT; the answer goes to the parent as an OverloadReport.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { AmqpConnection, SendError, SendQueueFullError } from '../../../lib/client/index.js';
import { collectGarbage } from '../../support/garbage.js';

export interface OverloadReport {
  /** What the library says is pending at the end, and the most it said. */
  readonly pending: number;
  readonly mostPending: number;
  /** How the sends ended: before `close()`, and after it. */
  readonly sent: Readonly<Record<Outcome, number>>;
  readonly closed: Readonly<Record<Outcome, number>>;
  /** Live bytes after the sends, less those before. */
  readonly heldBytes: number;
  /** In nine of ten measurements, at most: a machine that is busy stops this process now and then. */
  readonly lagMs: number;
  readonly closeMs: number;
}

type Outcome = 'full' | 'notSent' | 'other';

const BATCH = 1_000;

async function liveBytes(): Promise<number> {
  await collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function overload(uri: string, sends: number, limit: number): Promise<OverloadReport> {
  const connection = new AmqpConnection(uri);
  await connection.open();
  const client = connection.createSendClient('orders', { sendTimeoutMs: 60_000 });
  const counts: Record<Outcome, number> = { full: 0, notSent: 0, other: 0 };
  const count = (error: unknown): void => {
    if (error instanceof SendQueueFullError) counts.full += 1;
    else if (error instanceof SendError && error.delivered === 'no') counts.notSent += 1;
    else counts.other += 1;
  };
  const sending: Promise<void>[] = [];
  const before = await liveBytes();
  const lag = monitorEventLoopDelay({ resolution: 5 });
  lag.enable();
  let mostPending = 0;
  for (let sent = 0; sent < sends; sent += BATCH) {
    for (let index = 0; index < BATCH; index += 1) {
      const one = client.send({ n: sent + index }).then(() => undefined, count);
      if (sent + index < limit) sending.push(one);
    }
    // oxlint-disable-next-line no-await-in-loop -- as a service would: a turn of the event loop between bursts
    await new Promise((resolve) => setImmediate(resolve));
    if (sent % 10_000 === 0) mostPending = Math.max(mostPending, client.pendingMessages.length);
  }
  lag.disable();
  const heldBytes = (await liveBytes()) - before;
  const pending = client.pendingMessages.length;
  const sent = { ...counts };
  const start = performance.now();
  await client.close({ timeoutMs: 200 });
  await Promise.all(sending);
  const closeMs = performance.now() - start;
  await connection.close({ timeoutMs: 1_000 });
  return { pending, mostPending, sent, closed: counts, heldBytes, lagMs: lag.percentile(90) / 1e6, closeMs };
}

const { AMQP_URI = '', SENDS, LIMIT } = process.env;
process.send?.(await overload(AMQP_URI, Number(SENDS), Number(LIMIT)));
process.disconnect();
