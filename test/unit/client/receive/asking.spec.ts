import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ClientClosedError } from '../../../../lib/client/errors.js';
import type { ReceivedMessage } from '../../../../lib/client/message/received-message.js';
import { messagesOf } from '../../../../lib/client/receive/messages-of.js';
import { ReceiveClient } from '../../../../lib/client/receive/receive-client.js';
import {
  resolveReceiveClientOptions,
  type ReceiveClientOptions,
} from '../../../../lib/client/receive/receive-client-options.js';
import { ConnectionError, InvalidOptionsError, LinkError } from '../../../../lib/protocol/index.js';
import { fakeContext, settle, type FakeContext, type FakeReceiverLink } from '../../../support/client/fake-links.js';

interface Made extends FakeContext {
  readonly client: ReceiveClient;
  readonly link: FakeReceiverLink;
}

const clients: ReceiveClient[] = [];

async function attached(options: ReceiveClientOptions = {}): Promise<Made> {
  const fake = fakeContext();
  const client = new ReceiveClient(fake.context, 'orders', resolveReceiveClientOptions(options));
  clients.push(client);
  await client.attach();
  return { ...fake, client, link: fake.links.receiver };
}

/** The peer answers the drain that is under way, after it sent these. */
function answer(link: FakeReceiverLink, ...bodies: unknown[]): void {
  for (const body of bodies) link.deliverJson(body);
  link.drains.shift()?.();
}

const bodies = (messages: readonly ReceivedMessage[]): unknown[] => messages.map(({ body }) => body);

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] }));
afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 0 })));
});

describe('with prefetch 0', () => {
  it('nothing is asked for ahead, and a batch asks for as many as it is to hold', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    await settle();
    expect(link.credit).toBe(0);
    const received = client.receiveBatch({ maxMessages: 3, waitMs: 60_000 });
    await settle();
    expect(link.credit).toBe(3);
    for (const n of [1, 2, 3]) link.deliverJson(n);
    expect(bodies(await received)).toEqual([1, 2, 3]);
    await settle();
    // none of them is settled, and none was taken for it
    expect([link.credit, link.inHand]).toEqual([0, 3]);
  });

  it('the credit that was not used goes back with the end of the call, and what comes meanwhile belongs to it', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    link.answersDrain = false;
    const received = client.receiveBatch({ maxMessages: 5, waitMs: 1_000 });
    await settle();
    jest.advanceTimersByTime(1_000);
    await settle();
    expect(link.events.at(-1)).toBe('drain');
    answer(link, 'late');
    expect(bodies(await received)).toEqual(['late']);
    expect(link.credit).toBe(0);
  });

  it('an iteration asks for one at a time', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    const iterator = client[Symbol.asyncIterator]();
    const first = iterator.next();
    await settle();
    expect(link.credit).toBe(1);
    link.deliverJson('a');
    expect((await first).value).toMatchObject({ body: 'a' });
    await settle();
    expect(link.credit).toBe(0);
  });

  it('calls at the same time ask for what they hold together, each gets its own, and nothing is left over', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    const both = [2, 1].map((maxMessages) => client.receiveBatch({ maxMessages, waitMs: 60_000 }));
    await settle();
    expect(link.credit).toBe(3);
    for (const n of [1, 2, 3]) link.deliverJson(n);
    expect((await Promise.all(both)).map(bodies)).toEqual([[1, 2], [3]]);
    expect(link.outcomes).toEqual([undefined, undefined, undefined]);
  });

  it('what comes when nobody asks goes back, a pre-settled one waits for the next call', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    await client.get();
    link.manual = 1;
    link.deliverJson('unasked');
    expect(link.outcomes).toEqual(['released']);
    link.manual = 1;
    link.deliver({ body: 'settled', bodyType: 'value' }, { presettled: true });
    expect(await client.get()).toMatchObject({ body: 'settled' });
  });

  it('the credit of a call that is given up goes back', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    const stop = new AbortController();
    const received = client.receiveBatch({ maxMessages: 5, waitMs: 60_000, signal: stop.signal });
    await settle();
    stop.abort(new Error('enough'));
    await expect(received).rejects.toThrow('enough');
    await settle();
    expect(link.credit).toBe(0);
  });

  it('a call that begins while the credit of another is taken back has its own afterwards', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    link.answersDrain = false;
    const stop = new AbortController();
    const given = [client.receiveBatch({ maxMessages: 5, waitMs: 60_000, signal: stop.signal })];
    await settle();
    stop.abort(new Error('enough'));
    await Promise.allSettled(given);
    const received = client.receiveBatch({ maxMessages: 2, waitMs: 60_000 });
    await settle();
    answer(link);
    await settle();
    expect(link.credit).toBe(2);
    for (const n of [1, 2]) link.deliverJson(n);
    expect(bodies(await received)).toEqual([1, 2]);
  });

  it('a call that waits has its credit again on the next link', async () => {
    const { client, links } = await attached({ prefetch: 0 });
    const received = client.receiveBatch({ maxMessages: 2, waitMs: 60_000 });
    await settle();
    links.current.lose();
    await links.current.attach();
    expect(links.receiver.credit).toBe(2);
    for (const n of [1, 2]) links.receiver.deliverJson(n);
    expect(bodies(await received)).toEqual([1, 2]);
  });

  it('a subscription of the same client has its own default, and may not say 0', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    client.subscribe(() => undefined, { concurrency: 50 });
    await settle();
    expect(link.prefetch).toBe(100);
    expect(() => client.subscribe(() => undefined, { prefetch: 0 })).toThrow(InvalidOptionsError);
  });
});

describe('get()', () => {
  it('is the message that is buffered, without asking the peer', async () => {
    const { client, link } = await attached();
    const received = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    for (const n of [1, 2]) link.deliverJson(n);
    await received;
    expect(await client.get()).toMatchObject({ body: 2 });
    expect(link.events).not.toContain('drain');
  });

  it('asks the peer for what it has now: one message, or none, however long nothing comes', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    link.answersDrain = false;
    const none = client.get();
    await settle();
    expect([link.credit, link.events.at(-1)]).toEqual([1, 'drain']);
    answer(link);
    expect(await none).toBeUndefined();
    const one = client.get();
    await settle();
    answer(link, 'there');
    expect(await one).toMatchObject({ body: 'there', settled: false });
  });

  it('gives the prefetch back its credit after it asked', async () => {
    const { client, link } = await attached({ prefetch: 7 });
    expect(await client.get()).toBeUndefined();
    expect(link.events).toEqual(['prefetch 7', 'drain', 'prefetch 7']);
  });

  it('with waitMs waits so long and no longer', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    const message = client.get({ waitMs: 500 });
    await settle();
    link.deliverJson('soon');
    jest.advanceTimersByTime(20);
    expect(await message).toMatchObject({ body: 'soon' });
    const none = client.get({ waitMs: 500 });
    await settle();
    jest.advanceTimersByTime(500);
    expect(await none).toBeUndefined();
  });

  it('asks again on the next link when it is lost under way: "none" is only what the peer said', async () => {
    const { client, link, links } = await attached({ prefetch: 0 });
    link.answersDrain = links.answersDrain = false;
    const message = client.get();
    await settle();
    link.failDrains(new ConnectionError('connection-lost', 'gone'));
    links.current.lose();
    await links.current.attach();
    await settle();
    answer(links.receiver, 'found');
    expect(await message).toMatchObject({ body: 'found' });
  });

  it('that begins while the credit of another is taken back asks in its turn', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    link.answersDrain = false;
    const stop = new AbortController();
    const given = [client.get({ signal: stop.signal })];
    await settle();
    stop.abort(new Error('enough'));
    await Promise.allSettled(given);
    const message = client.get();
    await settle();
    answer(link);
    await settle();
    expect(link.credit).toBe(1);
    answer(link, 'there');
    expect(await message).toMatchObject({ body: 'there' });
    expect(link.credit).toBe(0);
    expect(link.outcomes).toEqual([undefined]);
  });

  it('that waits for its turn while the link is lost asks the next one too', async () => {
    const { client, link, links } = await attached({ prefetch: 10 });
    link.answersDrain = false;
    const both = [client.get(), client.get()];
    await settle();
    link.failDrains(new ConnectionError('connection-lost', 'the socket closed'));
    links.current.lose();
    await settle();
    links.answersDrain = false;
    await links.current.attach();
    await settle();
    answer(links.receiver, 1, 2);
    await settle();
    answer(links.receiver);
    expect((await Promise.all(both)).map((message) => message?.body)).toEqual([1, 2]);
    links.receiver.answersDrain = true;
  });

  it('asks for its own while an iteration that was left gives its credit back', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    const iterator = client[Symbol.asyncIterator]();
    const first = iterator.next();
    await settle();
    link.deliverJson('first');
    await first;
    link.answersDrain = false;
    link.addCredit(1);
    const left = iterator.return?.();
    const message = client.get();
    await settle();
    answer(link);
    await settle();
    answer(link, 'second');
    await left;
    expect(await message).toMatchObject({ body: 'second' });
  });

  it('rejects when the peer does not answer, and with the reason of its signal', async () => {
    const { client, link } = await attached({ prefetch: 0 });
    link.answersDrain = false;
    const unanswered = client.get();
    await settle();
    jest.advanceTimersByTime(2_000);
    await expect(unanswered).rejects.toMatchObject({ code: 'timeout' });
    const stop = new AbortController();
    const given = client.get({ signal: stop.signal });
    await settle();
    stop.abort(new Error('never mind'));
    await expect(given).rejects.toThrow('never mind');
    await expect(client.get({ signal: 5 as unknown as AbortSignal })).rejects.toThrow('get.signal');
    await expect(client.get({ wait: 5 } as object)).rejects.toThrow('get.wait');
  });
});

describe('drain()', () => {
  it('takes the credit back; what has come is what the next call gives, and with it goes new credit', async () => {
    const { client, link } = await attached({ prefetch: 10 });
    const first = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    link.deliverJson(1);
    jest.advanceTimersByTime(20);
    await first;
    link.answersDrain = false;
    let isDrained = false;
    const drained = client.drain().then(() => (isDrained = true));
    await settle();
    expect(isDrained).toBe(false);
    answer(link, 2, 3);
    await drained;
    expect(link.credit).toBe(0);
    expect(bodies(await client.receiveBatch({ maxMessages: 2, waitMs: 60_000 }))).toEqual([2, 3]);
    expect(link.prefetch).toBe(10);
  });

  it.each<[string, (client: ReceiveClient) => unknown]>([
    ['drain()', (client) => client.drain()],
    ['an iteration that is left', (client) => client[Symbol.asyncIterator]().return?.()],
    ['close()', (client) => client.close()],
  ])('is not over because of %s meanwhile, which waits for the same answer', async (_what, meanwhile) => {
    const { client, link } = await attached({ prefetch: 10 });
    const first = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    link.deliverJson(1);
    jest.advanceTimersByTime(20);
    await first;
    link.answersDrain = false;
    const ended: string[] = [];
    void client.drain().then(() => ended.push('drained'));
    void Promise.resolve(meanwhile(client)).then(() => ended.push('and then'));
    await settle();
    expect(ended).toEqual([]);
    answer(link, 2);
    await settle();
    expect(ended).toEqual(['drained', 'and then']);
  });

  it('rejects when the peer does not answer; without credit there is nothing to wait for', async () => {
    const { client, link } = await attached({ prefetch: 10 });
    await client.drain();
    void client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    link.answersDrain = false;
    const drained = client.drain();
    await settle();
    jest.advanceTimersByTime(2_000);
    await expect(drained).rejects.toMatchObject({ code: 'timeout' });
    await client.close({ timeoutMs: 0 });
    await expect(client.drain()).rejects.toBeInstanceOf(ClientClosedError);
  });
});

describe('recover()', () => {
  it('releases what was fetched and is not settled, and what is buffered, and nothing else', async () => {
    const { client, link } = await attached();
    const received = client.receiveBatch({ maxMessages: 3, waitMs: 60_000 });
    await settle();
    for (const n of [1, 2, 3, 4]) link.deliverJson(n);
    const [first, second] = await received;
    await first?.accept();
    expect(await client.recover()).toBe(3);
    expect(link.outcomes).toEqual(['accepted', 'released', 'released', 'released']);
    expect(link.events.at(-1)).toBe('flush');
    await expect(second?.accept()).rejects.toMatchObject({ code: 'already-settled' });
    expect(await client.recover()).toBe(0);
  });

  it('keeps the pre-settled ones that are buffered: nobody would deliver them again', async () => {
    const { client, link } = await attached({ settlement: 'at-most-once' });
    const received = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    for (const n of [1, 2]) link.deliverJson(n);
    await received;
    expect(await client.recover()).toBe(0);
    expect(await client.get()).toMatchObject({ body: 2 });
  });
});

describe('the signal of a message that was fetched', () => {
  it('aborts when its link is lost before it is settled, and not afterwards', async () => {
    const { client, link, links } = await attached();
    const received = client.receiveBatch({ maxMessages: 2, waitMs: 60_000 });
    await settle();
    for (const n of [1, 2]) link.deliverJson(n);
    const [open, done] = await received;
    const signals = [open?.signal, done?.signal];
    await done?.accept();
    const cause = new ConnectionError('connection-lost', 'the socket closed');
    links.current.lose(cause);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, false]);
    expect(open?.signal.reason).toBe(cause);
  });

  it.each<[string, (client: ReceiveClient) => Promise<ReceivedMessage | undefined>]>([
    ['get()', (client) => client.get({ waitMs: 60_000 })],
    ['an iteration', async (client) => (await client.messages().next()).value],
  ])('aborts when it came by %s, too', async (_how, fetch) => {
    const { client, link, links } = await attached();
    const fetched = fetch(client);
    await settle();
    link.deliverJson(1);
    await settle();
    jest.advanceTimersByTime(20);
    const message = await fetched;
    const cause = new ConnectionError('connection-lost', 'the socket closed');
    links.current.lose(cause);
    expect(message?.signal.reason).toBe(cause);
  });

  it('aborts when the client is closed with it', async () => {
    const { client, link } = await attached();
    const received = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    link.deliverJson(1);
    const [message] = await received;
    await client.close();
    expect(message?.signal.reason).toBeInstanceOf(ClientClosedError);
  });
});

describe('an iteration', () => {
  it('ends when none came for the idle time-out, and the client can be used again', async () => {
    const { client, link } = await attached({ idleTimeoutMs: 1_000 });
    const iterator = client[Symbol.asyncIterator]();
    const first = iterator.next();
    await settle();
    jest.advanceTimersByTime(900);
    link.deliverJson('a');
    expect((await first).value).toMatchObject({ body: 'a' });
    let end: unknown = undefined;
    const second = iterator.next().then((result) => (end = result));
    await settle();
    jest.advanceTimersByTime(900);
    await settle();
    expect(end).toBeUndefined();
    jest.advanceTimersByTime(100);
    await second;
    expect(end).toEqual({ done: true, value: undefined });
    expect(link.events.at(-2)).toBe('drain');
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    const again = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    link.deliverJson('b');
    expect(bodies(await again)).toEqual(['b']);
  });

  it('does not count the time without a link as idle', async () => {
    const { client, links } = await attached({ idleTimeoutMs: 1_000 });
    const next = client[Symbol.asyncIterator]().next();
    await settle();
    links.current.lose();
    for (let second = 0; second < 5; second++) {
      jest.advanceTimersByTime(1_000);
      await settle();
    }
    await links.current.attach();
    links.receiver.deliverJson('after all');
    await settle();
    expect((await next).value).toMatchObject({ body: 'after all' });
  });

  it('that is ended by throw() gives the message in hand back as failed, with autoAccept', async () => {
    const { client, link } = await attached({ autoAccept: true });
    const iterator = client[Symbol.asyncIterator]();
    const first = iterator.next();
    await settle();
    for (const n of [1, 2]) link.deliverJson(n);
    await first;
    const error = new Error('no use');
    await expect(iterator.throw?.(error)).rejects.toBe(error);
    expect(link.outcomes).toEqual(['modified', 'released']);
    expect(link.deliveries[0]?.outcome).toMatchObject({ deliveryFailed: true, undeliverableHere: false });
  });

  it('never accepts the message whose handling threw', async () => {
    const { client, link } = await attached({ autoAccept: true });
    const loop = async (): Promise<void> => {
      for await (const message of client) if (message.body === 2) throw new Error('cannot');
    };
    const looping = loop();
    await settle();
    for (const n of [1, 2, 3]) link.deliverJson(n);
    await expect(looping).rejects.toThrow('cannot');
    expect(link.outcomes).toEqual(['accepted', 'released', 'released']);
  });
});

describe('messages({ signal })', () => {
  it('ends with the reason of the signal, and gives back what nobody has seen', async () => {
    const { client, link } = await attached();
    const stop = new AbortController();
    const seen: unknown[] = [];
    const loop = async (): Promise<void> => {
      for await (const message of client.messages({ signal: stop.signal })) {
        seen.push(message.body);
        await message.accept();
      }
    };
    const looping = loop();
    await settle();
    link.deliverJson(1);
    await settle();
    stop.abort(new Error('enough'));
    await expect(looping).rejects.toThrow('enough');
    await settle();
    expect([seen, link.outcomes, link.credit]).toEqual([[1], ['accepted'], 0]);
  });
});

describe('messagesOf', () => {
  async function two(options?: ReceiveClientOptions): Promise<{ made: Made[]; links: FakeReceiverLink[] }> {
    const made = [await attached(options), await attached(options)];
    return { made, links: made.map(({ link }) => link) };
  }

  it('gives the messages of all as they come', async () => {
    const { made, links } = await two();
    const seen: unknown[] = [];
    const loop = async (): Promise<void> => {
      for await (const message of messagesOf(made.map(({ client }) => client))) {
        seen.push(message.body);
        await message.accept();
        if (seen.length === 4) return;
      }
    };
    const looping = loop();
    await settle();
    for (const [index, body] of [
      [0, 'a'],
      [1, 'b'],
      [1, 'c'],
      [0, 'd'],
    ] as const) {
      links[index]?.deliverJson(body);
      await settle();
    }
    await looping;
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
    expect(links.map(({ credit }) => credit)).toEqual([0, 0]);
  });

  it('left early gives back what nobody has seen, also what was fetched already', async () => {
    const { made, links } = await two();
    const loop = async (): Promise<void> => {
      for await (const message of messagesOf(made.map(({ client }) => client))) {
        await message.accept();
        return;
      }
    };
    const looping = loop();
    await settle();
    for (const link of links) link.deliverJson('first');
    links[1]?.deliverJson('second');
    await looping;
    expect(links.map(({ outcomes }) => outcomes)).toEqual([['accepted'], ['released', 'released']]);
  });

  it('rejects with the failure of one and leaves the others, and with the reason of its signal', async () => {
    const { made, links } = await two();
    const loop = messagesOf(made.map(({ client }) => client));
    const next = loop.next();
    await settle();
    const refused = new LinkError('gone', 'orders', 'l', { condition: 'amqp:resource-deleted' });
    made[1]?.links.current.fail(refused);
    await expect(next).rejects.toBe(refused);
    expect(links[0]?.credit).toBe(0);
    const stop = new AbortController();
    const others = made.slice(0, 1).map(({ client }) => client);
    const waiting = messagesOf(others, { signal: stop.signal }).next();
    await settle();
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('ends when all have ended', async () => {
    const { made } = await two({ idleTimeoutMs: 1_000 });
    const next = messagesOf(made.map(({ client }) => client)).next();
    await settle();
    jest.advanceTimersByTime(1_000);
    await expect(next).resolves.toEqual({ done: true, value: undefined });
  });
});
