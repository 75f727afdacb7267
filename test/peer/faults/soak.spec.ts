// Senders and consumers under a random schedule of faults, for so many seconds: `npm run soak -- --seconds N`. The seed is printed with every
// failure, and repeats the schedule; the books must balance in the end.

import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection } from '../../../lib/client/index.js';
import { SeededRandom } from '../../fuzz/seeded-random.js';
import { eventually } from '../../support/eventually.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { JournallingPeer } from '../../support/journalling-peer.js';
import { NETWORK_FAULTS, sleep } from './network-faults.js';
import { seedOfRun, soakSeconds } from './scale.js';
import { PREFETCH, Traffic } from './traffic.js';

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** What happens to the peer itself. */
const PEER_FAULTS: Readonly<Record<string, (peer: JournallingPeer, random: SeededRandom) => Promise<void>>> = {
  kill: async (peer, random) => {
    await peer.kill();
    await sleep(random.below(200));
    await peer.restart();
  },
  freeze: async (peer, random) => {
    peer.freeze();
    await sleep(random.below(1_500));
    peer.thaw();
  },
};

describe('under faults that come at random', () => {
  it(
    'nothing is lost, nothing is unexpected, and every promise settles',
    async () => {
      const seed = seedOfRun();
      const random = new SeededRandom(seed);
      const schedule: string[] = [];
      const peer = await JournallingPeer.start({ idleMs: 1_000 });
      cleanUps.push(async () => peer.stop());
      const proxy = await FaultProxy.start(peer.port);
      cleanUps.push(async () => proxy.close());
      const lastCause = new Map<AmqpConnection, string>();
      const connect = async (): Promise<AmqpConnection> => {
        const connection = new AmqpConnection({
          uri: proxy.uri,
          connectTimeoutMs: 500,
          keepAlive: { idleTimeoutMs: 1_000 },
          reconnect: { initialDelayMs: 5, maxDelayMs: 50 },
          // A corrupt header looks like a peer without SASL, which is a refusal.
          refusedRetryMs: 50,
        });
        cleanUps.push(async () => connection.close({ timeoutMs: 1_000 }));
        connection.on('status', ({ cause }) => {
          if (cause !== undefined) lastCause.set(connection, cause.message);
        });
        await connection.open();
        return connection;
      };

      const traffic = await Traffic.start({ queue: 'orders', random, connect });
      const { accounts, consumers } = traffic;
      const end = performance.now() + soakSeconds() * 1_000;
      try {
        while (performance.now() < end) {
          const name = random.pick([...Object.keys(NETWORK_FAULTS), ...Object.keys(PEER_FAULTS)]);
          schedule.push(name);
          await NETWORK_FAULTS[name]?.(proxy, random);
          await PEER_FAULTS[name]?.(peer, random);
          await sleep(20 + random.below(300));
        }
        await proxy.pass();
      } finally {
        traffic.stop();
      }
      const tell = async (): Promise<string> => {
        const undone = peer.accepted().filter(({ isDone }) => !isDone);
        return JSON.stringify({
          seed,
          schedule,
          unsettledSends: accounts.unsettled,
          undone: undone.slice(0, 5).map(({ id, deliveries }) => ({ id, deliveries })),
          undoneCount: undone.length,
          peer: await peer.stats(),
          consumers: consumers.map(({ connection, subscription }) => ({
            status: connection.status,
            state: subscription.state,
            inHand: subscription.inHand,
            cause: lastCause.get(connection),
          })),
        });
      };
      const settle = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
        try {
          await eventually(what, isSo, { timeoutMs: 12_000 });
        } catch (cause) {
          throw new Error(`${String(cause)}: ${await tell()}`, { cause });
        }
      };
      await settle('every send is settled', () => accounts.unsettled === 0);
      await traffic.stopped();
      await settle('the queue is empty', async () => peer.isEmpty());

      const copies = new Map<string, number>();
      const acceptedUnhandled: string[] = [];
      for (const { message, isDone } of peer.accepted()) {
        const id = String(message.properties?.messageId);
        copies.set(id, (copies.get(id) ?? 0) + 1);
        if (isDone && !accounts.ended.has(id)) acceptedUnhandled.push(id);
      }
      const report = { seed, schedule, faults: accounts.faults(copies), acceptedUnhandled };
      expect(report).toEqual({ seed, schedule, faults: [], acceptedUnhandled: [] });
      expect(traffic.mostInHand).toBeLessThanOrEqual(PREFETCH);
      expect(accounts.attempted.size).toBeGreaterThan(100);
    },
    (soakSeconds() + 90) * 1_000,
  );
});
