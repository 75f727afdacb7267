// Several methods on one source, each for its own kind of message.

import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';
import { type CanActivate, type ExecutionContext, Injectable, Module, Scope, UseGuards } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import {
  AmqpConnection,
  AmqpConsumers,
  AmqpModule,
  AmqpSubscribe,
  type AmqpSubscribeOptions,
  ConcurrencyLimit,
  type ConsumerOverrides,
  DecodeError,
  type HandlerPolicy,
  InvalidOptionsError,
  policy,
  type Source,
} from '../../lib/index.js';
import { redelivers } from '../../lib/client/policy/redelivering.js';
import type { DiscoveredHandler } from '../../lib/nest/consumer/discover-handlers.js';
import { checkApart, type PlacedConsumer } from '../../lib/nest/consumer/check-apart.js';
import { Dispatch } from '../../lib/nest/consumer/dispatch.js';
import type { AmqpTestApp } from '../../lib/testing/index.js';
import { Seen, withApp } from './harness.js';

@Injectable()
class NoSecrets implements CanActivate {
  canActivate(host: ExecutionContext): boolean {
    return !host.switchToRpc().getData<{ secret?: boolean }>().secret;
  }
}

@Injectable()
class Orders {
  readonly seen = new Seen<[string, unknown]>();

  @AmqpSubscribe('orders', {
    when: 'placed',
    unmatched: policy.deadLetter('unknown'),
    errorPolicy: policy.reject('app:no-order'),
    concurrency: 3,
  })
  @UseGuards(NoSecrets)
  placed(@Payload() order: unknown): void {
    this.seen.add(['placed', order]);
  }

  @AmqpSubscribe({ queue: 'orders' }, { when: { subject: 'cancelled', applicationProperties: { v: 2 } } })
  cancelled(@Payload() order: unknown): void {
    this.seen.add(['cancelled', order]);
  }

  @AmqpSubscribe(['orders'], {
    when: ({ properties }) => properties?.groupId?.startsWith('eu-') === true,
    errorPolicy: policy.byError([[DecodeError, policy.reject('app:unreadable')]], policy.accept),
  })
  european(@Payload() order: unknown): void {
    this.seen.add(['european', order]);
    throw new Error('as the test wants');
  }
}

@Injectable({ scope: Scope.REQUEST })
class Prices {
  static instances = 0;
  private readonly instance = ++Prices.instances;

  @AmqpSubscribe('orders', { when: 'price?' })
  price(): number {
    return this.instance;
  }
}

const imports = [AmqpModule.forRoot({ uri: 'embedded:' })];

function app(use: (app: AmqpTestApp, orders: Orders) => Promise<void>): Promise<void> {
  return withApp({ imports, providers: [Orders, Prices] }, (running) => use(running, running.app.get(Orders)), {
    queues: ['orders', 'unknown'],
  });
}

const outcomes = ({ settled }: AmqpTestApp): (string | undefined)[] =>
  settled('orders').map(({ outcome }) => (outcome?.kind === 'rejected' ? outcome.condition : outcome?.kind));

describe('methods with `when` on one source', () => {
  it('are one consumer, with one link, and each message goes to the first that it fits', () =>
    app(async (running, orders) => {
      const queue = running.broker.queue('orders');
      expect(queue.stats().consumers).toBe(1);
      expect([...running.app.get(AmqpConsumers).all().keys()]).toEqual(['Orders.placed']);
      for (let n = 0; n < 20; n += 1) {
        queue.publish({ n }, { subject: 'placed' });
        queue.publish({ n }, { subject: 'cancelled', applicationProperties: { v: 2 } });
        queue.publish({ n }, { subject: 'cancelled', groupId: 'eu-1', applicationProperties: { v: 1 } });
      }
      await running.idle();
      const counts = ['placed', 'cancelled', 'european'].map((method) => {
        const bodies = orders.seen.values.filter(([name]) => name === method).map(([, body]) => body as { n: number });
        return new Set(bodies.map(({ n }) => n)).size;
      });
      expect([counts, orders.seen.values.length]).toEqual([[20, 20, 20], 60]);
      expect(new Set(outcomes(running))).toEqual(new Set(['accepted']));
    }));

  it('leave what none of them is for to `unmatched`', () =>
    app(async (running, orders) => {
      const queue = running.broker.queue('orders');
      queue.publish('no subject');
      queue.publish('old', { subject: 'cancelled', applicationProperties: { v: '2' } });
      queue.publish('inherited', { subject: 'constructor' });
      await running.idle();
      expect(orders.seen.values).toEqual([]);
      expect(queue.stats()).toMatchObject({ enqueued: 3, accepted: 3 }); // dead-lettered first
      const dead = running
        .deadLettered('unknown')
        .map(({ body, messageAnnotations }) => [body, messageAnnotations?.['x-opt-death-error']]);
      expect(dead).toEqual(['no subject', 'old', 'inherited'].map((body) => [body, 'UnmatchedPatternError']));
    }));

  it('have each its own guards and error policy, for what cannot be read, too', () =>
    app(async (running, orders) => {
      const queue = running.broker.queue('orders');
      const broken = { contentType: 'application/json' };
      queue.publish({ secret: true }, { subject: 'placed' });
      queue.publish(Buffer.from('{'), { ...broken, subject: 'placed' });
      queue.publish(Buffer.from('{'), { ...broken, groupId: 'eu-2' });
      queue.publish({ secret: true }, { groupId: 'eu-2' });
      await running.idle();
      expect(orders.seen.values).toEqual([['european', { secret: true }]]);
      expect(outcomes(running).map(String).toSorted()).toEqual([
        'accepted',
        'app:no-order',
        'app:no-order',
        'app:unreadable',
      ]);
    }));

  it('may stand on other classes, request-scoped ones, and answer requests; an unmatched one is answered as an error', () =>
    app(async (running) => {
      const client = running.app.get(AmqpConnection).createRequestClient('orders');
      const before = Prices.instances;
      expect((await client.request('tea', { subject: 'price?' })).body).toBe(before + 1);
      expect((await client.request('tea', { subject: 'price?' })).body).toBe(before + 2);
      await expect(client.request('tea', { subject: 'prize?' })).rejects.toMatchObject({
        body: { message: 'There is no matching message handler defined in the remote service.' },
      });
    }));

  it('reject what none of them is for when there is no `unmatched`', async () => {
    @Injectable()
    class Mail {
      @AmqpSubscribe('jobs', { when: 'mail' }) send(): void {}
    }
    await withApp({ imports, providers: [Mail] }, async ({ broker, idle, settled }) => {
      broker.queue('jobs').publish(1, { subject: 'text' });
      await idle();
      expect(settled('jobs').map(({ outcome }) => outcome)).toMatchObject([
        { kind: 'rejected', condition: 'amqp:not-found', description: 'UnmatchedPatternError' },
      ]);
    });
  });

  it('reject nothing for a function that throws but the message it threw for', async () => {
    @Injectable()
    class Careless {
      readonly seen = new Seen<unknown>();
      @AmqpSubscribe('careless', {
        when: ({ properties }) => {
          if (properties?.subject === undefined) throw new TypeError('as the test wants');
          return true;
        },
      })
      take(@Payload() body: unknown): void {
        this.seen.add(body);
      }
    }
    await withApp({ imports, providers: [Careless] }, async ({ app: nest, broker, idle, settled }) => {
      broker.queue('careless').publish('without');
      broker.queue('careless').publish('with', { subject: 's' });
      await idle();
      expect(nest.get(Careless).seen.values).toEqual(['with']);
      expect(new Set(settled('careless').map(({ outcome }) => outcome?.kind))).toEqual(
        new Set(['accepted', 'rejected']),
      );
    });
  });

  it('are known to redeliver when one of them does, so that a queue which does not count is named at the attach', () => {
    const handler = {} as DiscoveredHandler; // only the policies are looked at
    const dispatchOf = (errorPolicy: HandlerPolicy, unmatched: HandlerPolicy = policy.accept): Dispatch =>
      new Dispatch([{ method: 'Orders.placed', handler, when: 'placed', errorPolicy }], unmatched);
    const redelivering = policy.redeliver({ maxDeliveries: 2 });
    expect(redelivers(dispatchOf(redelivering).policy())).toBe(true);
    expect(redelivers(dispatchOf(policy.accept, redelivering).policy())).toBe(true);
    expect(redelivers(dispatchOf(policy.accept).policy())).toBe(false);
  });

  it('keep a message that is theirs, whatever the handler makes of its payload before it fails', async () => {
    @Injectable()
    class Changing {
      readonly seen = new Seen<string>();

      @AmqpSubscribe('changing', {
        when: ({ body }) => (body as { kind?: string }).kind === 'new',
        errorPolicy: policy.retry({ attempts: 3, backoff: () => 1, then: policy.reject('app:its-own') }),
      })
      first(@Payload() body: { kind: string }): void {
        this.seen.add('first');
        body.kind = 'done';
        throw new Error('as the test wants');
      }

      @AmqpSubscribe('changing', { when: ({ body }) => (body as { kind?: string }).kind === 'done' })
      second(): void {
        this.seen.add('second');
      }
    }
    await withApp({ imports, providers: [Changing] }, async ({ app: nest, broker, idle, settled }) => {
      broker.queue('changing').publish({ kind: 'new' });
      await idle();
      expect(nest.get(Changing).seen.values).toEqual(['first', 'first', 'first']);
      expect(settled('changing').map(({ outcome }) => outcome)).toMatchObject([{ condition: 'app:its-own' }]);
    });
  });

  it('may all have the name of their consumer, and write its source and `when` in long forms', async () => {
    @Injectable()
    class Named {
      readonly seen = new Seen<string>();

      @AmqpSubscribe('named', { name: 'jobs', when: 'mail', concurrency: 2 }) mail(): void {
        this.seen.add('mail');
      }

      @AmqpSubscribe(
        { queue: 'named', selector: undefined, dynamic: false },
        { name: 'jobs', when: { subject: 'text', applicationProperties: { v: undefined } }, concurrency: 2 },
      )
      text(): void {
        this.seen.add('text');
      }
    }
    await withApp({ imports, providers: [Named] }, async ({ app: nest, broker, idle }) => {
      expect([...nest.get(AmqpConsumers).all().keys()]).toEqual(['jobs']);
      for (const subject of ['mail', 'text']) broker.queue('named').publish(1, { subject });
      await idle();
      expect(nest.get(Named).seen.values).toEqual(['mail', 'text']);
    });
  });

  it('of a class in two modules are one consumer, whose messages go to one instance', async () => {
    @Injectable()
    class Twice {
      static readonly seen = new Map<Twice, number>();
      @AmqpSubscribe('twice', { when: 'a' }) take(): void {
        Twice.seen.set(this, (Twice.seen.get(this) ?? 0) + 1);
      }
    }
    @Module({ providers: [Twice] })
    class First {}
    @Module({ providers: [Twice] })
    class Second {}
    await withApp({ imports: [...imports, First, Second] }, async ({ app: nest, broker, idle }) => {
      expect([...nest.get(AmqpConsumers).all().keys()]).toEqual(['Twice.take']);
      for (let n = 0; n < 4; n += 1) broker.queue('twice').publish(n, { subject: 'a' });
      await idle();
      expect([...Twice.seen.values()]).toEqual([4]);
    });
  });

  it.each<[string, ConsumerOverrides]>([
    ['is disabled', { enabled: false }],
    ['is moved elsewhere', { source: 'old' }],
  ])('may stand beside one without that %s by an override', async (_case, override) => {
    @Injectable()
    class Old {
      @AmqpSubscribe('jobs') take(): void {}
    }
    @Injectable()
    class New {
      @AmqpSubscribe('jobs', { when: 'a' }) take(): void {}
    }
    const all = [AmqpModule.forRoot({ uri: 'embedded:', consumers: { 'Old.take': override } })];
    await withApp({ imports: all, providers: [Old, New] }, ({ broker }) => {
      expect(broker.queue('jobs').stats().consumers).toBe(1);
      return Promise.resolve();
    });
  });

  it('are overridden together, by the name of the first', async () => {
    const all = [AmqpModule.forRoot({ uri: 'embedded:', consumers: { 'Orders.placed': { source: 'elsewhere' } } })];
    await withApp({ imports: all, providers: [Orders] }, async ({ app: nest, broker, idle }) => {
      broker.queue('elsewhere').publish(1, { subject: 'placed' });
      broker.queue('elsewhere').publish(2, { groupId: 'eu-' });
      await idle();
      expect(
        nest
          .get(Orders)
          .seen.values.map(([method]) => method)
          .toSorted(),
      ).toEqual(['european', 'placed']);
    });
  });
});

const LIMIT = new ConcurrencyLimit(2);

describe('methods with `when` that cannot work together', () => {
  it.each<[string, Source | Source[] | (() => Source)]>([
    ['a function', () => 'q'],
    ['a list with it', ['r', 'q']],
    ['its address on RabbitMQ', '/queues/q'],
    ['its address on ActiveMQ', { address: 'queue://q' }],
    ['another priority', { queue: 'q', priority: 1 }],
    ['a selector', { queue: 'q', selector: "colour = 'red'" }],
  ])('stop the boot: the same queue written as %s', async (_case, source) => {
    @Injectable()
    class First {
      @AmqpSubscribe('q', { when: 'a' }) take(): void {}
    }
    @Injectable()
    class Second {
      @AmqpSubscribe(source, { when: 'b' }) take(): void {}
    }
    const boot = withApp({ imports, providers: [First, Second] }, () => Promise.resolve());
    await expect(boot).rejects.toThrow(/^Second\.take\.source must be another, or written as at First\.take/);
  });

  it.each<[string, Source, Source]>([
    ['a topic, of which each has its copy', { topic: 't' }, { topic: 't' }],
    [
      'two shared subscriptions',
      { topic: 't', shared: 'global', linkName: 'a' },
      { topic: 't', shared: 'global', linkName: 'b' },
    ],
    ['one that browses', 'q', { queue: 'q', distributionMode: 'copy' }],
    [
      'one that reads a stream for itself',
      { queue: 'q', streamOffset: 'first' },
      { queue: 'q', streamOffset: 'first' },
    ],
    ['selectors for different messages', { queue: 'q', selector: 'a = 1' }, { queue: 'q', selector: 'a = 2' }],
    ['temporary nodes', { dynamic: true }, { dynamic: true }],
    ['a queue and a topic', { queue: 'q' }, { topic: 'q', shared: 'global', linkName: 'a' }],
  ])('are left in peace: %s', (_case, one, other) => {
    const dispatch = new Dispatch([], policy.accept);
    const placed = (name: string, source: Source): PlacedConsumer => ({
      plan: { name, connection: 'default', dispatch },
      sources: [source],
    });
    expect(() => checkApart(placed('a', one), [placed('b', other)])).not.toThrow();
  });

  it('are those on one connection only; subscriptions of one name take turns', () => {
    const dispatch = new Dispatch([], policy.accept);
    const source = { topic: 't', shared: 'global', linkName: 'a' } as const;
    const placed = (connection: string): PlacedConsumer => ({
      plan: { name: 'a', connection, dispatch },
      sources: [source],
    });
    expect(() => checkApart(placed('one'), [placed('other')])).not.toThrow();
    expect(() => checkApart(placed('one'), [placed('one')])).toThrow('a.source must be another');
  });

  it.each<[string, AmqpSubscribeOptions, RegExp]>([
    ['without one, on the same source', {}, /^Second\.take\.when must .*First\.take on the same source has one/],
    [
      'with the same one in its long form',
      { when: { subject: 'a', applicationProperties: undefined } },
      /when must be another than/,
    ],
    [
      'with another ConcurrencyLimit',
      { when: 'b', concurrencyLimit: new ConcurrencyLimit(2) },
      /concurrencyLimit must be left/,
    ],
    ['with the same one', { when: 'a' }, /^Second\.take\.when must be another than that of First\.take/],
    [
      'with another concurrency',
      { when: 'b', concurrency: 2 },
      /^Second\.take\.concurrency must be left out, or as at First\.take/,
    ],
    ['with a batch', { when: 'b', batch: { maxMessages: 2, waitMs: 1 } }, /^First\.take\.batch must be left out/],
  ])('stop the boot: %s', async (_case, options, message) => {
    @Injectable()
    class First {
      @AmqpSubscribe('q', { when: 'a', concurrency: 1, concurrencyLimit: LIMIT }) take(): void {}
    }
    @Injectable()
    class Second {
      @AmqpSubscribe({ queue: 'q' }, options) take(): void {}
    }
    const boot = withApp({ imports, providers: [First, Second] }, () => Promise.resolve());
    await expect(boot).rejects.toThrow(InvalidOptionsError);
    await expect(boot).rejects.toThrow(message);
  });

  it.each<[string, unknown]>([
    ['when', 7],
    ['when', ''],
    ['when', {}],
    ['when', { applicationProperties: {} }],
    ['when', { subjects: 'a' }],
    ['when.subject', { subject: 1 }],
    ['when.applicationProperties', { applicationProperties: 'v' }],
    ['unmatched', policy.accept],
  ])('are refused where they are written: %s, %p', (option, value) => {
    const options = option === 'unmatched' ? { unmatched: value } : { when: value };
    const decorate = (): unknown => {
      class Wrong {
        // What types forbid, JavaScript does not.
        @AmqpSubscribe('q', options as AmqpSubscribeOptions) take(): void {}
      }
      return Wrong;
    };
    expect(decorate).toThrow(InvalidOptionsError);
    expect(decorate).toThrow(`@AmqpSubscribe on Wrong.take: ${option}`);
  });
});
