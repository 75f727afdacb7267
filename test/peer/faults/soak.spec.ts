// Senders and consumers under a random schedule of faults, for so many seconds: `npm run soak -- --seconds N`. The seed is printed with every
// failure, and repeats the schedule; the books must balance in the end.

import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection, type ReceivedMessage, type Subscription } from '../../../lib/client/index.js';
import { SeededRandom } from '../../fuzz/seeded-random.js';
import { eventually } from '../../support/eventually.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { JournallingPeer } from '../../support/journalling-peer.js';
import { Accounts, bodyOf } from './accounts.js';
import { seedOfRun, soakSeconds } from './scale.js';

const SENDERS = 4;
const CONSUMERS = 4;
const PREFETCH = 20;
const IN_FLIGHT = 10;

const sleep = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** One fault, from its beginning to its end. */
type Fault = (world: { proxy: FaultProxy; peer: JournallingPeer; random: SeededRandom }) => Promise<void>;

const faults: Record<string, Fault> = {
  reset: async ({ proxy }) => proxy.reset(),
  'end to the client': async ({ proxy }) => proxy.finish('client'),
  'end to the server': async ({ proxy }) => proxy.finish('server'),
  'black hole': async ({ proxy, random }) => {
    proxy.blackhole(random.pick(['up', 'down', 'both'] as const));
    await sleep(200 + random.below(1_500));
    proxy.reset();
    await proxy.pass();
  },
  stall: async ({ proxy, random }) => {
    proxy.stall(random.pick(['up', 'down', 'both'] as const));
    await sleep(random.below(800));
    await proxy.pass();
  },
  latency: async ({ proxy, random }) => {
    proxy.latency(random.below(30), { jitterMs: random.below(20) });
    await sleep(random.below(500));
    await proxy.pass();
  },
  slices: async ({ proxy, random }) => {
    proxy.slice(1 + random.below(60));
    await sleep(random.below(300));
    await proxy.pass();
  },
  'a cut inside a frame': async ({ proxy, random }) => {
    proxy.cut({ direction: random.pick(['up', 'down'] as const), afterBytes: 1 + random.below(40_000) });
    await sleep(random.below(300));
  },
  'a corrupt byte': async ({ proxy, random }) => {
    // In the frame headers of a connection's beginning: what is corrupt inside a body cannot be told from what was sent.
    proxy.corrupt(random.pick(['up', 'down'] as const), random.below(16), 1 + random.below(255));
    proxy.reset();
    await sleep(random.below(200));
    await proxy.pass();
  },
  refusal: async ({ proxy, random }) => {
    await proxy.refuse();
    proxy.reset();
    await sleep(random.below(300));
    await proxy.pass();
  },
  'accept and close': async ({ proxy, random }) => {
    proxy.acceptThenClose();
    proxy.reset();
    await sleep(random.below(300));
    await proxy.pass();
  },
  kill: async ({ peer, random }) => {
    await peer.kill();
    await sleep(random.below(200));
    await peer.restart();
  },
  freeze: async ({ peer, random }) => {
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
      const accounts = new Accounts();
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

      const consumers: { connection: AmqpConnection; subscription: Subscription }[] = [];
      let mostInHand = 0;
      for (let index = 0; index < CONSUMERS; index += 1) {
        const handle = async (message: ReceivedMessage): Promise<void> => {
          const id = accounts.begin(message);
          mostInHand = Math.max(mostInHand, subscription.inHand);
          await sleep(random.below(4));
          accounts.end(id);
        };
        const connection = await connect();
        const client = connection.createReceiveClient('orders');
        const subscription = client.subscribe(handle, { concurrency: 5, prefetch: PREFETCH });
        consumers.push({ connection, subscription });
      }

      const life = { isOver: false };
      const senders = Array.from({ length: SENDERS }, async (_, index) => {
        const mode = index % 2 === 0 ? ('retry' as const) : ('fail' as const);
        const client = (await connect()).createSendClient('orders', { onConnectionLost: mode, sendTimeoutMs: 20_000 });
        let next = 0;
        const worker = async (): Promise<void> => {
          while (!life.isOver) {
            const id = `s${index}-${next}`;
            next += 1;
            const sending = client.send(bodyOf(id), { messageId: id });
            accounts.follow(id, sending);
            await sending.catch(() => undefined); // the accounts know
            await sleep(random.below(3));
          }
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
      });

      const end = performance.now() + soakSeconds() * 1_000;
      try {
        while (performance.now() < end) {
          const name = random.pick(Object.keys(faults));
          schedule.push(name);
          await faults[name]?.({ proxy, peer, random });
          await sleep(20 + random.below(300));
        }
        await proxy.pass();
      } finally {
        life.isOver = true;
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
      await Promise.all(senders);
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
      expect(mostInHand).toBeLessThanOrEqual(PREFETCH);
      expect(accounts.attempted.size).toBeGreaterThan(100);
    },
    (soakSeconds() + 90) * 1_000,
  );
});
