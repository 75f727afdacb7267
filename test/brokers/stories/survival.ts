// Brokers that die, restart, or lose a queue in use.

import { expect } from '@jest/globals';
import { AmqpConnection, type ReceivedMessage } from '../../../lib/client/index.js';
import { SeededRandom } from '../../fuzz/seeded-random.js';
import { NETWORK_FAULTS } from '../../peer/faults/network-faults.js';
import { seedOfRun } from '../../peer/faults/scale.js';
import { PREFETCH, Traffic } from '../../peer/faults/traffic.js';
import { eventually } from '../../support/eventually.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { drainQueue, withConnection, type Peer } from '../peer.js';
import type { Story } from '../story.js';

const TOTAL = 2_000;
const FAULTS = 3;
/** `SOAK_SECONDS=60 npm run test:brokers -- -t 'breaks at random'` takes longer. */
const BROKEN_MS = Number(process.env['SOAK_SECONDS'] ?? 10) * 1_000;

/** Sends and consumes while the peer goes away and comes back several times, then balances what was confirmed with what arrived. */
function underLoad(peer: Peer, fault: () => Promise<void>): Promise<string> {
  return withConnection(
    peer,
    async (connection) => {
      const queue = await peer.queue(connection, { kind: 'classic', outlivesKill: true });
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

/** Four senders and four consumers behind a network that breaks at random; every copy that is left over is looked at in the end. */
async function brokenNetwork(peer: Peer): Promise<string> {
  const seed = seedOfRun();
  const random = new SeededRandom(seed);
  const schedule: string[] = [];
  const proxy = await FaultProxy.start(Number(new URL(peer.uri).port));
  const connections: AmqpConnection[] = [];
  const connect = async (): Promise<AmqpConnection> => {
    const uri = new URL(peer.uri);
    uri.port = String(proxy.port);
    const connection = new AmqpConnection({
      uri: uri.href,
      connectTimeoutMs: 2_000,
      keepAlive: { idleTimeoutMs: 2_000 },
      reconnect: { initialDelayMs: 20, maxDelayMs: 200 },
      // A corrupt header looks like a peer without SASL, which is a refusal.
      refusedRetryMs: 100,
      logger: { log: () => undefined, warn: () => undefined, error: () => undefined },
    });
    connections.push(connection);
    await connection.open();
    return connection;
  };
  try {
    return await withConnection(peer, async (connection) => {
      const queue = await peer.queue(connection, { kind: 'classic', deadLetters: true });
      const traffic = await Traffic.start({ queue: queue.name, random, connect });
      const { accounts } = traffic;
      const end = performance.now() + BROKEN_MS;
      while (performance.now() < end) {
        const name = random.pick(Object.keys(NETWORK_FAULTS));
        schedule.push(name);
        await NETWORK_FAULTS[name]?.(proxy, random);
        await new Promise((resolve) => setTimeout(resolve, 300 + random.below(700)));
      }
      await proxy.pass();
      traffic.stop();
      await traffic.stopped();
      const left = (): string[] =>
        [...accounts.fates].filter(([id, fate]) => fate === 'ok' && !accounts.ended.has(id)).map(([id]) => id);
      await eventually('what was accepted is handled', () => left().length === 0, { timeoutMs: 20_000 }).catch(
        () => undefined, // it may be a dead letter: looked at below
      );
      await Promise.all(traffic.consumers.map(({ subscription }) => subscription.close()));
      // A peer may have delivered a message so often, with its connections lost, that it has given it up.
      for (const name of [queue.name, queue.deadLetterQueue]) {
        if (name !== undefined) for (const message of await drainQueue(connection, name)) accounts.begin(message);
      }
      const wrong = { faults: accounts.faults(undefined), unsettled: accounts.unsettled };
      expect({ seed, schedule, ...wrong }).toEqual({ seed, schedule, faults: [], unsettled: 0 });
      expect(traffic.mostInHand).toBeLessThanOrEqual(PREFETCH);
      expect(accounts.count('ok')).toBeGreaterThan(100);
      return 'yes';
    });
  } finally {
    await Promise.all(connections.map((connection) => connection.close({ timeoutMs: 2_000 })));
    await proxy.close();
  }
}

const ownProcess = (peer: Peer): string | undefined =>
  peer.crash === undefined ? 'runs in this process; test/peer/faults has the case' : undefined;

export const survival: readonly Story[] = [
  {
    title: 'a network that breaks at random, under load: nothing accepted is lost, every send ends',
    timeoutMs: BROKEN_MS + 110_000,
    run: brokenNetwork,
  },
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
