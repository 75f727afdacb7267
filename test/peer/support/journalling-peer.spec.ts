import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import rhea, { type Connection, type EventContext } from 'rhea';
import { JournallingPeer } from '../../support/journalling-peer.js';
import { eventually } from '../../support/eventually.js';

// A process is started, on a machine that may be busy.
jest.setTimeout(20_000);
const LIMIT = { timeoutMs: 10_000 };

let peer: JournallingPeer;
const connections: Connection[] = [];

beforeEach(async () => {
  // rhea, the client of these tests, does not know that the counters wrap.
  peer = await JournallingPeer.start({ firstId: 0 });
});
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  await peer.stop();
});

function connect(): Connection {
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port: peer.port, reconnect: false, username: 'anonymous' });
  for (const event of ['connection_error', 'disconnected', 'error', 'protocol_error'])
    connection.on(event, () => undefined);
  connections.push(connection);
  return connection;
}

/** Sends so many messages; the ids of those that were accepted, as they come. */
function send(from: number, count: number): string[] {
  const accepted: string[] = [];
  const ids = new Map<unknown, string>();
  const sender = connect().open_sender('orders');
  let next = from;
  sender.on('sendable', () => {
    while (sender.sendable() && next < from + count) {
      const id = `m${next}`;
      next += 1;
      ids.set(sender.send({ message_id: id, body: id }), id);
    }
  });
  sender.on('accepted', ({ delivery }: EventContext) => accepted.push(ids.get(delivery) ?? '?'));
  return accepted;
}

interface Seen {
  readonly id: unknown;
  readonly maySeenBefore: boolean;
}

function receive(act: (context: EventContext) => void, credit = 1_000): Seen[] {
  const seen: Seen[] = [];
  const receiver = connect().open_receiver({ source: 'orders', credit_window: 0, autoaccept: false });
  receiver.add_credit(credit);
  receiver.on('message', (context: EventContext) => {
    seen.push({ id: context.message?.message_id, maySeenBefore: context.message?.first_acquirer !== true });
    act(context);
  });
  return seen;
}

const accept = (context: EventContext): void => context.delivery?.accept();

describe('JournallingPeer', () => {
  it('has everything that it accepted, and has forgotten what was consumed, after a kill', async () => {
    const accepted = send(0, 900);
    await eventually('some are accepted', () => accepted.length > 20, LIMIT);
    await peer.kill();
    const journal = peer.accepted().map(({ message }) => message.properties?.messageId);
    expect(journal).toEqual(expect.arrayContaining(accepted));

    await peer.restart();
    const seen = receive(accept);
    await eventually('all are consumed', () => seen.length === journal.length, LIMIT);
    expect(seen.map(({ id }) => id)).toEqual(journal);
    expect(seen.some(({ maySeenBefore }) => maySeenBefore)).toBe(false);
    await eventually('the accepts', () => peer.accepted().every(({ isDone }) => isDone), LIMIT);

    await peer.kill();
    await peer.restart();
    expect(Object.values((await peer.stats()).ready)).toEqual([]);
  });

  it('delivers again what was not settled, in its old place, and says so', async () => {
    const accepted = send(0, 20);
    await eventually('all are accepted', () => accepted.length === 20, LIMIT);
    const contexts: EventContext[] = [];
    receive((context) => contexts.push(context), 12);
    await eventually('a window full', () => contexts.length === 12, LIMIT);
    const [, second, third] = contexts;
    second?.delivery?.accept();
    await eventually('the accept', () => peer.accepted()[1]?.isDone, LIMIT);
    // Not in the same turn: rhea would give both the outcome of the first.
    third?.delivery?.modified({ delivery_failed: true, undeliverable_here: false });
    await eventually('it is back', async () => (await peer.stats()).ready['orders'] === 20 - 12 + 1, LIMIT);
    await peer.kill();
    await peer.restart();

    const again = receive(accept);
    await eventually('the rest', () => again.length === 19, LIMIT);
    expect(again.map(({ id }) => id)).toEqual(accepted.filter((id) => id !== 'm1'));
    expect(again[0]).toEqual({ id: 'm0', maySeenBefore: true });
    expect(again.at(-1)).toEqual({ id: 'm19', maySeenBefore: false });
  });

  it('keeps what a consumer takes with it when it goes', async () => {
    const accepted = send(0, 5);
    await eventually('all are accepted', () => accepted.length === 5, LIMIT);
    const seen = receive(() => undefined);
    await eventually('a window full', () => seen.length === 5, LIMIT);
    connections.at(-1)?.close();
    await eventually('they are back', async () => (await peer.stats()).ready['orders'] === 5, LIMIT);
  });
});
