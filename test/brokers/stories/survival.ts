// Brokers that die, restart, or lose a queue in use.

import { expect } from '@jest/globals';
import type { ReceivedMessage } from '../../../lib/client/index.js';
import { drainQueue, withConnection, type Peer } from '../peer.js';
import type { Story } from '../story.js';

const TOTAL = 2_000;
const FAULTS = 3;

/** Sends and consumes while the peer goes away and comes back several times, then balances what was confirmed with what arrived. */
function underLoad(peer: Peer, fault: () => Promise<void>): Promise<string> {
  return withConnection(
    peer,
    async (connection) => {
      const queue = await peer.queue(connection, { kind: 'classic' });
      const arrived = new Map<unknown, ReceivedMessage[]>();
      const consumer = connection.createReceiveClient(queue.name).subscribe(
        async (message) => {
          await new Promise(setImmediate);
          const body = (message.body as { n: number }).n;
          arrived.set(body, [...(arrived.get(body) ?? []), message]);
        },
        { prefetch: 50 },
      );
      const client = connection.createSendClient(queue.name, { sendTimeoutMs: 120_000, maxPendingMessages: TOTAL });
      const failures = new Map<string, number>();
      const failed = (error: unknown): undefined => {
        const why = error instanceof Error ? error.message : String(error);
        failures.set(why, (failures.get(why) ?? 0) + 1);
      };
      const outcomes: Promise<number | undefined>[] = [];
      const step = Math.ceil(TOTAL / (FAULTS + 1));
      for (let n = 0; n < TOTAL; n += 1) {
        const number = n;
        outcomes.push(client.send({ n }).then(() => number, failed));
        if (n % step === step - 1 && n < TOTAL - 1) {
          await new Promise(setImmediate);
          await fault();
        }
      }
      const confirmed = (await Promise.all(outcomes)).filter((n) => n !== undefined);
      expect([...failures]).toEqual([]);
      expect(confirmed).toHaveLength(TOTAL);
      while (arrived.size < TOTAL) {
        const before = arrived.size;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        if (arrived.size === before && consumer.inHand === 0) break;
      }
      await consumer.close();
      for (const message of await drainQueue(connection, queue.name))
        arrived.set((message.body as { n: number }).n, [message]);
      const lost = confirmed.filter((n) => !arrived.has(n));
      expect(lost).toEqual([]);
      for (const copies of arrived.values()) {
        const ids = new Set(copies.map((copy) => String(copy.properties?.messageId)));
        expect(ids.size).toBe(1);
      }
      return 'yes';
    },
    { reconnect: { initialDelayMs: 50, maxDelayMs: 500 } },
  );
}

const ownProcess = (peer: Peer): string | undefined =>
  peer.crash === undefined ? 'runs in this process; test/peer/faults has the case' : undefined;

export const survival: readonly Story[] = [
  {
    title: `SIGKILL ${FAULTS} times under ${TOTAL} messages: nothing confirmed is lost`,
    timeoutMs: 240_000,
    skip: ownProcess,
    run: (peer) => underLoad(peer, peer.crash ?? (() => Promise.resolve())),
  },
  {
    title: `a clean restart ${FAULTS} times under ${TOTAL} messages: nothing confirmed is lost`,
    timeoutMs: 240_000,
    skip: ownProcess,
    run: (peer) => underLoad(peer, peer.restart ?? (() => Promise.resolve())),
  },
];
