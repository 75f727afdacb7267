import { describe, expect, it } from '@jest/globals';
import { exponential } from '../../../../lib/client/policy/backoff.js';
import { errorName } from '../../../../lib/client/policy/error-name.js';
import type { FailedDelivery, HandlerPolicy, PolicyDecision } from '../../../../lib/client/policy/handler-policy.js';
import { DEFAULT_POLICY, policy } from '../../../../lib/client/policy/policy.js';
import { redelivers } from '../../../../lib/client/policy/redelivering.js';
import { DecodeError, InvalidOptionsError } from '../../../../lib/protocol/index.js';

class InvalidOrder extends Error {}
class Declined extends InvalidOrder {}

function failed(facts: Partial<FailedDelivery> = {}): FailedDelivery {
  return { message: {} as FailedDelivery['message'], address: 'orders', attempt: 1, deliveryCount: 0, ...facts };
}

function ask(rule: HandlerPolicy, error: unknown, facts?: Partial<FailedDelivery>): PolicyDecision {
  return rule(error, failed(facts)) as PolicyDecision;
}

const rejected = (description: string): PolicyDecision => ({
  kind: 'settle',
  outcome: { kind: 'rejected', condition: 'amqp:internal-error', description },
});

describe('a policy', () => {
  it.each<[string, () => unknown, string]>([
    ['retry without attempts', () => policy.retry({} as never), 'policy.retry.attempts'],
    ['retry with none', () => policy.retry({ attempts: 0 }), 'policy.retry.attempts'],
    ['retry with half an attempt', () => policy.retry({ attempts: 1.5 }), 'policy.retry.attempts'],
    [
      'retry with a number as backoff',
      () => policy.retry({ attempts: 1, backoff: 5 as never }),
      'policy.retry.backoff',
    ],
    ['retry with an unknown option', () => policy.retry({ attempts: 1, delay: 5 } as never), 'policy.retry.delay'],
    ['redeliver without a bound', () => policy.redeliver({} as never), 'policy.redeliver.maxDeliveries'],
    [
      'redeliver back into the past',
      () => policy.redeliver({ maxDeliveries: 2, delayMs: -1 }),
      'policy.redeliver.delayMs',
    ],
    ['a dead letter to nowhere', () => policy.deadLetter(''), 'policy.deadLetter.target'],
    ['a dead letter to the anonymous target', () => policy.deadLetter(null), 'policy.deadLetter.target'],
    ['an empty condition', () => policy.reject(''), 'policy.reject.condition'],
    ['modify with a word', () => policy.modify({ deliveryFailed: 'yes' } as never), 'policy.modify.deliveryFailed'],
    ['byError without a list', () => policy.byError({} as never), 'policy.byError'],
    ['byError without a policy', () => policy.byError([[Error]] as never), 'policy.byError[0]'],
    ['byError with a word as class', () => policy.byError([['Error', policy.accept]] as never), 'policy.byError[0][0]'],
    ['byError with a word as policy', () => policy.byError([[Error, 'accept']] as never), 'policy.byError[0][1]'],
    ['pause for no time', () => policy.pause({ delayMs: -1 }), 'policy.pause.delayMs'],
    ['pause with another option', () => policy.pause({ attempts: 3 } as never), 'policy.pause.attempts'],
    ['a shrinking delay', () => policy.exponential({ factor: 0.5 }), 'policy.exponential.factor'],
    ['an endless delay', () => policy.exponential({ maxMs: Infinity }), 'policy.exponential.maxMs'],
    ['a delay that is none', () => policy.fixed(Number.NaN), 'policy.fixed.delayMs'],
  ])('that cannot work is refused when it is made: %s', (_name, make, option) => {
    expect(make).toThrow(InvalidOptionsError);
    expect(make).toThrow(option);
  });

  it.each<[string, HandlerPolicy, PolicyDecision]>([
    ['accept', policy.accept, { kind: 'settle', outcome: { kind: 'accepted' } }],
    ['release', policy.release, { kind: 'settle', outcome: { kind: 'released' } }],
    ['stop', policy.stop, { kind: 'stop' }],
    ['pause', policy.pause({ delayMs: 500 }), { kind: 'pause', delayMs: 500 }],
    [
      'pause with a delay that grows',
      policy.pause({ delayMs: (pauses) => pauses * 10 }),
      { kind: 'pause', delayMs: 10 },
    ],
    ['reject', policy.reject(), rejected('InvalidOrder')],
    [
      'reject with words',
      policy.reject('app:invalid', 'no lines'),
      { kind: 'settle', outcome: { kind: 'rejected', condition: 'app:invalid', description: 'no lines' } },
    ],
    [
      'modify',
      policy.modify({ undeliverableHere: true }),
      { kind: 'settle', outcome: { kind: 'modified', deliveryFailed: false, undeliverableHere: true } },
    ],
    ['deadLetter', policy.deadLetter('orders.dead'), { kind: 'dead-letter', target: 'orders.dead' }],
  ])('answers %s', (_name, rule, decision) => {
    expect(ask(rule, new InvalidOrder('card 4111'))).toEqual(decision);
  });
});

it('rejects a message that cannot be decoded as that, whatever the default policy does with others', () => {
  const unreadable = new DecodeError('no JSON', { condition: 'amqp:decode-error' });
  const outcome = { kind: 'rejected', condition: 'amqp:decode-error', description: 'DecodeError' };
  for (const rule of [policy.reject(), DEFAULT_POLICY])
    expect(ask(rule, unreadable)).toEqual({ kind: 'settle', outcome });
  expect(ask(policy.reject('app:bad'), unreadable)).toMatchObject({ outcome: { condition: 'app:bad' } });
  expect(ask(DEFAULT_POLICY, new Error()).kind).toBe('retry');
});

describe('retry', () => {
  const rule = policy.retry({ attempts: 3, backoff: policy.fixed(7), then: policy.accept });

  it('counts handler calls, the first included, then goes on to `then`', () => {
    const decisions = [1, 2, 3, 4].map((attempt) => ask(rule, new Error(), { attempt }).kind);
    expect(decisions).toEqual(['retry', 'retry', 'settle', 'settle']);
  });

  it('rejects when there is no `then`', () => {
    expect(ask(policy.retry({ attempts: 1 }), new InvalidOrder())).toEqual(rejected('InvalidOrder'));
  });

  it('does not repeat what no handler was called for: a message that cannot be decoded', () => {
    expect(ask(rule, new DecodeError('no JSON')).kind).toBe('settle');
  });
});

describe('redeliver', () => {
  const rule = policy.redeliver({ maxDeliveries: 3, delayMs: 5, then: policy.accept });

  it('counts deliveries, the first included', () => {
    const decisions = [0, 1, 2, 3].map((deliveryCount) => ask(rule, new Error(), { deliveryCount }).kind);
    expect(decisions).toEqual(['redeliver', 'redeliver', 'settle', 'settle']);
  });

  it('goes on to `then` at once where the queue does not count, or it would never end', () => {
    expect(ask(rule, new Error(), { countsDeliveries: false }).kind).toBe('settle');
  });

  it('goes on to `then` at once with a message that cannot be decoded: another delivery will not make it readable', () => {
    expect(ask(rule, new DecodeError('no JSON')).kind).toBe('settle');
  });

  it('takes its delay from a backoff of the deliveries so far', () => {
    const growing = policy.redeliver({ maxDeliveries: 9, delayMs: (failures) => failures * 100 });
    expect(ask(growing, new Error(), { deliveryCount: 2 })).toEqual({ kind: 'redeliver', delayMs: 300 });
  });
});

describe('byError', () => {
  const rule = policy.byError(
    [
      [Declined, policy.release],
      [InvalidOrder, policy.reject('app:invalid')],
      [(error) => error === 'busy', policy.redeliver({ maxDeliveries: 2 })],
      [(error) => (error as { code?: string } | undefined)?.code === 'E1', policy.stop],
    ],
    policy.accept,
  );

  it.each<[string, unknown, string]>([
    ['the class', new Declined(), 'released'],
    ['a base class', new InvalidOrder(), 'rejected'],
    ['no case', new Error(), 'accepted'],
    ['a thrown undefined', undefined, 'accepted'],
  ])('matches %s, the first case first', (_name, error, outcome) => {
    expect(ask(rule, error)).toMatchObject({ outcome: { kind: outcome } });
  });

  it('takes every other function as a predicate', () => {
    expect(ask(rule, 'busy').kind).toBe('redeliver');
    expect(ask(rule, { code: 'E1' }).kind).toBe('stop');
  });

  it('falls back on the default policy', () => {
    expect(ask(policy.byError([]), new Error()).kind).toBe('retry');
  });
});

describe('the default policy', () => {
  it('retries twice here, redelivers nine times, then rejects', () => {
    const walk: string[] = [];
    for (let deliveryCount = 0; deliveryCount < 20; deliveryCount++) {
      let last: PolicyDecision = { kind: 'retry', delayMs: 0 };
      for (let attempt = 1; last.kind === 'retry' && attempt < 10; attempt++)
        walk.push((last = ask(DEFAULT_POLICY, new Error(), { attempt, deliveryCount })).kind);
      if (last.kind === 'settle') break;
    }
    expect(walk.filter((kind) => kind === 'redeliver')).toHaveLength(9);
    expect(walk.filter((kind) => kind === 'retry')).toHaveLength(20);
    expect(walk.at(-1)).toBe('settle');
  });

  it('waits 200 ms, then more, and a second before it gives a message back', () => {
    const delays = [1, 2].map((attempt) => ask(DEFAULT_POLICY, new Error(), { attempt }) as { delayMs: number });
    expect(delays[0]?.delayMs).toBeGreaterThanOrEqual(100);
    expect(delays[0]?.delayMs).toBeLessThanOrEqual(200);
    expect(delays[1]?.delayMs).toBeGreaterThanOrEqual(200);
    expect(ask(DEFAULT_POLICY, new Error(), { attempt: 3 })).toEqual({ kind: 'redeliver', delayMs: 1_000 });
  });

  it('is known to redeliver, as is every policy that may end in it', () => {
    const redeliver = policy.redeliver({ maxDeliveries: 2 });
    const all = [
      DEFAULT_POLICY,
      policy.retry({ attempts: 2, then: redeliver }),
      policy.byError([[Error, redeliver]], policy.accept),
    ];
    expect(all.map((rule) => redelivers(rule))).toEqual([true, true, true]);
    expect([policy.accept, policy.retry({ attempts: 2 })].map((rule) => redelivers(rule))).toEqual([false, false]);
  });
});

describe('a backoff', () => {
  it('grows by its factor up to its limit', () => {
    const backoff = policy.exponential({ initialMs: 100, factor: 3, maxMs: 1_000, jitter: false });
    expect([1, 2, 3, 4, 400].map(backoff)).toEqual([100, 300, 900, 1_000, 1_000]);
  });

  it('spreads over the upper half', () => {
    expect(exponential({ initialMs: 100 }, () => 0)(1)).toBe(50);
    expect(exponential({ initialMs: 100 }, () => 0.999)(1)).toBe(100);
  });
});

it.each([
  [new InvalidOrder('x'), 'InvalidOrder'],
  [new TypeError('x'), 'TypeError'],
  [Object.assign(new Error('x'), { name: 'HttpError' }), 'HttpError'],
  ['text', 'string'],
  [undefined, 'undefined'],
  [null, 'null'],
  [{ a: 1 }, 'Object'],
  [Object.create(null), 'object'],
])('an error is called by its class, whatever was thrown: %p', (error, name) => {
  expect(errorName(error)).toBe(name);
});

it.each(['name', 'constructor'])('an error whose %s cannot be read has a name all the same', (property) => {
  const error = Object.defineProperty(new Error('x'), property, {
    get: () => {
      throw new Error('y');
    },
  });
  expect(errorName(error)).toBe('object');
});

it('an error whose name is no text is called by its class, too', () => {
  expect(errorName(Object.assign(new InvalidOrder('x'), { name: Symbol('x') }))).toBe('InvalidOrder');
  expect(errorName(Object.assign(new InvalidOrder('x'), { name: 1, constructor: undefined }))).toBe('Error');
});
