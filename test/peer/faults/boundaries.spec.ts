// The stream is cut at every frame boundary of a whole life: connect, attach, send, receive, settle, close. Whatever frame is the last one
// to pass, nothing is lost, no promise stays open, and the client ends.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AmqpConnection, type ReceivedMessage } from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { JournallingPeer } from '../../support/journalling-peer.js';
import { Accounts, bodyOf } from './accounts.js';
import { isWhole } from './scale.js';

/** More than the frames that either side writes in this scenario on one connection. */
const LAST_FRAME = 24;
const MESSAGES = 5;
/** Silence has to be noticed on both sides first. */
const LIMIT = { timeoutMs: 30_000 };

let peer: JournallingPeer;
beforeAll(async () => {
  peer = await JournallingPeer.start({ idleMs: 1_000 });
});
afterAll(async () => peer.stop());

interface CutStream {
  readonly direction: 'up' | 'down';
  readonly how: 'reset' | 'finish' | 'blackhole';
  readonly inside: boolean;
}

const cuts: readonly CutStream[] = (['up', 'down'] as const).flatMap((direction) =>
  (['reset', 'finish', 'blackhole'] as const).flatMap((how) =>
    (isWhole ? [false, true] : [how === 'finish']).map((inside) => ({ direction, how, inside })),
  ),
);
const frames = Array.from({ length: LAST_FRAME }, (_, index) => index + 1);

/** How often the peer took each message of a queue. */
function copiesIn(queue: string): Map<string, number> {
  const copies = new Map<string, number>();
  for (const { message } of peer.accepted().filter((entry) => entry.queue === queue)) {
    const id = String(message.properties?.messageId);
    copies.set(id, (copies.get(id) ?? 0) + 1);
  }
  return copies;
}

async function live(connection: AmqpConnection, queue: string): Promise<void> {
  const accounts = new Accounts();
  await connection.open();
  const orders = connection.createSendClient(queue);
  const handle = (message: ReceivedMessage): void => accounts.end(accounts.begin(message));
  connection.createReceiveClient(queue).subscribe(handle, { concurrency: 2 });
  for (let index = 0; index < MESSAGES; index += 1) {
    const id = `${queue}-${index}`;
    accounts.follow(id, orders.send(bodyOf(id), { messageId: id }));
  }
  await eventually('every send has been told', () => accounts.unsettled === 0, LIMIT);
  const isDone = (): boolean => peer.accepted().every((entry) => entry.queue !== queue || entry.isDone);
  await eventually('everything is settled', isDone, LIMIT);
  expect(accounts.faults(copiesIn(queue))).toEqual([]);
  expect(accounts.count('ok')).toBe(MESSAGES);
}

/** One whole life of a connection whose stream is cut. */
async function cutAt({ direction, how, inside }: CutStream, atFrame: number): Promise<void> {
  const proxy = await FaultProxy.start(peer.port);
  proxy.cut({ direction, atFrame, inside, how });
  const connection = new AmqpConnection({
    uri: proxy.uri,
    connectTimeoutMs: 400,
    keepAlive: { idleTimeoutMs: 1_000 },
    reconnect: { initialDelayMs: 5, maxDelayMs: 20 },
  });
  try {
    await live(connection, `${direction}-${how}-${inside}-${atFrame}`);
    // The cut was made: no life has fewer frames.
    expect(proxy.accepted).toBeGreaterThanOrEqual(atFrame <= 12 ? 2 : 1);
  } finally {
    const start = performance.now();
    await connection.close({ timeoutMs: 1_000 });
    // Some twenty of them end at once.
    expect(performance.now() - start).toBeLessThan(3_000);
    await proxy.close();
  }
}

describe.each(cuts.filter(({ how }) => how !== 'blackhole'))(
  'a stream cut ($how, $direction, inside a frame: $inside)',
  (cut) => {
    it.each(frames)('at frame %i costs nothing', async (atFrame) => cutAt(cut, atFrame));
  },
);

// These wait for silence to be noticed, so they wait together.
describe.each(cuts.filter(({ how }) => how === 'blackhole'))(
  'a stream that goes nowhere ($direction, inside a frame: $inside)',
  (cut) => {
    // They all ask the journal at once: a short one, or asking takes the time that keep-alive needs.
    beforeAll(async () => {
      await peer.stop();
      peer = await JournallingPeer.start({ idleMs: 1_000 });
    });

    it('after any frame costs nothing', async () => {
      await Promise.all(frames.map(async (atFrame) => cutAt(cut, atFrame)));
    }, 60_000);
  },
);
