// More than the peer takes, and verdicts that come in no order.

import { createHash } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection, ErrorPolicy, SendError, SendQueueFullError } from '../../../lib/client/index.js';
import { collectGarbage } from '../../support/garbage.js';
import { SeededRandom } from '../../fuzz/seeded-random.js';
import {
  ScriptedPeer,
  decodeMessage,
  type PeerScript,
  type ReceivedDelivery,
  type WireState,
} from '../../support/scripted-peer.js';
import { isWhole, seedOfRun } from './scale.js';

const SENDS = isWhole ? 1_000_000 : 100_000;
const BATCH = 1_000;
const LIMIT = 10_000;

async function heldBytes(): Promise<number> {
  await collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function connect(script: PeerScript): Promise<{ peer: ScriptedPeer; connection: AmqpConnection }> {
  const peer = await ScriptedPeer.listen(script);
  cleanUps.push(async () => peer.close());
  const connection = new AmqpConnection(peer.uri);
  cleanUps.push(async () => connection.close({ timeoutMs: 1_000 }));
  await connection.open();
  return { peer, connection };
}

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a peer that gives no credit', () => {
  it('holds no more than the queue, whatever is sent, and the loop goes on', async () => {
    const { peer, connection } = await connect({ credit: 0 });
    const client = connection.createSendClient('orders', { sendTimeoutMs: 60_000 });
    const counts = { full: 0, closed: 0, other: 0 };
    const count = (error: unknown): void => {
      if (error instanceof SendQueueFullError) counts.full += 1;
      else if (error instanceof SendError && error.delivered === 'no') counts.closed += 1;
      else counts.other += 1;
    };
    const sending: Promise<void>[] = [];
    const before = await heldBytes();
    const lag = monitorEventLoopDelay({ resolution: 5 });
    lag.enable();
    let mostPending = 0;
    for (let sent = 0; sent < SENDS; sent += BATCH) {
      for (let index = 0; index < BATCH; index += 1) {
        const one = client.send({ n: sent + index }).then(() => undefined, count);
        if (sent + index < LIMIT) sending.push(one);
      }
      await turn();
      mostPending = Math.max(mostPending, sent === 0 || sent > SENDS - 2 * BATCH ? client.pendingMessages.length : 0);
    }
    lag.disable();

    expect(mostPending).toBe(LIMIT);
    expect(counts).toEqual({ full: SENDS - LIMIT, closed: 0, other: 0 });
    expect((await heldBytes()) - before).toBeLessThan(50 * 1_048_576);
    expect(lag.percentile(99) / 1e6).toBeLessThan(400);
    await peer.nextLink('sender');
    expect(peer.deliveries).toEqual([]);

    const start = performance.now();
    await client.close({ timeoutMs: 200 });
    await Promise.all(sending);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(counts).toEqual({ full: SENDS - LIMIT, closed: LIMIT, other: 0 });
  }, 120_000);
});

describe('verdicts', () => {
  /** What the peer thinks of a message follows from its id. */
  function verdictOn(id: string): WireState {
    const digest = createHash('md5').update(id).digest();
    const choices: readonly WireState[] = [
      { kind: 'accepted' },
      { kind: 'rejected', error: { kind: 'error', condition: `test:${id}` } },
      { kind: 'released' },
      { kind: 'modified', deliveryFailed: true, undeliverableHere: true },
      { kind: 'modified', deliveryFailed: false },
    ];
    return choices[(digest[0] ?? 0) % choices.length] ?? { kind: 'accepted' };
  }

  it.each([
    ['in no order', 1],
    ['twice', 2],
  ])('that come %s reach each its own send', async (_how, times) => {
    const seed = seedOfRun();
    const random = new SeededRandom(seed);
    const waiting: ReceivedDelivery[] = [];
    const idOf = ({ payload }: ReceivedDelivery): string => String(decodeMessage(payload).properties?.messageId);
    const settleSome = (): void => {
      const chosen = waiting.splice(random.below(waiting.length), 1);
      for (const delivery of chosen) {
        for (let time = 0; time < times; time += 1) {
          delivery.link.session.dispose({ first: delivery.deliveryId }, verdictOn(idOf(delivery)));
        }
      }
    };
    const { peer, connection } = await connect({
      verdict: (delivery) => {
        waiting.push(delivery);
        if (waiting.length > 20) settleSome();
        return undefined;
      },
    });
    const client = connection.createSendClient('orders', { errorPolicy: new ErrorPolicy({ maxRetries: 0 }) });
    const told = Array.from({ length: 500 }, async (_, index) => {
      const id = `m${index}`;
      const kind = await client.send({ id }, { messageId: id, mandatory: true }).then(
        () => 'accepted',
        (error: unknown) => (error instanceof SendError ? error.outcome : error),
      );
      return [id, kind] as const;
    });
    await peer.until('everything is there', () => peer.deliveries.length === 500);
    while (waiting.length > 0) settleSome();

    for (const [id, outcome] of await Promise.all(told)) {
      const due = verdictOn(id);
      if (due.kind === 'accepted') expect([seed, id, outcome]).toEqual([seed, id, 'accepted']);
      else expect([seed, id, outcome]).toEqual([seed, id, expect.objectContaining({ kind: due.kind })]);
      if (due.kind === 'rejected') expect(outcome).toMatchObject({ condition: `test:${id}` });
    }
    expect(peer.violations).toEqual([]);
  });
});
