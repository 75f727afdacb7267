// More than the peer takes, and verdicts that come in no order.

import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection, ErrorPolicy, SendError } from '../../../lib/client/index.js';
import { SeededRandom } from '../../fuzz/seeded-random.js';
import {
  ScriptedPeer,
  decodeMessage,
  type PeerScript,
  type ReceivedDelivery,
  type WireState,
} from '../../support/scripted-peer.js';
import type { OverloadReport } from './overload-main.js';
import { isWhole, seedOfRun } from './scale.js';

const SENDS = isWhole ? 1_000_000 : 100_000;
const LIMIT = 10_000;
/** 2 KiB for each message that waits; as many again for what is compiled meanwhile. */
const MOST_HELD_BYTES = 2 * LIMIT * 2_048;

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

/** Sends from a process of its own, whose memory and event loop no other suite uses. */
async function overload(uri: string): Promise<OverloadReport> {
  const register = new URL('../../support/ts-register.mjs', import.meta.url).href;
  const main = fileURLToPath(new URL('./overload-main.ts', import.meta.url));
  const env = { ...process.env, AMQP_URI: uri, SENDS: String(SENDS), LIMIT: String(LIMIT) };
  const child = fork(main, [], { execArgv: ['--no-warnings', '--import', register], env });
  cleanUps.push(async () => Promise.resolve(child.kill('SIGKILL')));
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the sending process ended with ${String(code)} before its report`);
  });
  exited.catch(() => undefined); // Only of interest until it has reported.
  const [report] = await Promise.race([once(child, 'message') as Promise<[OverloadReport]>, exited]);
  return report;
}

describe('a peer that gives no credit', () => {
  it('holds no more than the queue, whatever is sent, and the loop goes on', async () => {
    const peer = await ScriptedPeer.listen({ credit: 0 });
    cleanUps.push(async () => peer.close());
    // Its process has to be started first.
    const attached = peer.nextLink('sender', { timeoutMs: 60_000 });

    const report = await overload(peer.uri);

    expect([report.pending, report.mostPending]).toEqual([LIMIT, LIMIT]);
    expect(report.sent).toEqual({ full: SENDS - LIMIT, notSent: 0, other: 0 });
    expect(report.heldBytes).toBeLessThan(MOST_HELD_BYTES);
    expect(report.lagMs).toBeLessThan(400);
    await attached;
    expect(peer.deliveries).toEqual([]);
    expect(report.closed).toEqual({ full: SENDS - LIMIT, notSent: LIMIT, other: 0 });
    expect(report.closeMs).toBeLessThan(5_000);
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
