import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Source } from '../../../../lib/client/address/address.js';
import {
  AmqpTimeoutError,
  BatchError,
  ClientClosedError,
  RequestError,
  SettlementError,
} from '../../../../lib/client/errors.js';
import type { IncomingMessage } from '../../../../lib/client/message/incoming-message.js';
import type { ReceivedMessage } from '../../../../lib/client/message/received-message.js';
import type { Observer } from '../../../../lib/client/observer/observer.js';
import { Observers } from '../../../../lib/client/observer/observers.js';
import type { HandlerPolicy, PolicyDecision } from '../../../../lib/client/policy/handler-policy.js';
import { policy } from '../../../../lib/client/policy/policy.js';
import { ObservedCall } from '../../../../lib/client/receive/observed-call.js';
import { ReceiveClient } from '../../../../lib/client/receive/receive-client.js';
import {
  resolveReceiveClientOptions,
  type ReceiveClientOptions,
} from '../../../../lib/client/receive/receive-client-options.js';
import type { SubscribeOptions } from '../../../../lib/client/receive/subscribe-options.js';
import type { Subscription } from '../../../../lib/client/receive/subscription.js';
import {
  ACCEPTED,
  AmqpError,
  DecodeError,
  LinkDetachedError,
  LinkError,
  type AmqpMessage,
  type Outcome,
} from '../../../../lib/protocol/index.js';
import { fakeContext, settle, type FakeContext, type FakeReceiverLink } from '../../../support/client/fake-links.js';

const log = { log: () => undefined, warn: () => undefined, error: () => undefined };

interface Made extends FakeContext {
  readonly client: ReceiveClient;
}

const clients: ReceiveClient[] = [];

function make(
  options: ReceiveClientOptions = {},
  setup: { source?: Source } & Parameters<typeof fakeContext>[0] = {},
): Made {
  const fake = fakeContext(setup);
  const client = new ReceiveClient(fake.context, setup.source ?? 'orders', resolveReceiveClientOptions(options));
  clients.push(client);
  return { ...fake, client };
}

interface Running extends Made {
  readonly subscription: Subscription;
  readonly link: FakeReceiverLink;
}

async function run(
  handler: (message: ReceivedMessage) => unknown,
  options: SubscribeOptions = {},
  setup: Parameters<typeof make>[1] = {},
): Promise<Running> {
  const all = make({}, setup);
  const subscription = all.client.subscribe(handler, options);
  await settle();
  return { ...all, subscription, link: all.links.receiver };
}

async function runBatch(
  handler: (messages: ReceivedMessage[]) => unknown,
  options: SubscribeOptions & { batch: { maxMessages: number; waitMs: number } },
): Promise<Running> {
  const all = make();
  const subscription = all.client.subscribe(handler, options);
  await settle();
  return { ...all, subscription, link: all.links.receiver };
}

/** A handler whose calls end when the test says so. */
class Calls {
  readonly open: { message: ReceivedMessage; resolve(value?: unknown): void; reject(error: unknown): void }[] = [];
  most = 0;
  readonly bodies: unknown[] = [];
  readonly handler = (message: ReceivedMessage): Promise<unknown> =>
    new Promise((resolve, reject) => {
      this.bodies.push(message.body);
      this.open.push({ message, resolve, reject });
      this.most = Math.max(this.most, this.open.length);
    });

  async end(index = 0, error?: unknown): Promise<void> {
    const [call] = this.open.splice(index, 1);
    if (error === undefined) call?.resolve();
    else call?.reject(error);
    await settle();
  }
}

const json = (text: string): Partial<AmqpMessage> => ({
  body: text,
  bodyType: 'data',
  properties: { contentType: 'application/json' },
});

/** A handler that throws what it is given. */
const fail =
  (...thrown: [unknown?]): (() => never) =>
  () => {
    throw thrown.length === 0 ? new Error('no') : thrown[0];
  };

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] }));
afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 0 })));
});

describe('a handler that fails', () => {
  it.each<[string, HandlerPolicy, Outcome]>([
    ['accept', policy.accept, { kind: 'accepted' }],
    ['release', policy.release, { kind: 'released' }],
    ['reject', policy.reject('app:no'), { kind: 'rejected', condition: 'app:no', description: 'TypeError' }],
    [
      'modify',
      policy.modify({ undeliverableHere: true }),
      { kind: 'modified', deliveryFailed: false, undeliverableHere: true },
    ],
    [
      'redeliver',
      policy.redeliver({ maxDeliveries: 2 }),
      { kind: 'modified', deliveryFailed: true, undeliverableHere: false },
    ],
  ])('has its message settled as policy.%s says', async (_name, errorPolicy, outcome) => {
    const { link } = await run(fail(new TypeError('card 4111')), { errorPolicy });
    const delivery = link.deliverJson(1);
    await settle();
    expect(delivery.outcome).toEqual(outcome);
    expect(delivery.settlements).toBe(1);
  });

  it.each<[string, () => unknown, unknown]>([
    ['throws at once', fail('text'), 'text'],
    ['throws undefined', fail(undefined), undefined],
    [
      'rejects',
      async () => {
        throw new TypeError('x');
      },
      new TypeError('x'),
    ],
    ['rejects with null', () => Promise.reject(null), null],
    ['answers a thenable that rejects', () => ({ then: (_ok: unknown, no: (error: unknown) => void) => no(5) }), 5],
    [
      'answers a thenable that throws',
      () => ({
        then: () => {
          throw new RangeError('x');
        },
      }),
      new RangeError('x'),
    ],
  ])('and %s hands the policy just that', async (_name, handler, error) => {
    const asked: unknown[] = [];
    const { link } = await run(handler, {
      errorPolicy: (thrown) => {
        asked.push(thrown);
        return { kind: 'settle', outcome: ACCEPTED };
      },
    });
    link.deliverJson(1);
    await settle();
    expect(asked).toEqual([error]);
  });

  it.each<[string, HandlerPolicy, object]>([
    ['a condition', policy.reject('app:no', 'why'), { DeadLetterReason: 'app:no', DeadLetterErrorDescription: 'why' }],
    [
      'the default',
      policy.reject(),
      { DeadLetterReason: 'amqp:internal-error', DeadLetterErrorDescription: 'TypeError' },
    ],
  ])('is rejected on Azure as its dead letters show it: %s', async (_what, errorPolicy, info) => {
    const { link } = await run(fail(new TypeError('no')), { errorPolicy }, { profile: 'azure' });
    const delivery = link.deliverJson(1);
    await settle();
    expect(delivery.outcome).toMatchObject({ kind: 'rejected', condition: 'com.microsoft:dead-letter', info });
  });

  it('is told to the policy with what the policy needs', async () => {
    const facts: object[] = [];
    const { link } = await run(fail(), {
      errorPolicy: (_error, failed) => {
        facts.push(failed);
        return { kind: 'settle', outcome: ACCEPTED };
      },
    });
    link.deliverJson({ a: 1 }, { header: { deliveryCount: 3 } });
    await settle();
    expect(facts).toEqual([
      {
        message: expect.objectContaining({ body: { a: 1 } }),
        address: 'orders',
        attempt: 1,
        deliveryCount: 3,
        countsDeliveries: true,
        pauses: 0,
      },
    ]);
  });

  it.each<[string, () => unknown]>([
    ['throws', fail(new Error('broken policy'))],
    ['rejects', () => Promise.reject(new Error('broken policy'))],
    ['answers nothing', () => undefined],
    ['answers a word', () => 'retry'],
    ['answers an unknown kind', () => ({ kind: 'requeue' })],
    ['answers a pause before the past', () => ({ kind: 'retry', delayMs: -1 })],
    ['answers a pause that is none', () => ({ kind: 'redeliver', delayMs: Number.NaN })],
    ['answers an outcome that does not exist', () => ({ kind: 'settle', outcome: { kind: 'lost' } })],
    ['answers a dead letter to nowhere', () => ({ kind: 'dead-letter' })],
  ])('under a policy that %s has its message rejected and a line in the log', async (_name, errorPolicy) => {
    const { link, logged } = await run(fail(new TypeError('card 4111')), { errorPolicy: errorPolicy as HandlerPolicy });
    const delivery = link.deliverJson(1);
    await settle();
    expect(delivery.outcome).toEqual({ kind: 'rejected', condition: 'amqp:internal-error', description: 'TypeError' });
    expect(logged.join()).toContain('the message is rejected');
    expect(logged.join()).not.toContain('4111');
  });

  it('after it settled its message leaves it at that', async () => {
    const errorPolicy = jest.fn<HandlerPolicy>(policy.reject());
    const { link } = await run(
      async (message) => {
        await message.release();
        throw new Error('late');
      },
      { errorPolicy },
    );
    const delivery = link.deliverJson(1);
    await settle();
    expect(delivery.outcome?.kind).toBe('released');
    expect(errorPolicy).not.toHaveBeenCalled();
  });

  it('never stops the ones after it', async () => {
    let calls = 0;
    const { link } = await run(
      () => {
        if (++calls % 3 === 0) throw new Error('no');
      },
      { errorPolicy: policy.reject(), prefetch: 100 },
    );
    for (let index = 0; index < 90; index++) link.deliverJson(index);
    await settle();
    expect(link.outcomes.filter((kind) => kind === 'accepted')).toHaveLength(60);
    expect(link.outcomes.filter((kind) => kind === 'rejected')).toHaveLength(30);
  });
});

describe('retry here', () => {
  it('calls the handler again after its pause, with the next attempt and a new signal', async () => {
    const attempts: number[] = [];
    const signals = new Set<AbortSignal>();
    const { link } = await run(
      (message) => {
        attempts.push(message.attempt);
        signals.add(message.signal);
        if (message.attempt < 3) throw new Error('no');
      },
      { errorPolicy: policy.retry({ attempts: 3, backoff: policy.fixed(50) }) },
    );
    const delivery = link.deliverJson(1);
    await settle();
    jest.advanceTimersByTime(49);
    await settle();
    expect(attempts).toEqual([1]);
    jest.advanceTimersByTime(1);
    await settle();
    jest.advanceTimersByTime(50);
    await settle();
    expect([attempts, signals.size, delivery.outcome?.kind]).toEqual([[1, 2, 3], 3, 'accepted']);
  });

  it('keeps the slot meanwhile, redelivery does not', async () => {
    const handled: unknown[] = [];
    const handler = ({ body }: ReceivedMessage): void => {
      handled.push(body);
      if (body === 1) throw new Error('no');
    };
    const retrying = await run(handler, {
      concurrency: 1,
      errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(50) }),
    });
    retrying.link.deliverJson(1);
    retrying.link.deliverJson(2);
    await settle();
    expect(handled).toEqual([1]);
    handled.length = 0;
    const giving = await run(handler, {
      concurrency: 1,
      errorPolicy: policy.redeliver({ maxDeliveries: 2, delayMs: 50 }),
    });
    const delivery = giving.link.deliverJson(1);
    giving.link.deliverJson(2);
    await settle();
    expect(handled).toEqual([1, 2]);
    expect([delivery.outcome, giving.subscription.inHand]).toEqual([undefined, 1]);
    jest.advanceTimersByTime(50);
    expect(delivery.outcome?.kind).toBe('modified');
  });

  it('goes on to the next policy after the last attempt', async () => {
    const errorPolicy = policy.retry({ attempts: 2, backoff: policy.fixed(1), then: policy.release });
    const { link } = await run(fail(), { errorPolicy });
    const delivery = link.deliverJson(1);
    await settle();
    jest.advanceTimersByTime(1);
    await settle();
    expect(delivery.outcome?.kind).toBe('released');
  });
});

describe('poison messages end', () => {
  it('by the default policy on a queue that counts, after thirty calls in ten deliveries', async () => {
    let calls = 0;
    const { link } = await run(() => {
      calls++;
      throw new Error('poison');
    });
    let deliveryCount = 0;
    for (; deliveryCount < 50; deliveryCount++) {
      const delivery = link.deliverJson(1, { header: { deliveryCount } });
      while (delivery.outcome === undefined) {
        await settle();
        jest.advanceTimersByTime(100);
      }
      if (delivery.outcome.kind === 'rejected') break;
      expect(delivery.outcome).toEqual({ kind: 'modified', deliveryFailed: true, undeliverableHere: false });
    }
    expect([calls, deliveryCount]).toEqual([30, 9]);
  });

  it.each([
    ['a profile that never counts', 'rabbitmq-3', undefined],
    ['a classic queue', 'rabbitmq-4', { type: 'classic', deadLetters: true }],
    ['a queue of unknown type', 'rabbitmq-4', undefined],
  ] as const)('at once on %s, which is told in the log', async (_name, profile, facts) => {
    const queues = { inspect: async () => facts, declare: async () => undefined };
    const { link, logged } = await run(
      fail(),
      { errorPolicy: policy.redeliver({ maxDeliveries: 9 }) },
      { profile, queues },
    );
    expect(logged.filter((line) => line.includes('does not count deliveries'))).toHaveLength(1);
    const delivery = link.deliverJson(1);
    await settle();
    expect(delivery.outcome?.kind).toBe('rejected');
  });

  it('also when a policy of the user redelivers without a bound where nobody counts', async () => {
    const { link, logged } = await run(
      fail(),
      { errorPolicy: () => ({ kind: 'redeliver' }) },
      { profile: 'rabbitmq-3' },
    );
    const delivery = link.deliverJson(1);
    await settle();
    expect(delivery.outcome?.kind).toBe('rejected');
    expect(logged.join()).toContain('rejected, not redelivered');
  });

  it('with redeliveries on a quorum queue, and a queue that loses what is rejected is named', async () => {
    const queues = {
      inspect: async () => ({ type: 'quorum', deadLetters: false }) as const,
      declare: async () => undefined,
    };
    const { link, logged } = await run(
      fail(),
      { errorPolicy: policy.redeliver({ maxDeliveries: 9 }) },
      { profile: 'rabbitmq-4', queues },
    );
    const delivery = link.deliverJson(1);
    await settle();
    expect(delivery.outcome?.kind).toBe('modified');
    expect(logged).toEqual(
      [expect.stringContaining('"orders" has no dead-letter target'), expect.any(String)].slice(0, 1),
    );
  });
});

describe('a message that cannot be read', () => {
  it.each<[string, (link: FakeReceiverLink) => { outcome: Outcome | undefined }, string]>([
    ['malformed', (link) => link.deliver({}, { bytes: Buffer.from('nonsense') }), 'decode'],
    ['not JSON', (link) => link.deliver(json('{')), 'decode'],
    ['too large', (link) => link.deliver({}, { oversized: true }), 'message-too-large'],
  ])(
    'because it is %s goes to the policy and not to the handler, and the consumer goes on',
    async (_name, deliver, code) => {
      const asked: unknown[] = [];
      const handled: unknown[] = [];
      const { link } = await run(({ body }) => void handled.push(body), {
        errorPolicy: (error) => {
          asked.push(error);
          return { kind: 'settle', outcome: { kind: 'rejected', condition: 'app:bad' } };
        },
      });
      const bad = deliver(link);
      link.deliverJson(2);
      await settle();
      expect(bad.outcome).toEqual({ kind: 'rejected', condition: 'app:bad' });
      expect(asked).toEqual([expect.any(DecodeError)]);
      expect(asked[0]).toMatchObject({ code });
      expect(handled).toEqual([2]);
    },
  );

  it('is asked about again when the policy says retry, and not handled then either', async () => {
    const handler = jest.fn();
    const attempts: number[] = [];
    const errorPolicy: HandlerPolicy = (_error, { attempt }) => {
      attempts.push(attempt);
      return attempt < 3 ? { kind: 'retry', delayMs: 1 } : { kind: 'settle', outcome: ACCEPTED };
    };
    const { link } = await run(handler, { errorPolicy });
    link.deliver(json('{'));
    for (let round = 0; round < 3; round++) {
      await settle();
      jest.advanceTimersByTime(1);
    }
    await settle();
    expect([attempts, handler.mock.calls.length]).toEqual([[1, 2, 3], 0]);
  });
});

describe('settlement', () => {
  it("'auto' accepts when the handler returns, not before, in whatever order they end", async () => {
    const calls = new Calls();
    const { link } = await run(calls.handler);
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    expect(link.outcomes).toEqual([undefined, undefined, undefined]);
    await calls.end(1);
    expect(link.outcomes).toEqual([undefined, 'accepted', undefined]);
    await calls.end(1);
    await calls.end(0);
    expect(link.outcomes).toEqual(['accepted', 'accepted', 'accepted']);
  });

  it("'auto' accepts in the same turn when the handler needs no other", async () => {
    const { link } = await run(() => undefined);
    expect(link.deliverJson(1).outcome?.kind).toBe('accepted');
  });

  it("'manual' that ends without settling is an error for the policy", async () => {
    const asked: unknown[] = [];
    const { link } = await run(
      async (message) => {
        if (message.body === 1) await message.reject('app:no');
      },
      {
        settlement: 'manual',
        errorPolicy: (error) => {
          asked.push(error);
          return { kind: 'settle', outcome: { kind: 'released' } };
        },
      },
    );
    link.deliverJson(1);
    link.deliverJson(2);
    await settle();
    expect(link.outcomes).toEqual(['rejected', 'released']);
    expect(asked).toEqual([expect.any(SettlementError)]);
    expect(asked[0]).toMatchObject({ code: 'not-settled' });
  });

  it("'at-most-once' attaches pre-settled, settles nothing, and bounds what is in hand all the same", async () => {
    const calls = new Calls();
    const { link, subscription } = await run(calls.handler, {
      settlement: 'at-most-once',
      prefetch: 2,
      concurrency: 1,
    });
    expect(link.settleMode).toBe('settled');
    link.deliverJson(1);
    link.deliverJson(2);
    expect([subscription.inHand, link.credit]).toEqual([2, 0]);
    await calls.end(0, new Error('no'));
    await settle();
    expect(link.deliveries.map(({ settlements }) => settlements)).toEqual([0, 0]);
    jest.advanceTimersByTime(60_000);
    await settle();
    expect(calls.bodies.length).toBeGreaterThanOrEqual(1);
  });
});

describe('what the peer settles otherwise than it was asked to', () => {
  it.each(['auto', 'manual'] as const)(
    "under '%s' pre-settled messages do not use up the prefetch",
    async (settlement) => {
      const { link } = await run(() => undefined, { settlement, prefetch: 2, concurrency: 1 });
      for (let index = 0; index < 5; index++) link.deliver({ body: 'x', bodyType: 'value' }, { presettled: true });
      expect(link.inHand).toBe(0);
    },
  );

  it("under 'at-most-once' unsettled messages are settled, and do not use up the prefetch", async () => {
    const { link } = await run(() => undefined, { settlement: 'at-most-once', prefetch: 2, concurrency: 1 });
    for (let index = 0; index < 5; index++) link.deliver({ body: 'x', bodyType: 'value' }, { presettled: false });
    expect([link.inHand, link.outcomes]).toEqual([0, Array.from({ length: 5 }, () => 'accepted')]);
  });
});

describe('the prefetch', () => {
  it.each([1, 7, 20])('of %i is never exceeded, whatever the order of settlement', async (prefetch) => {
    const seed = 20_261_121 + prefetch;
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % below;
    };
    const held: ReceivedMessage[] = [];
    const errors = [undefined, new Error('a'), new TypeError('b')];
    const { link, subscription } = await run(
      (message) => {
        if (random(3) === 0) return undefined;
        if (random(3) === 0) throw errors[random(3)];
        return new Promise((resolve, reject) => {
          held.push(message);
          pending.push(() => (random(2) === 0 ? resolve(undefined) : reject(errors[random(3)])));
        });
      },
      {
        prefetch,
        concurrency: 1 + random(30),
        errorPolicy: (): PolicyDecision =>
          (
            [
              { kind: 'retry', delayMs: random(50) },
              { kind: 'redeliver', delayMs: random(50) },
              { kind: 'settle', outcome: ACCEPTED },
            ] as const
          )[random(3)] ?? { kind: 'stop' },
      },
    );
    const pending: (() => void)[] = [];
    let delivered = 0;
    for (let round = 0; round < 800; round++) {
      while (link.credit > 0 && random(3) > 0) {
        link.deliverJson(delivered++);
        expect(link.inHand).toBeLessThanOrEqual(prefetch);
      }
      if (pending.length > 0 && random(2) === 0) pending.splice(random(pending.length), 1)[0]?.();
      if (held.length > 0 && random(5) === 0)
        void held
          .splice(random(held.length), 1)[0]
          ?.release()
          .catch(() => undefined);
      jest.advanceTimersByTime(random(20));
      if (random(4) === 0) await settle();
    }
    expect(delivered).toBeGreaterThan(prefetch);
    expect([link.mostInHand <= prefetch, subscription.inHand <= prefetch, seed]).toEqual([true, true, seed]);
    expect(link.deliveries.every(({ settlements }) => settlements <= 1)).toBe(true);
  });

  it.each<[SubscribeOptions, number]>([
    [{}, 20],
    [{ concurrency: 1 }, 10],
    [{ concurrency: 64 }, 128],
    [{ prefetch: 3 }, 3],
  ])('with %j is %i', async (options, prefetch) => {
    const { link } = await run(() => undefined, options);
    expect(link.prefetch).toBe(prefetch);
  });
});

describe('concurrency and lanes', () => {
  it.each([1, 3, 10])('no more than %i handlers run at a time', async (concurrency) => {
    const calls = new Calls();
    const { link } = await run(calls.handler, { concurrency, prefetch: 50 });
    for (let index = 0; index < 50; index++) link.deliverJson(index);
    for (let index = 0; index < 50; index++) await calls.end(0);
    expect(calls.most).toBe(concurrency);
    expect(calls.bodies).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it('messages of one key run one after another in order, other keys meanwhile, and retries keep the lane', async () => {
    const calls = new Calls();
    const { link } = await run(calls.handler, {
      orderBy: ({ body }) => String(body).charAt(0),
      errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(10) }),
    });
    for (const body of ['a1', 'a2', 'b1', 'a3', 'b2']) link.deliverJson(body);
    expect(calls.bodies).toEqual(['a1', 'b1']);
    await calls.end(0, new Error('no'));
    expect(calls.bodies).toEqual(['a1', 'b1']);
    jest.advanceTimersByTime(10);
    await settle();
    expect(calls.bodies).toEqual(['a1', 'b1', 'a1']);
    await calls.end(1);
    await calls.end(0);
    expect(calls.bodies).toEqual(['a1', 'b1', 'a1', 'a2', 'b2']);
    await calls.end(0);
    await calls.end(0);
    expect(calls.bodies.at(-1)).toBe('a3');
  });

  it("'group-id' is the usual key, and messages without one have no lane", async () => {
    const calls = new Calls();
    const { link } = await run(calls.handler, { orderBy: 'group-id' });
    link.deliverJson(1, { properties: { groupId: 'g' } });
    link.deliverJson(2, { properties: { groupId: 'g' } });
    link.deliverJson(3);
    link.deliverJson(4);
    expect(calls.bodies).toEqual([1, 3, 4]);
  });

  it('ten thousand keys are ten thousand lanes, each in order, and none is left behind', async () => {
    const last = new Map<number, number>();
    const wrong: number[] = [];
    const { link } = await run(
      async ({ body }) => {
        const { key, sequence } = body as { key: number; sequence: number };
        await Promise.resolve();
        if ((last.get(key) ?? -1) !== sequence - 1) wrong.push(key);
        last.set(key, sequence);
      },
      { orderBy: ({ body }) => String((body as { key: number }).key), concurrency: 100, prefetch: 20_000 },
    );
    for (let sequence = 0; sequence < 2; sequence++)
      for (let key = 0; key < 10_000; key++) link.deliverJson({ key, sequence });
    for (let turn = 0; turn < 400 && link.inHand > 0; turn++) await settle();
    expect([last.size, wrong, link.inHand]).toEqual([10_000, [], 0]);
  });

  it('a key function that throws is a failure of that message', async () => {
    const asked: unknown[] = [];
    const handled: unknown[] = [];
    const { link } = await run(({ body }) => void handled.push(body), {
      orderBy: ({ body }) => {
        if (body === 1) throw new RangeError('no key');
        return 'k';
      },
      errorPolicy: (error) => {
        asked.push(error);
        return { kind: 'settle', outcome: { kind: 'released' } };
      },
    });
    link.deliverJson(1);
    link.deliverJson(2);
    await settle();
    expect([asked, handled, link.outcomes]).toEqual([[new RangeError('no key')], [2], ['released', 'accepted']]);
  });

  it('handlers without an await leave the event loop to others', async () => {
    const { link } = await run(
      () => {
        const until = performance.now();
        while (performance.now() < until) break;
      },
      { prefetch: 5_000, concurrency: 1 },
    );
    for (let index = 0; index < 5_000; index++) link.deliverJson(index);
    expect(link.inHand).toBeGreaterThan(4_000);
    for (let turn = 0; turn < 30 && link.inHand > 0; turn++) await settle();
    expect(link.inHand).toBe(0);
  });
});

describe('batches', () => {
  const batch = { maxMessages: 3, waitMs: 100 };

  it('are full, or what came within the wait of the first', async () => {
    const sizes: number[] = [];
    const { link } = await runBatch((messages) => void sizes.push(messages.length), { batch });
    for (let index = 0; index < 4; index++) link.deliverJson(index);
    expect(sizes).toEqual([3]);
    jest.advanceTimersByTime(99);
    expect(sizes).toEqual([3]);
    jest.advanceTimersByTime(1);
    expect(sizes).toEqual([3, 1]);
    expect(link.outcomes).toEqual(['accepted', 'accepted', 'accepted', 'accepted']);
  });

  it('that fail in part send each failed member to the policy with its own error and accept the others', async () => {
    const asked: unknown[] = [];
    const { link } = await runBatch(
      (messages) => {
        throw new BatchError([
          { message: 0, error: 'first' },
          { message: messages[2] as object, error: 'third' },
        ]);
      },
      {
        batch,
        errorPolicy: (error) => {
          asked.push(error);
          return { kind: 'settle', outcome: { kind: 'released' } };
        },
      },
    );
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    await settle();
    expect(asked).toEqual(['first', 'third']);
    expect(link.outcomes).toEqual(['released', 'accepted', 'released']);
  });

  it('that throw anything else fail in all that is not settled', async () => {
    const { link } = await runBatch(
      async ([first]) => {
        await first?.accept();
        throw new Error('no');
      },
      { batch, errorPolicy: policy.release },
    );
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    await settle();
    expect(link.outcomes).toEqual(['accepted', 'released', 'released']);
  });

  it('that name a message they do not have fail whole: nothing may count as handled', async () => {
    const { link } = await runBatch(fail(new BatchError([{ message: 7, error: 'x' }])), {
      batch,
      errorPolicy: policy.release,
    });
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    await settle();
    expect(link.outcomes).toEqual(['released', 'released', 'released']);
  });

  it('call the handler again with those to retry only', async () => {
    const seen: unknown[][] = [];
    const { link } = await runBatch(
      (messages) => {
        seen.push(messages.map(({ body }) => body));
        if (seen.length === 1) throw new BatchError([{ message: 1, error: 'busy' }]);
      },
      { batch, errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(5) }) },
    );
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    await settle();
    jest.advanceTimersByTime(5);
    await settle();
    expect(seen).toEqual([[0, 1, 2], [1]]);
    expect(link.outcomes).toEqual(['accepted', 'accepted', 'accepted']);
  });

  it('hold no message that cannot be read: it goes to the policy alone', async () => {
    const seen: number[] = [];
    const { link } = await runBatch((messages) => void seen.push(messages.length), {
      batch,
      errorPolicy: policy.reject(),
    });
    link.deliverJson(1);
    link.deliver(json('{'));
    link.deliverJson(2);
    link.deliverJson(3);
    await settle();
    expect([seen, link.outcomes]).toEqual([[3], ['accepted', 'rejected', 'accepted', 'accepted']]);
  });

  it('are not handed out beyond the concurrency', async () => {
    const open: (() => void)[] = [];
    const { link } = await runBatch(() => new Promise<void>((resolve) => open.push(resolve)), {
      batch,
      concurrency: 1,
      prefetch: 20,
    });
    for (let index = 0; index < 8; index++) link.deliverJson(index);
    jest.advanceTimersByTime(500);
    expect(open).toHaveLength(1);
    open.shift()?.();
    await settle();
    expect(open).toHaveLength(1);
    open.shift()?.();
    await settle();
    expect(link.outcomes.filter((kind) => kind === 'accepted')).toHaveLength(6);
  });

  it('that take too long when they are tried again fail in what was tried again only', async () => {
    const asked: unknown[] = [];
    const held = new Error('held');
    const errorPolicy: HandlerPolicy = (error, { message }) => {
      asked.push([message.body, error === held ? 'held' : (error as Error).name]);
      if (error === held) return { kind: 'redeliver', delayMs: 60_000 };
      return error instanceof AmqpTimeoutError ? { kind: 'settle', outcome: ACCEPTED } : { kind: 'retry', delayMs: 0 };
    };
    let calls = 0;
    const handler = (): unknown => {
      if (calls++ > 0) return new Promise(() => undefined);
      throw new BatchError([
        { message: 0, error: held },
        { message: 1, error: new Error('again') },
      ]);
    };
    const { link } = await runBatch(handler, {
      batch: { maxMessages: 2, waitMs: 10 },
      errorPolicy,
      handlerTimeoutMs: 100,
    });
    link.deliverJson(0);
    link.deliverJson(1);
    await settle();
    jest.advanceTimersByTime(1);
    await settle();
    expect(calls).toBe(2);
    jest.advanceTimersByTime(200);
    await settle();
    expect(asked).toEqual([
      [0, 'held'],
      [1, 'Error'],
      [1, 'AmqpTimeoutError'],
    ]);
    expect(link.outcomes).toEqual([undefined, 'accepted']);
  });

  it("'manual' that leave members unsettled hand those to the policy", async () => {
    const { link } = await runBatch(async ([first]) => void (await first?.accept()), {
      batch,
      settlement: 'manual',
      errorPolicy: policy.release,
    });
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    await settle();
    expect(link.outcomes).toEqual(['accepted', 'released', 'released']);
  });
});

describe('a handler that takes too long', () => {
  it('goes to the policy, has its signal aborted, and keeps its slot until it ends', async () => {
    const calls = new Calls();
    const asked: unknown[] = [];
    const { link } = await run(calls.handler, {
      handlerTimeoutMs: 1_000,
      concurrency: 1,
      errorPolicy: (error) => {
        asked.push(error);
        return { kind: 'settle', outcome: { kind: 'released' } };
      },
    });
    link.deliverJson(1);
    link.deliverJson(2);
    const { signal } = calls.open[0]?.message ?? { signal: AbortSignal.abort() };
    jest.advanceTimersByTime(900);
    expect(signal.aborted).toBe(false);
    jest.advanceTimersByTime(200);
    await settle();
    expect(signal.reason).toBeInstanceOf(AmqpTimeoutError);
    expect(asked).toEqual([signal.reason]);
    expect([link.outcomes, calls.bodies]).toEqual([['released', undefined], [1]]);
    await calls.end(0);
    expect(calls.bodies).toEqual([1, 2]);
    await calls.end(0);
    expect(link.outcomes).toEqual(['released', 'accepted']);
  });

  it('is called again only after it really ended, and what it returned late does not count', async () => {
    const calls = new Calls();
    const { link } = await run(calls.handler, {
      handlerTimeoutMs: 100,
      errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(10) }),
    });
    link.deliverJson(1);
    jest.advanceTimersByTime(300);
    await settle();
    jest.advanceTimersByTime(300);
    await settle();
    expect([calls.bodies, link.outcomes]).toEqual([[1], [undefined]]);
    await calls.end(0);
    jest.advanceTimersByTime(10);
    await settle();
    expect([calls.bodies, link.outcomes]).toEqual([[1, 1], [undefined]]);
    await calls.end(0);
    expect(link.outcomes).toEqual(['accepted']);
  });

  it('and settles late is believed', async () => {
    const calls = new Calls();
    const { link } = await run(calls.handler, {
      settlement: 'manual',
      handlerTimeoutMs: 100,
      errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(10) }),
    });
    link.deliverJson(1);
    const message = calls.open[0]?.message;
    jest.advanceTimersByTime(300);
    await settle();
    await message?.accept();
    await calls.end(0);
    jest.advanceTimersByTime(50);
    await settle();
    expect([calls.bodies, link.outcomes]).toEqual([[1], ['accepted']]);
  });

  it('that settled in time is not asked about when it goes on', async () => {
    const errorPolicy = jest.fn<HandlerPolicy>(policy.reject());
    const { link } = await run(
      async (message) => {
        await message.accept();
        await new Promise(() => undefined);
      },
      { handlerTimeoutMs: 100, errorPolicy },
    );
    link.deliverJson(1);
    await settle();
    jest.advanceTimersByTime(300);
    await settle();
    expect(errorPolicy).not.toHaveBeenCalled();
    expect(link.outcomes).toEqual(['accepted']);
  });
});

describe('when the link is lost', () => {
  const lost = new LinkDetachedError('detached', 'orders', 'l');

  it('what nobody has seen is dropped, running handlers go on, and nothing of the old link is settled on the new one', async () => {
    const calls = new Calls();
    const { links, link, subscription } = await run(calls.handler, { concurrency: 2, prefetch: 10 });
    for (let index = 0; index < 5; index++) link.deliverJson(index);
    const running = calls.open.map(({ message }) => message);
    links.current.lose(lost);
    expect(running.map(({ signal }) => signal.reason === lost)).toEqual([true, true]);
    expect(subscription.state).toBe('starting');
    await links.current.attach();
    expect(subscription.state).toBe('running');
    const again = links.receiver;
    expect(again.prefetch).toBe(10);
    again.deliverJson('new');
    expect(calls.bodies).toEqual([0, 1]);
    await calls.end(0);
    expect(calls.bodies).toEqual([0, 1, 'new']);
    await expect(running[1]?.accept()).resolves.toBe('stale');
    await calls.end(0);
    await calls.end(0);
    expect(link.outcomes).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(again.outcomes).toEqual(['accepted']);
  });

  it('a retry that waits is given up, a message that is held is dropped, and no policy is asked about a stale one', async () => {
    const calls = new Calls();
    const errorPolicy = jest.fn<HandlerPolicy>((error) =>
      error === 'retry' ? { kind: 'retry', delayMs: 1_000 } : { kind: 'redeliver', delayMs: 1_000 },
    );
    const { links, link } = await run(calls.handler, { errorPolicy });
    for (let index = 0; index < 3; index++) link.deliverJson(index);
    await calls.end(0, 'retry');
    await calls.end(0, 'redeliver');
    links.current.lose(lost);
    await calls.end(0, 'late');
    jest.advanceTimersByTime(5_000);
    await settle();
    expect([calls.bodies, errorPolicy.mock.calls.length, link.outcomes]).toEqual([
      [0, 1, 2],
      2,
      [undefined, undefined, undefined],
    ]);
  });

  it('the lane of a running handler stays closed to what comes again', async () => {
    const calls = new Calls();
    const { links, link } = await run(calls.handler, { orderBy: () => 'k' });
    link.deliverJson('a');
    link.deliverJson('b');
    links.current.lose(lost);
    await links.current.attach();
    links.receiver.deliverJson('a again');
    links.receiver.deliverJson('b again');
    expect(calls.bodies).toEqual(['a']);
    await calls.end(0);
    expect(calls.bodies).toEqual(['a', 'a again']);
    await calls.end(0);
    expect(calls.bodies).toEqual(['a', 'a again', 'b again']);
  });

  it('pre-settled messages are handled all the same: nobody would deliver them again', async () => {
    const calls = new Calls();
    const { links, link } = await run(calls.handler, { settlement: 'at-most-once', concurrency: 1 });
    link.deliverJson(1);
    link.deliverJson(2);
    links.current.lose(lost);
    await calls.end(0);
    expect(calls.bodies).toEqual([1, 2]);
  });
});

describe('when the link is lost while a retry waits', () => {
  it('a pre-settled message is retried all the same', async () => {
    const calls = new Calls();
    const { links, link } = await run(calls.handler, {
      settlement: 'at-most-once',
      errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(10) }),
    });
    link.deliverJson(1);
    await calls.end(0, new Error('no'));
    links.current.lose();
    jest.advanceTimersByTime(10);
    await settle();
    expect(calls.bodies).toEqual([1, 1]);
  });

  it('the key of an idempotent message is free again for what comes next', async () => {
    const calls = new Calls();
    const { links, link } = await run(calls.handler, {
      idempotency: {},
      errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(10_000) }),
    });
    link.deliverJson(1, { properties: { messageId: 'a' } });
    await settle();
    await calls.end(0, new Error('no'));
    links.current.lose();
    await settle();
    await links.current.attach();
    links.receiver.deliverJson(1, { properties: { messageId: 'a' } });
    await settle();
    expect(calls.bodies).toEqual([1, 1]);
  });
});

describe('a source that is refused', () => {
  const refused = new LinkError('"orders" was refused', 'orders', 'l', {
    condition: 'amqp:not-found',
    retryable: false,
  });

  it('fails the subscription, which can be resumed', async () => {
    const { client, links } = make();
    links.attachesAtOnce = false;
    const subscription = client.subscribe(() => undefined);
    const ready = subscription.ready();
    await settle();
    expect(subscription.state).toBe('starting');
    links.current.fail(refused);
    await expect(ready).rejects.toBe(refused);
    expect([subscription.state, subscription.error]).toEqual(['failed', refused]);
    links.attachesAtOnce = true;
    await subscription.resume();
    expect([subscription.state, subscription.error]).toEqual(['running', undefined]);
    expect(links.receiver.prefetch).toBe(20);
  });

  it('rejects attach()', async () => {
    const { client, links } = make();
    links.attachesAtOnce = false;
    const attached = client.attach();
    links.current.fail(refused);
    await expect(attached).rejects.toBe(refused);
  });
});

describe('pause and resume', () => {
  it('take the credit back, give back what nobody has seen, leave running handlers alone, and go on', async () => {
    const calls = new Calls();
    const { link, subscription } = await run(calls.handler, { concurrency: 1, prefetch: 3 });
    link.deliverJson(1);
    link.deliverJson(2);
    await subscription.pause();
    expect(subscription.state).toBe('paused');
    expect(link.events).toEqual(['prefetch 3', 'drain', 'released', 'flush']);
    await calls.end(0);
    expect(link.outcomes).toEqual(['accepted', 'released']);
    expect(link.credit).toBe(0);
    await subscription.resume();
    expect([subscription.state, link.credit]).toEqual(['running', 3]);
    link.deliverJson(3);
    expect(calls.bodies).toEqual([1, 3]);
  });

  it('leave it ready meanwhile: it is attached', async () => {
    const { subscription } = await run(() => undefined);
    await subscription.pause();
    const ready = subscription.ready().then(() => 'ready');
    await expect(Promise.race([ready, settle()])).resolves.toBe('ready');
  });

  it('in the middle of a handler do not wait for it', async () => {
    const { link, subscription } = await run(async () => {
      await subscription.pause();
    });
    link.deliverJson(1);
    await settle();
    expect([subscription.state, link.outcomes]).toEqual(['paused', ['accepted']]);
  });

  it('in quick succession end as the last one says', async () => {
    const { link, subscription } = await run(() => undefined);
    void subscription.pause();
    void subscription.resume();
    await subscription.pause();
    expect([subscription.state, link.prefetch]).toEqual(['paused', 0]);
    void subscription.pause();
    await subscription.resume();
    expect([subscription.state, link.prefetch]).toEqual(['running', 20]);
  });

  it('without a drain where the peer cannot, and what comes late goes back at once', async () => {
    const handler = jest.fn();
    const { link, subscription } = await run(handler, {}, { profile: 'rabbitmq-3' });
    await subscription.pause();
    // the link takes its credit back by other means than a drain on the wire
    expect([link.options.drains, link.events]).toEqual([false, ['prefetch 20', 'drain', 'flush']]);
    link.prefetch = 1;
    link.deliverJson('on its way');
    expect([link.outcomes, handler.mock.calls.length]).toEqual([['released'], 0]);
  });

  it('wait no longer than two seconds for a peer that does not answer the drain', async () => {
    const { link, subscription } = await run(() => undefined);
    link.answersDrain = false;
    const paused = subscription.pause();
    await settle();
    jest.advanceTimersByTime(2_000);
    await paused;
    expect(link.prefetch).toBe(0);
  });

  it('keep a link that comes back without credit while paused', async () => {
    const { links, subscription } = await run(() => undefined);
    await subscription.pause();
    links.current.lose();
    await links.current.attach();
    expect([subscription.state, links.receiver.prefetch]).toEqual(['paused', 0]);
  });

  it('start what was made with autoStart: false, which attaches nothing before', async () => {
    const { client, links } = make();
    const subscription = client.subscribe(() => undefined, { autoStart: false });
    await settle();
    expect([subscription.state, links.supervised.length]).toEqual(['paused', 0]);
    await subscription.resume();
    expect([subscription.state, links.receiver.prefetch]).toEqual(['running', 20]);
  });

  it('give no credit to a link that was attached before the handler', async () => {
    const { client, links } = make();
    const subscription = client.subscribe(() => undefined, { autoStart: false });
    await client.attach();
    expect([links.receivers.length, links.receiver.prefetch]).toEqual([1, 0]);
    await subscription.resume();
    expect([links.receivers.length, links.receiver.prefetch]).toEqual([1, 20]);
  });
});

describe('closing', () => {
  it('stops the credit, waits for handlers, settles, flushes, gives back the rest, detaches, in this order', async () => {
    const calls = new Calls();
    const { link, links, subscription, client, registered } = await run(calls.handler, { concurrency: 1 });
    link.deliverJson(1);
    link.deliverJson(2);
    const closed = client.close();
    await settle();
    expect(link.events).toEqual(['prefetch 10', 'drain']);
    await calls.end(0);
    await closed;
    expect(link.events).toEqual(['prefetch 10', 'drain', 'accepted', 'flush', 'released', 'flush', 'detach closed']);
    expect([subscription.state, links.current.isReleased, registered.size]).toEqual(['closed', true, 0]);
    expect(() => client.subscribe(() => undefined)).toThrow(ClientClosedError);
    await expect(subscription.resume()).rejects.toBeInstanceOf(ClientClosedError);
    await expect(subscription.pause()).rejects.toBeInstanceOf(ClientClosedError);
  });

  it('leaves handlers behind when its time is over, aborts their signals, and what they settle is stale', async () => {
    const calls = new Calls();
    const { link, subscription } = await run(calls.handler);
    link.deliverJson(1);
    const message = calls.open[0]?.message;
    const closed = subscription.close({ timeoutMs: 500 });
    await settle();
    expect(message?.signal.aborted).toBe(false);
    jest.advanceTimersByTime(500);
    await closed;
    expect(message?.signal.reason).toBeInstanceOf(ClientClosedError);
    await expect(message?.accept()).resolves.toBe('stale');
    expect(link.outcomes).toEqual([undefined]);
  });

  it('does not wait for pauses: held messages go back as failed, retries as they came', async () => {
    const { link, client } = await run(
      ({ body }) => {
        throw new Error(String(body));
      },
      {
        errorPolicy: (error) =>
          (error as Error).message === 'held'
            ? { kind: 'redeliver', delayMs: 60_000 }
            : { kind: 'retry', delayMs: 60_000 },
      },
    );
    const [held, retried] = [link.deliverJson('held'), link.deliverJson('retried')];
    await settle();
    await client.close();
    expect(held.outcome).toMatchObject({ kind: 'modified', deliveryFailed: true });
    expect(retried.outcome?.kind).toBe('released');
  });

  it('keeps a durable subscription at the peer', async () => {
    const source = { topic: 'news', durable: 'unsettled-state', expiryPolicy: 'never', linkName: 'me' } as const;
    const { link, client } = await run(() => undefined, {}, { source, profile: 'activemq' });
    await client.close();
    expect(link.name).toBe('me');
    expect(link.events.at(-1)).toBe('detach');
  });

  it.each<[string, (all: Made) => unknown]>([
    ['before its first use', () => undefined],
    [
      'while it attaches',
      ({ client, links }) => {
        links.attachesAtOnce = false;
        client.subscribe(() => undefined);
      },
    ],
    [
      'while the link is lost',
      async ({ client, links }) => {
        client.subscribe(() => undefined);
        await settle();
        links.current.lose();
      },
    ],
    [
      'after it failed',
      async ({ client, links }) => {
        client.subscribe(() => undefined);
        await settle();
        links.current.fail(new LinkError('no', 'orders', 'l'));
      },
    ],
    [
      'while it is paused',
      async ({ client }) => {
        const s = client.subscribe(() => undefined);
        await settle();
        await s.pause();
      },
    ],
    [
      'while it drains for a pause',
      async ({ client, links }) => {
        const s = client.subscribe(() => undefined);
        await settle();
        links.receiver.answersDrain = false;
        void s.pause();
        await settle();
      },
    ],
    [
      'while it fetches',
      async ({ client }) => {
        void client.receiveBatch({ maxMessages: 1, waitMs: 60_000 });
        await settle();
      },
    ],
  ])('works %s, twice', async (_name, prepare) => {
    const all = make();
    await prepare(all);
    const closed = all.client.close({ timeoutMs: 50 });
    await settle();
    jest.advanceTimersByTime(2_000);
    await closed;
    await all.client.close();
    expect(all.registered.size).toBe(0);
    expect(all.links.supervised.every(({ isReleased, state }) => isReleased || state === 'failed')).toBe(true);
  });
});

describe('policy.stop', () => {
  it('releases the message, fails the consumer, and lets the other handlers finish', async () => {
    const calls = new Calls();
    const { link, subscription, logged } = await run(calls.handler, { errorPolicy: policy.stop });
    link.deliverJson(1);
    link.deliverJson(2);
    await calls.end(0, new TypeError('fatal'));
    expect(subscription.state).toBe('failed');
    expect(subscription.error).toMatchObject({ cause: new TypeError('fatal') });
    expect(logged.join()).toContain('stopped the consumer after TypeError');
    await calls.end(0);
    await settle();
    expect(link.outcomes).toEqual(['released', 'accepted']);
    expect(link.events.at(-1)).toBe('detach closed');
    expect(subscription.state).toBe('failed');
  });
});

describe('policy.stop, what the consumer says of itself', () => {
  it.each([
    new RequestError('card 4111', {}),
    new AmqpError('order-refused', 'card 4111'),
    new AmqpTimeoutError('card 4111'),
  ])('holds no words that may be those of a message: $name', async (error) => {
    const { link, subscription } = await run(fail(error), { errorPolicy: policy.stop });
    link.deliverJson(1);
    await settle();
    expect(subscription.error).toMatchObject({ code: 'stopped', cause: error });
    expect(subscription.error?.message).not.toContain('4111');
  });

  it('is the error itself where that is told by nobody else', async () => {
    const error = AmqpError.inOwnWords(new AmqpTimeoutError('too long'));
    const { link, subscription } = await run(fail(error), { errorPolicy: policy.stop });
    link.deliverJson(1);
    await settle();
    expect(subscription.error).toBe(error);
  });
});

describe('policy.pause', () => {
  const down = policy.pause({ delayMs: (pauses) => pauses * 1_000 });

  it('releases the message, gives back what nobody has seen, lets the other handlers finish, and goes on by itself', async () => {
    const calls = new Calls();
    const { link, subscription, logged } = await run(calls.handler, { errorPolicy: down, concurrency: 2, prefetch: 3 });
    link.deliverJson(1);
    link.deliverJson(2);
    link.deliverJson(3);
    await calls.end(0, new Error('the database is down'));
    expect([subscription.state, link.credit, link.prefetch]).toEqual(['paused', 0, 0]);
    expect(subscription.error).toMatchObject({ code: 'paused', message: 'the policy of "orders" paused the consumer' });
    expect(link.outcomes).toEqual(['released', undefined, 'released']);
    await calls.end(0);
    expect(link.outcomes).toEqual(['released', 'accepted', 'released']);
    await jest.advanceTimersByTimeAsync(999);
    expect([subscription.state, calls.bodies]).toEqual(['paused', [1, 2]]);
    await jest.advanceTimersByTimeAsync(1);
    expect([subscription.state, subscription.error, link.credit]).toEqual(['running', undefined, 3]);
    link.deliverJson(4);
    expect(calls.bodies).toEqual([1, 2, 4]);
    expect(logged.join('\n')).toMatch(/released, and the consumer pauses for 1000 ms[^]*goes on/);
  });

  it('is one pause for all that fail at once, and counts those in a row until a handler succeeds', async () => {
    const calls = new Calls();
    const seen: number[] = [];
    const errorPolicy: HandlerPolicy = (error, failed) => {
      seen.push(failed.pauses ?? -1);
      return down(error, failed);
    };
    const { link, subscription } = await run(calls.handler, { errorPolicy, concurrency: 2 });
    link.deliverJson(1);
    link.deliverJson(2);
    await calls.end(0, new Error('down'));
    await jest.advanceTimersByTimeAsync(900);
    await calls.end(0, new Error('down'));
    await jest.advanceTimersByTimeAsync(100);
    expect(subscription.state).toBe('running');
    link.deliverJson(3);
    await calls.end(0, new Error('down'));
    await jest.advanceTimersByTimeAsync(1_999);
    expect(subscription.state).toBe('paused');
    await jest.advanceTimersByTimeAsync(1);
    link.deliverJson(4);
    await calls.end();
    link.deliverJson(5);
    await calls.end(0, new Error('down again'));
    expect(seen).toEqual([0, 1, 1, 0]);
    await jest.advanceTimersByTimeAsync(1_000);
    expect([subscription.state, link.outcomes]).toEqual([
      'running',
      ['released', 'released', 'released', 'accepted', 'released'],
    ]);
  });

  it.each<[string, (subscription: Subscription) => Promise<void>, Subscription['state']]>([
    ['a pause of the user lasts', (subscription) => subscription.pause(), 'paused'],
    ['a resume of the user is at once', (subscription) => subscription.resume(), 'running'],
    ['a close is for good', (subscription) => subscription.close(), 'closed'],
  ])('gives way to what the user says: %s', async (_name, act, state) => {
    const { link, subscription } = await run(fail(), { errorPolicy: down });
    link.deliverJson(1);
    await settle();
    expect(subscription.state).toBe('paused');
    await act(subscription);
    expect([subscription.state, subscription.error]).toEqual([state, undefined]);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(subscription.state).toBe(state);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('outlasts a lost link, and waits for the next one as long as it takes', async () => {
    const { link, links, subscription } = await run(fail(), { errorPolicy: down });
    link.deliverJson(1);
    await settle();
    links.current.lose();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(subscription.state).toBe('starting');
    await links.current.attach();
    expect([subscription.state, links.receiver.prefetch]).toEqual(['running', 20]);
  });

  it('rejects what cannot be read: it comes back no other', async () => {
    const { link, subscription } = await run(() => undefined, { errorPolicy: down });
    link.deliver(json('{'));
    await settle();
    expect([subscription.state, link.outcomes]).toEqual(['running', ['rejected']]);
  });
});

describe('policy.deadLetter', () => {
  async function deadLettering(handler: () => unknown = fail(new TypeError('card 4111'))): Promise<Running> {
    const all = await run(handler, { errorPolicy: policy.deadLetter('orders.dead') });
    return all;
  }

  it('sends a copy of the original with the reason, without count and time to live, then accepts', async () => {
    const { link, links } = await deadLettering();
    const delivery = link.deliver({
      ...json('{"a": 1}'),
      header: { durable: true, priority: 7, ttl: 50, deliveryCount: 2 },
      properties: { messageId: 'm1', contentType: 'application/json' },
      messageAnnotations: { 'x-opt-own': 1 },
      applicationProperties: { p: 1 },
    });
    await settle();
    expect(delivery.outcome).toBeUndefined();
    expect(links.sender.target.address).toBe('orders.dead');
    const [copy] = links.sender.written;
    expect(copy).toMatchObject({
      header: { durable: true, priority: 7 },
      properties: { messageId: 'm1', contentType: 'application/json' },
      applicationProperties: { p: 1 },
      messageAnnotations: {
        'x-opt-own': 1,
        'x-opt-death-reason': 'policy',
        'x-opt-death-queue': 'orders',
        'x-opt-death-error': 'TypeError',
      },
    });
    expect(copy?.header?.ttl).toBeUndefined();
    expect(copy?.header?.deliveryCount).toBeUndefined();
    expect(String(copy?.body)).toBe('{"a": 1}');
    expect(JSON.stringify(copy)).not.toContain('4111');
    links.sender.answer(ACCEPTED);
    await settle();
    expect(delivery.outcome?.kind).toBe('accepted');
  });

  it.each([new RequestError('card 4111', {}), new AmqpError('order-refused', 'card 4111')])(
    'tells no words that may be those of a message: $name',
    async (error) => {
      const { link, links } = await deadLettering(fail(error));
      link.deliverJson(1);
      await settle();
      const annotations = links.sender.written[0]?.messageAnnotations;
      expect(annotations).toMatchObject({ 'x-opt-death-error': error.name, 'x-opt-death-condition': error.code });
      expect(JSON.stringify(annotations)).not.toContain('4111');
    },
  );

  it('keeps the bytes of what could not even be read', async () => {
    const { link, links } = await deadLettering();
    link.deliver({}, { bytes: Buffer.from('nonsense') });
    await settle();
    expect(String(links.sender.written[0]?.body)).toBe('nonsense');
    expect(links.sender.written[0]?.messageAnnotations).toMatchObject({
      'x-opt-death-error': 'DecodeError',
      'x-opt-death-condition': 'amqp:decode-error',
    });
  });

  it.each<[string, Outcome]>([
    ['refused', { kind: 'rejected', condition: 'amqp:not-allowed' }],
    ['not taken by anybody', { kind: 'released' }],
  ])('that is %s gives the message back, after a pause, and the consumer goes on', async (_name, outcome) => {
    const { link, links, logged, subscription } = await deadLettering();
    const delivery = link.deliverJson(1);
    await settle();
    links.sender.answer(outcome);
    await settle();
    expect(delivery.outcome).toBeUndefined();
    jest.advanceTimersByTime(100);
    expect(delivery.outcome?.kind).toBe('released');
    expect(logged.join()).toContain('a dead letter of "orders" could not be sent');
    expect(subscription.state).toBe('running');
  });

  it.each([
    ['another user', 'alice', { userId: undefined, annotation: 'alice' }],
    ['the login itself', 'guest', { userId: 'guest', annotation: undefined }],
  ])('of a message of %s on RabbitMQ can be sent', async (_name, userId, expected) => {
    const { link, links } = await run(
      fail(),
      { errorPolicy: policy.deadLetter('orders.dead') },
      { profile: 'rabbitmq-4' },
    );
    Object.assign(links, { user: 'guest' });
    const delivery = link.deliver({ ...json('1'), properties: { userId: Buffer.from(userId) } });
    await settle();
    links.sender.answer(ACCEPTED);
    await settle();
    expect(delivery.outcome?.kind).toBe('accepted');
    const [copy] = links.sender.written;
    const annotation = copy?.messageAnnotations?.['x-opt-death-user-id'];
    expect({ userId: copy?.properties?.userId?.toString(), annotation }).toEqual(expected);
  });

  it('to an exchange without a taker gives the message back rather than lose it', async () => {
    const { link, links } = await run(fail(), { errorPolicy: policy.deadLetter({ exchange: 'dead' }) });
    const delivery = link.deliverJson(1);
    await settle();
    links.sender.answer({ kind: 'released' });
    await settle();
    jest.advanceTimersByTime(100);
    expect(delivery.outcome?.kind).toBe('released');
  });

  it('uses one link for all', async () => {
    const { link, links } = await deadLettering();
    for (let index = 0; index < 5; index++) link.deliverJson(index);
    await settle();
    links.sender.answerAll(ACCEPTED);
    await settle();
    expect(links.senders).toHaveLength(1);
    expect(link.outcomes).toEqual(['accepted', 'accepted', 'accepted', 'accepted', 'accepted']);
  });
});

describe('idempotency', () => {
  const withId = (messageId: string): Partial<AmqpMessage> => ({ properties: { messageId } });

  it('accepts what was handled before without calling the handler', async () => {
    const handled: unknown[] = [];
    const { link } = await run(({ body }) => void handled.push(body), { idempotency: {} });
    for (const [body, id] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'a'],
    ] as const) {
      link.deliverJson(body, withId(id));
      await settle();
    }
    link.deliverJson('no id');
    link.deliverJson('no id');
    await settle();
    expect(handled).toEqual([1, 2, 'no id', 'no id']);
    expect(link.outcomes).toEqual(['accepted', 'accepted', 'accepted', 'accepted', 'accepted']);
  });

  it('handles it again when it failed', async () => {
    let calls = 0;
    const { link } = await run(
      () => {
        if (++calls === 1) throw new Error('no');
      },
      { idempotency: {}, errorPolicy: policy.release },
    );
    link.deliverJson(1, withId('a'));
    await settle();
    link.deliverJson(1, withId('a'));
    await settle();
    expect([calls, link.outcomes]).toEqual([2, ['released', 'accepted']]);
  });

  it("under 'manual' does not remember what was left unsettled and given back", async () => {
    let calls = 0;
    const { link } = await run((message) => (++calls === 1 ? undefined : message.accept()), {
      idempotency: {},
      settlement: 'manual',
      errorPolicy: policy.release,
    });
    link.deliverJson(1, withId('a'));
    await settle();
    link.deliverJson(1, withId('a'));
    await settle();
    expect([calls, link.outcomes]).toEqual([2, ['released', 'accepted']]);
  });

  it('waits while another delivery of the same key runs: it may still fail', async () => {
    const calls = new Calls();
    const { link } = await run(calls.handler, { idempotency: {}, errorPolicy: policy.release });
    link.deliverJson(1, withId('a'));
    link.deliverJson(2, withId('a'));
    await settle();
    expect(calls.bodies).toEqual([1]);
    await calls.end(0, new Error('no'));
    jest.advanceTimersByTime(2_000);
    await settle();
    expect(calls.bodies).toEqual([1, 2]);
  });

  it('remembers what a handler did although its link was lost', async () => {
    const calls = new Calls();
    const { links, link } = await run(calls.handler, { idempotency: {} });
    link.deliverJson(1, withId('a'));
    await settle();
    links.current.lose();
    await links.current.attach();
    links.receiver.deliverJson(1, withId('a'));
    await settle();
    await calls.end(0);
    jest.advanceTimersByTime(2_000);
    await settle();
    expect([calls.bodies, links.receiver.outcomes]).toEqual([[1], ['accepted']]);
  });

  it.each<[string, 'begin' | 'done', string]>([
    ['before the handler is a failure for the policy', 'begin', 'released'],
    ['after the handler is only a line in the log', 'done', 'accepted'],
  ])('whose store fails %s', async (_name, method, outcome) => {
    const store = {
      begin: async () => 'new' as const,
      done: async () => undefined,
      forget: async () => undefined,
      [method]: async () => {
        throw new Error('store is down');
      },
    };
    const { link } = await run(() => undefined, { idempotency: { store }, errorPolicy: policy.release });
    link.deliverJson(1, withId('a'));
    await settle();
    expect(link.outcomes).toEqual([outcome]);
  });
});

describe('observers of deliveries', () => {
  it('run each call of the handler, hear of its end and of the settlement, and change nothing by failing', async () => {
    const told: string[] = [];
    const observers = [
      {
        onDelivery: () => {
          told.push('delivery');
          return 'token';
        },
        runHandler: <T>(token: unknown, handler: () => T): T => {
          told.push(`run ${String(token)}`);
          return handler();
        },
        onHandled: (_token: unknown, error?: unknown) =>
          void told.push(`handled ${error === undefined ? 'well' : 'badly'}`),
        onSettle: ({ outcome }: { outcome: Outcome }) => void told.push(outcome.kind),
      },
      {
        runHandler: (): never => {
          throw new Error('broken');
        },
      },
    ];
    let calls = 0;
    const { link } = await run(
      () => {
        if (++calls === 1) throw new Error('no');
      },
      {
        errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(1) }),
      },
      { observers },
    );
    link.deliverJson(1);
    await settle();
    jest.advanceTimersByTime(1);
    await settle();
    expect(told).toEqual([
      'delivery',
      'run token',
      'handled badly',
      'delivery',
      'run token',
      'handled well',
      'accepted',
    ]);
    expect(calls).toBe(2);
  });

  it.each<[string, () => unknown]>([
    ['returns', () => undefined],
    ['resolves', async () => undefined],
  ])(
    "hear of a failure when the handler under 'manual' %s without settling, and run its policy",
    async (_name, handler) => {
      const told: unknown[] = [];
      const observer: Observer = {
        onHandled: (_token, error) => void told.push(error),
        runPolicy: (_token, decide) => {
          told.push('policy');
          return decide();
        },
        onSettle: ({ outcome }) => void told.push(outcome.kind),
      };
      const options: SubscribeOptions = { settlement: 'manual', errorPolicy: policy.reject() };
      const { link } = await run(handler, options, { observers: [observer] });
      link.deliverJson(1);
      await settle();
      expect(told).toEqual([expect.objectContaining({ code: 'not-settled' }), 'policy', 'rejected']);
    },
  );

  it('hear of a batch in which each failed with no more looks at its failures than it has', async () => {
    const told: unknown[] = [];
    const observers = new Observers([{ onHandled: (_token, error) => void told.push(error) }], log);
    const call = new ObservedCall({
      address: () => 'orders',
      node: { kind: 'named' },
      handler: () => undefined,
      observers,
      options: {},
    });
    // Only compared.
    const messages = Array.from({ length: 500 }, (_, index) => ({ index }) as unknown as IncomingMessage);
    let looks = 0;
    const failures = messages.map((message, error) => ({
      error,
      get message() {
        looks++;
        return message;
      },
    }));
    call.call(messages, messages);
    call.end(failures);
    expect(told).toEqual(failures.map(({ error }) => error));
    expect(looks).toBe(500);
  });

  it('hear what the policy says of each failure, and the name of the subscription', async () => {
    const told: unknown[] = [];
    const observer: Observer = {
      onDelivery: ({ consumer }) => void told.push(consumer),
      onDecision: ({ address, consumer, error, decision }) =>
        void told.push([address, consumer, String(error), decision]),
      onSettle: ({ consumer, outcome }) => void told.push([consumer, outcome.kind]),
    };
    const errorPolicy = policy.retry({ attempts: 2, backoff: policy.fixed(1) });
    const handler = (): never => {
      throw new Error('no');
    };
    const { link } = await run(handler, { errorPolicy, name: 'Orders.place' }, { observers: [observer] });
    link.deliverJson(1);
    await settle();
    jest.advanceTimersByTime(1);
    await settle();
    const outcome = { kind: 'rejected', condition: 'amqp:internal-error', description: 'Error' };
    expect(told).toEqual([
      'Orders.place',
      ['orders', 'Orders.place', 'Error: no', { kind: 'retry', delayMs: 1 }],
      'Orders.place',
      ['orders', 'Orders.place', 'Error: no', { kind: 'settle', outcome }],
      ['Orders.place', 'rejected'],
    ]);
  });
});

describe('one receive client', () => {
  it('gives each subscription a link of its own', async () => {
    const { client, links } = make({ prefetch: 7 });
    client.subscribe(() => undefined);
    client.subscribe(() => undefined, { settlement: 'at-most-once' });
    await settle();
    expect(links.receivers.map(({ settleMode, prefetch }) => [settleMode, prefetch])).toEqual([
      ['unsettled', 7],
      ['settled', 7],
    ]);
  });

  it('has the name of its dynamic source once attached, and one consumer of it', async () => {
    const { client } = make({}, { source: { dynamic: true } });
    expect(client.address).toBe('dynamic');
    await client.attach();
    expect(client.address).toBe('temp-1');
    client.subscribe(() => undefined);
    expect(() => client.subscribe(() => undefined)).toThrow('not dynamic for a second consumer');
  });

  it('declares its queue again before each attach: one that was deleted is there again', async () => {
    const declared: string[] = [];
    const queues = { inspect: async () => undefined, declare: async (name: string) => void declared.push(name) };
    const { client, links } = make({ queues: 'declare' }, { queues, profile: 'rabbitmq-4' });
    client.subscribe(() => undefined);
    await settle();
    links.current.lose(new LinkDetachedError('deleted', 'orders', 'l', { condition: 'amqp:resource-deleted' }));
    await links.current.attach();
    expect([declared, links.receivers.length]).toEqual([['orders', 'orders'], 2]);
  });

  it('declares its queue before it attaches where asked, and fails when that fails', async () => {
    const declared: string[] = [];
    const queues = { inspect: async () => undefined, declare: async (name: string) => void declared.push(name) };
    const { client } = make({ queues: 'declare' }, { queues, profile: 'rabbitmq-4', source: '/queues/new%20orders' });
    await client.attach();
    expect(declared).toEqual(['new orders']);
  });

  it('writes modified as what comes nearest where the peer does not know it', async () => {
    const { link } = await run(
      async (message) => message.modify(message.body as object),
      { settlement: 'manual' },
      { profile: 'rabbitmq-3' },
    );
    link.deliverJson({ deliveryFailed: true });
    link.deliverJson({ undeliverableHere: true });
    await settle();
    expect(link.outcomes).toEqual(['released', 'rejected']);
  });
});
