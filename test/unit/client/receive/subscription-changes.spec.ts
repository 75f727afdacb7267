import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ClientClosedError } from '../../../../lib/client/errors.js';
import type { ReceivedMessage } from '../../../../lib/client/message/received-message.js';
import { policy } from '../../../../lib/client/policy/policy.js';
import { ConcurrencyLimit } from '../../../../lib/client/receive/concurrency-limit.js';
import { ReceiveClient } from '../../../../lib/client/receive/receive-client.js';
import { resolveReceiveClientOptions } from '../../../../lib/client/receive/receive-client-options.js';
import type { SubscribeOptions, SubscriptionChange } from '../../../../lib/client/receive/subscribe-options.js';
import type { Subscription } from '../../../../lib/client/receive/subscription.js';
import { InvalidOptionsError, LinkDetachedError, LinkError } from '../../../../lib/protocol/index.js';
import { fakeContext, settle, type FakeContext, type FakeReceiverLink } from '../../../support/client/fake-links.js';

interface Running extends FakeContext {
  readonly subscription: Subscription;
  readonly link: FakeReceiverLink;
  /** Ends the handler call that has run longest. */
  readonly end: () => Promise<void>;
  readonly called: ReceivedMessage[];
}

const clients: ReceiveClient[] = [];

/** Handlers run until they are ended. */
async function run(options: SubscribeOptions = {}): Promise<Running> {
  const fake = fakeContext();
  const client = new ReceiveClient(fake.context, 'orders', resolveReceiveClientOptions());
  clients.push(client);
  const called: ReceivedMessage[] = [];
  const ends: (() => void)[] = [];
  const subscription = client.subscribe((message) => {
    called.push(message);
    return new Promise<void>((resolve) => ends.push(resolve));
  }, options);
  await settle();
  const end = async (): Promise<void> => {
    ends.shift()?.();
    await settle();
  };
  return { ...fake, subscription, link: fake.links.receiver, called, end };
}

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] }));
afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 0 })));
});

describe('adjust()', () => {
  it('raises the prefetch at once, and starts as many handlers as the new concurrency has room for', async () => {
    const { subscription, link, called } = await run({ prefetch: 2, concurrency: 1 });
    for (const n of [1, 2]) link.deliverJson(n);
    await subscription.adjust({ prefetch: 4, concurrency: 3 });
    expect(link.events).not.toContain('drain');
    for (const n of [3, 4]) link.deliverJson(n);
    expect(() => link.deliverJson(5)).toThrow('no credit');
    expect([called.length, subscription.inHand]).toEqual([3, 4]);
  });

  it('takes the credit back before a smaller prefetch holds, so that nothing comes above it afterwards', async () => {
    const { subscription, link, end } = await run({ prefetch: 10, concurrency: 10 });
    link.answersDrain = false;
    let isDone = false;
    const adjusted = subscription.adjust({ prefetch: 2 }).then(() => (isDone = true));
    await settle();
    // on its way when the credit was taken back
    for (const n of [1, 2, 3]) link.deliverJson(n);
    expect(isDone).toBe(false);
    link.drains.shift()?.();
    await adjusted;
    expect([link.credit, subscription.inHand]).toEqual([0, 3]);
    await end();
    expect([link.credit, subscription.inHand]).toEqual([0, 2]);
    await end();
    expect([link.credit, subscription.inHand]).toEqual([1, 1]);
  });

  it('of one that is paused holds from resume() on, and on every later link', async () => {
    const { subscription, link, links } = await run({ prefetch: 10 });
    await subscription.pause();
    await subscription.adjust({ prefetch: 3 });
    expect(link.credit).toBe(0);
    await subscription.resume();
    expect(link.credit).toBe(3);
    links.current.lose();
    await links.current.attach();
    expect(links.receiver.credit).toBe(3);
  });

  it.each<[object, string]>([
    [{ prefetch: 0 }, 'adjust.prefetch'],
    [{ prefetch: 65_536.5 }, 'adjust.prefetch'],
    [{ concurrency: 0 }, 'adjust.concurrency'],
    [{ prefetchSize: 1 }, 'adjust.prefetchSize'],
  ])('refuses %j', async (change, words) => {
    const { subscription } = await run();
    await expect(subscription.adjust(change)).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(subscription.adjust(change)).rejects.toThrow(words);
  });

  it('refuses a prefetch below the batch, and everything once it is closed', async () => {
    const { subscription } = await run({ batch: { maxMessages: 5, waitMs: 1 } });
    await expect(subscription.adjust({ prefetch: 4 })).rejects.toThrow('adjust.prefetch');
    await subscription.close({ timeoutMs: 0 });
    await expect(subscription.adjust({ prefetch: 9 })).rejects.toBeInstanceOf(ClientClosedError);
  });
});

it('paused and resumed again while resume() still waits for a link, it receives when that comes', async () => {
  const { subscription, links, called } = await run();
  links.current.lose();
  await subscription.pause();
  const changes = [subscription.resume(), subscription.pause(), subscription.resume()];
  await settle();
  await links.current.attach();
  await Promise.all(changes);
  expect(subscription.state).toBe('running');
  links.receiver.deliverJson(1);
  expect(called.map(({ body }) => body)).toEqual([1]);
});

it.each(['at-most-once', 'auto'] as const)(
  'pause() keeps the pre-settled messages that wait for a handler (%s): nobody would deliver them again',
  async (settlement) => {
    const { subscription, link, called, end } = await run({ settlement, concurrency: 1 });
    for (const n of [1, 2, 3]) link.deliver({ body: n, bodyType: 'value' }, { presettled: true });
    await subscription.pause();
    await end();
    await end();
    await subscription.resume();
    await end();
    expect(called.map(({ body }) => body)).toEqual([1, 2, 3]);
  },
);

describe('recover()', () => {
  it('releases what no handler has seen and what one is at work on, tells it, and takes no notice of how it ends', async () => {
    const { subscription, link, called, end } = await run({ concurrency: 1, prefetch: 3 });
    for (const n of [1, 2, 3]) link.deliverJson(n);
    expect(await subscription.recover()).toBe(3);
    expect(link.outcomes).toEqual(['released', 'released', 'released']);
    expect(called.map(({ signal }) => signal.aborted)).toEqual([true]);
    await end();
    link.deliverJson(4);
    await end();
    expect(link.outcomes).toEqual(['released', 'released', 'released', 'accepted']);
  });

  it('gives back at once what a policy held', async () => {
    const { context, links } = fakeContext();
    const client = new ReceiveClient(context, 'orders', resolveReceiveClientOptions());
    clients.push(client);
    const errorPolicy = policy.redeliver({ maxDeliveries: 5, delayMs: 60_000 });
    const subscription = client.subscribe(() => Promise.reject(new Error('no')), { errorPolicy });
    await settle();
    links.receiver.deliverJson(1);
    await settle();
    expect(links.receiver.outcomes).toEqual([undefined]);
    expect(await subscription.recover()).toBe(1);
    expect(links.receiver.outcomes).toEqual(['modified']);
  });

  it('has nothing to give back of what is pre-settled, and rejects once it is closed', async () => {
    const { subscription, link, end } = await run({ settlement: 'at-most-once', concurrency: 1 });
    for (const n of [1, 2]) link.deliverJson(n);
    expect(await subscription.recover()).toBe(0);
    await end();
    await end();
    await subscription.close();
    await expect(subscription.recover()).rejects.toBeInstanceOf(ClientClosedError);
  });
});

describe('idleTimeoutMs', () => {
  it('does not count the time that a message waits for a place which others have', async () => {
    const concurrencyLimit = new ConcurrencyLimit(1);
    const other = await run({ concurrencyLimit });
    other.link.deliverJson(1);
    const { subscription, link, called } = await run({ idleTimeoutMs: 1_000, concurrencyLimit });
    link.deliverJson(2);
    jest.advanceTimersByTime(5_000);
    await settle();
    expect(subscription.state).toBe('running');
    await other.end();
    expect(called.map(({ body }) => body)).toEqual([2]);
  });

  it('closes the subscription when none came for so long, not counting a handler that runs', async () => {
    const { subscription, link, end } = await run({ idleTimeoutMs: 1_000 });
    jest.advanceTimersByTime(900);
    link.deliverJson(1);
    jest.advanceTimersByTime(5_000);
    expect(subscription.state).toBe('running');
    await end();
    jest.advanceTimersByTime(999);
    expect(subscription.state).toBe('running');
    jest.advanceTimersByTime(1);
    expect(subscription.state).toBe('closed');
    await settle();
    await expect(subscription.ended()).resolves.toBeUndefined();
    expect([link.isOpen, link.outcomes]).toEqual([false, ['accepted']]);
  });

  it('does not count the time when it is paused or has no link', async () => {
    const { subscription, links } = await run({ idleTimeoutMs: 1_000 });
    await subscription.pause();
    jest.advanceTimersByTime(10_000);
    expect(subscription.state).toBe('paused');
    await subscription.resume();
    links.current.lose();
    jest.advanceTimersByTime(10_000);
    expect(subscription.state).toBe('starting');
    await links.current.attach();
    jest.advanceTimersByTime(999);
    expect(subscription.state).toBe('running');
    jest.advanceTimersByTime(1);
    expect(subscription.state).toBe('closed');
  });
});

describe('ended()', () => {
  it('waits until it is really closed', async () => {
    const { subscription, link, end } = await run();
    link.deliverJson(1);
    let isEnded = false;
    const ended = subscription.ended().then(() => (isEnded = true));
    const closing = subscription.close();
    await settle();
    expect(isEnded).toBe(false);
    await end();
    await Promise.all([ended, closing]);
    await subscription.ended();
  });

  it('rejects with what made it fail', async () => {
    const { subscription, links } = await run();
    const ended = subscription.ended();
    const refused = new LinkError('no such queue', 'orders', 'l', { condition: 'amqp:not-found' });
    links.current.fail(refused);
    await expect(ended).rejects.toBe(refused);
    await expect(subscription.ended()).rejects.toBe(refused);
  });
});

describe('onState', () => {
  it('is told of each change, with the reason of a loss', async () => {
    const changes: SubscriptionChange[] = [];
    const { subscription, links } = await run({ onState: (change) => void changes.push(change) });
    const deleted = new LinkDetachedError('deleted', 'orders', 'l', { condition: 'amqp:resource-deleted' });
    links.current.lose(deleted);
    await links.current.attach();
    await subscription.pause();
    await subscription.close();
    expect(changes).toEqual([
      { state: 'starting' },
      { state: 'running' },
      { state: 'starting', error: deleted },
      { state: 'running' },
      { state: 'paused' },
      { state: 'closed' },
    ]);
  });

  it('may throw without harm, and is logged', async () => {
    const { subscription, logged } = await run({
      onState: () => {
        throw new RangeError('mine');
      },
    });
    expect(subscription.state).toBe('running');
    expect(logged).toContain('"orders": onState threw RangeError');
  });
});

describe('a ConcurrencyLimit', () => {
  it('bounds what several subscriptions run together, and gives a free place to whoever waits longest', async () => {
    const concurrencyLimit = new ConcurrencyLimit(2);
    const one = await run({ concurrencyLimit, concurrency: 10 });
    const two = await run({ concurrencyLimit, concurrency: 10 });
    for (const n of [1, 2, 3, 4]) one.link.deliverJson(n);
    two.link.deliverJson('a');
    expect([one.called.length, two.called.length, concurrencyLimit.running]).toEqual([2, 0, 2]);
    await one.end();
    await one.end();
    // one waited first, then two, though one has more
    expect([one.called.length, two.called.length]).toEqual([3, 1]);
    await two.end();
    await one.end();
    await one.end();
    expect([one.called.length, concurrencyLimit.running]).toEqual([4, 0]);
    expect([...one.link.outcomes, ...two.link.outcomes]).toEqual(Array.from({ length: 5 }, () => 'accepted'));
  });

  it('is not held by one that has nothing to do, was closed, or waits for its batch', async () => {
    const concurrencyLimit = new ConcurrencyLimit(1);
    const one = await run({ concurrencyLimit });
    const batches = await run({ concurrencyLimit, batch: { maxMessages: 2, waitMs: 50 } });
    batches.link.deliverJson(1);
    one.link.deliverJson('a');
    expect([one.called.length, concurrencyLimit.running]).toEqual([1, 1]);
    batches.link.deliverJson(2);
    const closed = batches.subscription.close({ timeoutMs: 0 });
    await one.end();
    jest.advanceTimersByTime(10);
    await closed;
    one.link.deliverJson('b');
    expect([one.called.length, concurrencyLimit.running]).toEqual([2, 1]);
  });

  it.each([0, -1, 1.5, '2', undefined])('refuses %p', (value) => {
    expect(() => new ConcurrencyLimit(value as number)).toThrow(InvalidOptionsError);
  });

  it('is needed where it is given', async () => {
    await expect(run({ concurrencyLimit: 5 as unknown as ConcurrencyLimit })).rejects.toThrow('concurrencyLimit');
  });
});
