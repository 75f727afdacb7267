import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ClientClosedError } from '../../../../lib/client/errors.js';
import type { ReceivedMessage } from '../../../../lib/client/message/received-message.js';
import { policy } from '../../../../lib/client/policy/policy.js';
import { ReceiveClient } from '../../../../lib/client/receive/receive-client.js';
import {
  resolveReceiveClientOptions,
  type ReceiveClientOptions,
} from '../../../../lib/client/receive/receive-client-options.js';
import { InvalidOptionsError, LinkError } from '../../../../lib/protocol/index.js';
import { fakeContext, settle, type FakeContext, type FakeReceiverLink } from '../../../support/client/fake-links.js';

interface Made extends FakeContext {
  readonly client: ReceiveClient;
}

const clients: ReceiveClient[] = [];

function make(options: ReceiveClientOptions = {}): Made {
  const fake = fakeContext();
  const client = new ReceiveClient(fake.context, 'orders', resolveReceiveClientOptions(options));
  clients.push(client);
  return { ...fake, client };
}

async function attached(options: ReceiveClientOptions = {}): Promise<Made & { readonly link: FakeReceiverLink }> {
  const all = make(options);
  await all.client.attach();
  return { ...all, link: all.links.receiver };
}

const bodies = (messages: readonly ReceivedMessage[]): unknown[] => messages.map(({ body }) => body);

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] }));
afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 0 })));
});

describe('attach()', () => {
  it('of a client whose consumer was closed is for the next one, and detached with the client', async () => {
    const { client, links } = await attached();
    await client.subscribe(() => undefined).close();
    await client.attach();
    expect(links.receivers).toHaveLength(2);
    const subscription = client.subscribe(() => undefined);
    await settle();
    expect([subscription.state, links.receivers.length]).toEqual(['running', 2]);
    await client.close();
    expect(links.receiver.isOpen).toBe(false);
  });

  it('that nobody makes use of afterwards is detached with the client', async () => {
    const { client, links } = await attached();
    await client.subscribe(() => undefined).close();
    await client.attach();
    await client.close();
    expect(links.receivers.map(({ isOpen }) => isOpen)).toEqual([false, false]);
  });
});

describe('receiveBatch', () => {
  it.each<[unknown, string]>([
    [{ maxMessages: 0, waitMs: 1 }, 'maxMessages'],
    [{ maxMessages: 1.5, waitMs: 1 }, 'maxMessages'],
    [{ maxMessages: 1, waitMs: -1 }, 'waitMs'],
    [{ maxMessages: 1 }, 'waitMs'],
    [{ waitMs: 1 }, 'maxMessages'],
    [{ maxMessages: 1, waitMs: 1, timeout: 5 }, 'receiveBatch.timeout'],
    ['ten', 'receiveBatch'],
  ])('refuses %j', async (options, words) => {
    const { client } = make();
    const received = client.receiveBatch(options as Parameters<ReceiveClient['receiveBatch']>[0]);
    await expect(received).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(received).rejects.toThrow(words);
  });

  it('is empty when nothing came in time', async () => {
    const { client, link } = await attached();
    const received = client.receiveBatch({ maxMessages: 5, waitMs: 1_000 });
    await settle();
    expect(link.prefetch).toBe(100);
    jest.advanceTimersByTime(1_000);
    await expect(received).resolves.toEqual([]);
  });

  it('is there as soon as it is full', async () => {
    const { client, link } = await attached();
    const received = client.receiveBatch({ maxMessages: 3, waitMs: 60_000 });
    await settle();
    for (let index = 0; index < 5; index++) link.deliverJson(index);
    expect(bodies(await received)).toEqual([0, 1, 2]);
    expect(link.inHand).toBe(5);
  });

  it('is there when some came and then no more, long before its time is over', async () => {
    const { client, link } = await attached();
    const received = client.receiveBatch({ maxMessages: 10, waitMs: 60_000 });
    await settle();
    link.deliverJson(1);
    jest.advanceTimersByTime(15);
    await settle();
    link.deliverJson(2);
    await settle();
    jest.advanceTimersByTime(20);
    expect(bodies(await received)).toEqual([1, 2]);
  });

  it('gives what was left of the batch before at once', async () => {
    const { client, link } = await attached();
    const first = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    await first;
    jest.advanceTimersByTime(50);
    expect(bodies(await client.receiveBatch({ maxMessages: 9, waitMs: 60_000 }))).toEqual([1, 2]);
  });

  it('has never more than the prefetch in hand, the rest comes as the caller settles', async () => {
    const { client, link } = await attached({ prefetch: 2 });
    const first = client.receiveBatch({ maxMessages: 5, waitMs: 60_000 });
    await settle();
    link.deliverJson(1);
    link.deliverJson(2);
    expect(() => link.deliverJson(3)).toThrow('there is no credit');
    await settle();
    jest.advanceTimersByTime(20);
    const [one] = await first;
    await one?.accept();
    link.deliverJson(3);
    jest.advanceTimersByTime(50);
    expect(bodies(await client.receiveBatch({ maxMessages: 5, waitMs: 1 }))).toEqual([3]);
    expect(link.mostInHand).toBe(2);
  });

  it('leaves settling to the caller, whatever the settlement of the client', async () => {
    const { client, link } = await attached({ settlement: 'auto' });
    const received = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    link.deliverJson(1);
    const [message] = await received;
    expect(link.outcomes).toEqual([undefined]);
    await message?.release();
    expect(link.outcomes).toEqual(['released']);
  });

  it('with autoAccept accepts what is unsettled on the next pull', async () => {
    const { client, link } = await attached({ autoAccept: true });
    const received = client.receiveBatch({ maxMessages: 2, waitMs: 60_000 });
    await settle();
    link.deliverJson(1);
    link.deliverJson(2);
    await (await received)[0]?.reject();
    expect(link.outcomes).toEqual(['rejected', undefined]);
    void client.receiveBatch({ maxMessages: 1, waitMs: 0 });
    expect(link.outcomes).toEqual(['rejected', 'accepted']);
  });

  it("'at-most-once' frees the place of a message when it is handed over", async () => {
    const { client, link } = await attached({ settlement: 'at-most-once', prefetch: 1 });
    const received = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    link.deliverJson(1);
    expect(link.credit).toBe(0);
    await received;
    expect(link.credit).toBe(1);
  });

  it('never shows what cannot be decoded: that goes to the policy, one at a time', async () => {
    let running = 0;
    let most = 0;
    const { client, link } = await attached({
      errorPolicy: async () => {
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
        return { kind: 'settle', outcome: { kind: 'rejected' } };
      },
    });
    const received = client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
    await settle();
    const bad = { body: '{', bodyType: 'data', properties: { contentType: 'application/json' } } as const;
    link.deliver(bad);
    link.deliver(bad);
    link.deliver({}, { oversized: true });
    link.deliverJson('good');
    expect(bodies(await received)).toEqual(['good']);
    await settle();
    expect(link.outcomes).toEqual(['rejected', 'rejected', 'rejected', undefined]);
    expect(most).toBe(1);
  });

  it('ends with the reason of its signal and keeps the messages for the next call', async () => {
    const { client, link } = await attached();
    const stop = new AbortController();
    const received = client.receiveBatch({ maxMessages: 5, waitMs: 60_000, signal: stop.signal });
    await settle();
    link.deliverJson(1);
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(received).rejects.toBe(reason);
    await expect(client.receiveBatch({ maxMessages: 1, waitMs: 0, signal: stop.signal })).rejects.toBe(reason);
    expect(bodies(await client.receiveBatch({ maxMessages: 1, waitMs: 60_000 }))).toEqual([1]);
  });

  it('rejects when the link is refused, and drops what came over a lost one', async () => {
    const { client, links, link } = await attached();
    const received = client.receiveBatch({ maxMessages: 2, waitMs: 60_000 });
    await settle();
    link.deliverJson('old');
    links.current.lose();
    await links.current.attach();
    expect(links.receiver.prefetch).toBe(100);
    links.receiver.deliverJson('new');
    await settle();
    jest.advanceTimersByTime(50);
    expect(bodies(await received)).toEqual(['new']);
    const next = client.receiveBatch({ maxMessages: 2, waitMs: 60_000 });
    await settle();
    const refused = new LinkError('gone', 'orders', 'l', { condition: 'amqp:resource-deleted' });
    links.current.fail(refused);
    await expect(next).rejects.toBe(refused);
  });

  it('is empty when the client is closed meanwhile, and rejects afterwards', async () => {
    const { client } = await attached();
    const received = client.receiveBatch({ maxMessages: 2, waitMs: 60_000 });
    await settle();
    await client.close();
    await expect(received).resolves.toEqual([]);
    await expect(client.receiveBatch({ maxMessages: 1, waitMs: 1 })).rejects.toBeInstanceOf(ClientClosedError);
    await expect(client.attach()).rejects.toBeInstanceOf(ClientClosedError);
  });

  it('under policy.stop closes what fetches, with the reason as the cause', async () => {
    const { client, link } = await attached({ errorPolicy: policy.stop });
    const received = client.receiveBatch({ maxMessages: 2, waitMs: 60_000 });
    await settle();
    link.deliver({}, { oversized: true });
    await expect(received).resolves.toEqual([]);
    expect(link.outcomes).toEqual(['released']);
    const next = client.receiveBatch({ maxMessages: 1, waitMs: 1 });
    await expect(next).rejects.toMatchObject({ code: 'client-closed', cause: { code: 'message-too-large' } });
  });
});

describe('receiveBatch with a signal', () => {
  it('does not wait for the attach when it is aborted', async () => {
    const { client, links } = make();
    links.attachesAtOnce = false;
    const stop = new AbortController();
    const received = client.receiveBatch({ maxMessages: 1, waitMs: 1_000, signal: stop.signal });
    await settle();
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(Promise.race([received, settle()])).rejects.toBe(reason);
  });

  it('holds on to nothing of the waits before it on a queue where nothing comes', async () => {
    const { client } = await attached();
    const [collect, signals] = [collector(), [] as WeakRef<AbortSignal>[]];
    for (let poll = 0; poll < 50; poll++) {
      const { signal } = new AbortController();
      signals.push(new WeakRef(signal));
      const received = client.receiveBatch({ maxMessages: 1, waitMs: 10, signal });
      await settle();
      jest.advanceTimersByTime(10);
      await received;
    }
    await settle();
    collect();
    await settle();
    // The last one may still stand on the stack.
    expect(signals.filter((signal) => signal.deref() !== undefined).length).toBeLessThan(10);
  });
});

describe('iteration', () => {
  it('gives messages as they come and ends when the client closes', async () => {
    const { client, link } = await attached();
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const message of client) {
        seen.push(message.body);
        await message.accept();
      }
    })();
    await settle();
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    await settle();
    await client.close();
    await loop;
    expect([seen, link.outcomes]).toEqual([
      [0, 1, 2],
      ['accepted', 'accepted', 'accepted'],
    ]);
  });

  it.each([
    ['break', false],
    ['throw', true],
  ])('left by %s gives back what was buffered, and with autoAccept what was not settled', async (_name, throws) => {
    const { client, link } = await attached({ autoAccept: true });
    const loop = (async () => {
      for await (const message of client) {
        if (message.body === 0) continue;
        if (throws) throw new Error('out');
        break;
      }
    })();
    const ended = loop.catch((error: unknown) => error);
    await settle();
    for (let index = 0; index < 4; index++) link.deliverJson(index);
    await ended;
    await settle();
    expect(link.outcomes).toEqual(['accepted', 'released', 'released', 'released']);
    expect(link.credit).toBe(0);
  });

  it('may begin again after it was left', async () => {
    const { client, link } = await attached();
    for (let round = 0; round < 2; round++) {
      const loop = (async () => {
        for await (const message of client) return void (await message.accept());
      })();
      await settle();
      link.deliverJson(round);
      await loop;
      await settle();
    }
    expect(link.outcomes).toEqual(['accepted', 'accepted']);
  });

  it('ends when the client closes before it was attached', async () => {
    const { client, links } = make();
    links.attachesAtOnce = false;
    const next = client[Symbol.asyncIterator]().next();
    await settle();
    const closing = client.close();
    links.current.giveUp(new ClientClosedError('the client is closed'));
    await closing;
    await expect(next).resolves.toEqual({ done: true, value: undefined });
  });

  it('goes on in one loop when another one is left', async () => {
    const { client, link } = await attached();
    const [one, other] = [client[Symbol.asyncIterator](), client[Symbol.asyncIterator]()];
    const first = one.next();
    const second = other.next();
    await settle();
    link.deliverJson(1);
    await expect(first).resolves.toMatchObject({ value: { body: 1 } });
    await one.return?.();
    link.deliverJson(2);
    await expect(second).resolves.toMatchObject({ value: { body: 2 } });
  });

  it('with autoAccept accepts only what the same loop was given', async () => {
    const { client, link } = await attached({ autoAccept: true });
    const [one, other] = [client[Symbol.asyncIterator](), client[Symbol.asyncIterator]()];
    const first = one.next();
    await settle();
    link.deliverJson(1);
    await first;
    const second = other.next();
    await settle();
    link.deliverJson(2);
    await second;
    expect(link.outcomes).toEqual([undefined, undefined]);
    const third = one.next();
    await settle();
    expect(link.outcomes).toEqual(['accepted', undefined]);
    link.deliverJson(3);
    await third;
    await other.return?.();
    expect(link.outcomes).toEqual(['accepted', 'released', undefined]);
  });

  it('that begins again while the last one is still being left has credit afterwards', async () => {
    const { client, link } = await attached();
    link.answersDrain = false;
    const left = client[Symbol.asyncIterator]();
    const first = left.next();
    await settle();
    link.deliverJson(1);
    await first;
    const leaving = left.return?.();
    const next = client[Symbol.asyncIterator]().next();
    await settle();
    link.drains.forEach((answer) => answer());
    await leaving;
    await settle();
    expect(link.credit).toBeGreaterThan(0);
    link.deliverJson(2);
    await expect(next).resolves.toMatchObject({ value: { body: 2 } });
  });

  it('rejects when the link is refused', async () => {
    const { client, links } = await attached();
    const next = client[Symbol.asyncIterator]().next();
    await settle();
    const refused = new LinkError('gone', 'orders', 'l', { condition: 'amqp:not-found' });
    links.current.fail(refused);
    await expect(next).rejects.toBe(refused);
  });
});
