import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection, type ReceivedMessage } from '../../../lib/client/index.js';
import { SeededRandom } from '../../fuzz/seeded-random.js';
import { eventually } from '../../support/eventually.js';
import { JournallingPeer } from '../../support/journalling-peer.js';
import { Accounts, bodyOf } from './accounts.js';
import { isWhole, seedOfRun } from './scale.js';

const KILLS = isWhole ? 20 : 5;
const MESSAGES_PER_KILL = 300;
const IN_FLIGHT = 50;

let peer: JournallingPeer;
let connections: AmqpConnection[];

beforeEach(async () => {
  peer = await JournallingPeer.start();
  connections = [];
});

afterEach(async () => {
  await Promise.all(connections.map(async (connection) => connection.close({ timeoutMs: 1_000 })));
  await peer.stop();
});

async function connect(): Promise<AmqpConnection> {
  const connection = new AmqpConnection({
    uri: peer.uri,
    reconnect: { initialDelayMs: 5, maxDelayMs: 50 },
  });
  connections.push(connection);
  await connection.open();
  return connection;
}

/** Kills the peer and starts it again, so many times, whenever the next share of the sends is through. */
async function killAgainAndAgain(accounts: Accounts, total: number, random: SeededRandom): Promise<void> {
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const due = Math.floor((total * kill) / (KILLS + 1));
    await eventually(`${due} sends are settled`, () => accounts.fates.size >= due, { timeoutMs: 20_000 });
    // Not always at the same place of a turn.
    await new Promise((resolve) => setTimeout(resolve, random.below(10)));
    await peer.kill();
    const acceptedUnhandled = peer
      .accepted()
      .filter(({ isDone }) => isDone)
      .map(({ message }) => String(message.properties?.messageId))
      .filter((id) => !accounts.ended.has(id));
    expect(acceptedUnhandled).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    await peer.restart();
  }
}

/** How often the peer took each id. */
function copies(): Map<string, number> {
  const taken = new Map<string, number>();
  for (const { message } of peer.accepted()) {
    const id = String(message.properties?.messageId);
    taken.set(id, (taken.get(id) ?? 0) + 1);
  }
  return taken;
}

describe('a peer that is killed again and again', () => {
  it.each(['retry', 'fail'] as const)(
    'costs nothing that was accepted, and leaves no promise open (onConnectionLost: %s)',
    async (onConnectionLost) => {
      const seed = seedOfRun();
      const random = new SeededRandom(seed);
      const total = KILLS * MESSAGES_PER_KILL;
      const accounts = new Accounts();

      const consumer = (await connect()).createReceiveClient('orders');
      const handle = async (message: ReceivedMessage): Promise<void> => {
        const id = accounts.begin(message);
        await new Promise((resolve) => setTimeout(resolve, random.below(3)));
        accounts.end(id);
      };
      consumer.subscribe(handle, { concurrency: 8, prefetch: 40 });

      const orders = (await connect()).createSendClient('orders', { onConnectionLost, sendTimeoutMs: 10_000 });
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < total) {
          const id = `m${next}`;
          next += 1;
          const sending = orders.send(bodyOf(id), { messageId: id });
          accounts.follow(id, sending);
          await sending.catch(() => undefined); // the accounts know
        }
      };
      const killing = killAgainAndAgain(accounts, total, random).catch((error: unknown) => {
        next = total;
        throw error;
      });
      await Promise.all([killing, ...Array.from({ length: IN_FLIGHT }, worker)]);

      await eventually('the queue is empty', async () => peer.isEmpty(), { timeoutMs: 20_000 });
      expect({ seed, faults: accounts.faults(copies()) }).toEqual({ seed, faults: [] });
      expect(peer.kills).toBe(KILLS);
      if (onConnectionLost === 'retry') expect(accounts.count('ok')).toBe(total);
      const more = [...copies().values()].reduce((sum, count) => sum + count - 1, 0);
      expect(more).toBeLessThanOrEqual(IN_FLIGHT * KILLS);
    },
    isWhole ? 240_000 : 60_000,
  );
});
