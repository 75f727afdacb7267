// Events, and where they go: several handlers, several services, wildcards, exchanges and topics.

import { expect } from '@jest/globals';
import { Controller, type Type } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { of, throwError } from 'rxjs';

import { AMQP_TRANSPORT, AmqpContext, AmqpRecordBuilder, policy } from '../../../lib/index.js';
import { Seen } from '../harness.js';
import { ask, failure, type Scenario, tell } from './stage.js';

/** Notes what comes to `pattern`, by subject. */
function noting(pattern: string, seen: Seen<string>, name: string): Type {
  @Controller()
  class Noting {
    @EventPattern<unknown>(pattern)
    on(@Payload() data: unknown, @Ctx() context: AmqpContext): void {
      seen.add(`${name} ${context.getPattern()} ${JSON.stringify(data)}`);
    }
  }
  return Noting;
}

export const events: readonly Scenario[] = [
  {
    title: 'an event reaches every handler of its pattern, in one service and over several controllers',
    run: async (stage) => {
      const seen = new Seen<string>();
      @Controller()
      class Twice {
        @EventPattern('notification')
        first(@Payload() data: unknown): void {
          seen.add(`first ${String(data)}`);
        }
        @EventPattern('notification', AMQP_TRANSPORT)
        second(@Payload() data: unknown) {
          seen.add(`second ${String(data)}`);
          return of(1, 2);
        }
      }
      const { client } = await stage.pair([Twice, noting('notification', seen, 'third')]);
      await tell(client, 'notification', true);
      await seen.count(3);
      expect(seen.values.toSorted()).toEqual(['first true', 'second true', 'third notification true']);
    },
  },
  {
    title: 'an event is sent without anybody subscribing to it, and completes when the peer has it',
    run: async (stage) => {
      const seen = new Seen<string>();
      const { client } = await stage.pair([noting('placed', seen, 'got')]);
      client.emit('placed', 1);
      expect(await tell(client, 'placed', 2)).toBeUndefined();
      await seen.count(2);
      expect(seen.values.toSorted()).toEqual(['got placed 1', 'got placed 2']);
    },
  },
  {
    title: 'a pattern may be an object, whatever the order of its keys',
    run: async (stage) => {
      const seen = new Seen<unknown>();
      @Controller()
      class Objects {
        @MessagePattern({ cmd: 'find', entity: { name: 'order', version: 2 } })
        find(): string {
          return 'found';
        }
        @EventPattern({ type: 'placed', source: 'shop' })
        on(@Payload() data: unknown): void {
          seen.add(data);
        }
        @MessagePattern(42)
        number(): string {
          return 'by number';
        }
      }
      const { client } = await stage.pair([Objects]);
      expect(await ask(client, { entity: { version: 2, name: 'order' }, cmd: 'find' })).toBe('found');
      await tell(client, { source: 'shop', type: 'placed' }, 'x');
      await seen.count(1);
      expect(await ask(client, 42)).toBe('by number');
      expect(await failure(client, { cmd: 'find' })).toMatchObject({ status: 'error' });
    },
  },
  {
    title: 'wildcards take requests and events, the exact pattern first',
    run: async (stage) => {
      const seen = new Seen<string>();
      @Controller()
      class Wild {
        @MessagePattern('math.*')
        any(@Ctx() context: AmqpContext): string {
          return `any ${context.getPattern()}`;
        }
        @MessagePattern('math.sum')
        sum(): string {
          return 'sum';
        }
        @MessagePattern('log.#')
        log(@Ctx() context: AmqpContext): string {
          return `log ${context.getPattern()}`;
        }
      }
      const { client } = await stage.pair([Wild, noting('order.*.placed', seen, 'placed')]);
      expect(await ask(client, 'math.sum')).toBe('sum');
      expect(await ask(client, 'math.product')).toBe('any math.product');
      expect(await ask(client, 'log.a.b.c')).toBe('log log.a.b.c');
      expect(await failure(client, 'math.a.b')).toMatchObject({ status: 'error' });
      await tell(client, 'order.eu.placed', 1);
      await seen.count(1);
      expect(seen.values).toEqual(['placed order.eu.placed 1']);
    },
  },
  {
    title: 'a topic exchange brings each service what its bindings match',
    run: async (stage) => {
      const [prices, orders] = [await stage.queue(), await stage.queue()];
      const exchange = `${prices}.topics`;
      const { topology } = await stage.connection();
      await topology.declare({
        exchanges: [{ name: exchange, type: 'topic' }],
        bindings: [
          { exchange, queue: prices, routingKey: 'wildcard.#' },
          { exchange, queue: orders, routingKey: 'order.*' },
        ],
      });
      stage.after(() => topology.deleteExchange(exchange));
      @Controller()
      class Wildcards {
        @MessagePattern('wildcard.*.*')
        reply(@Ctx() context: AmqpContext): string {
          return context.getPattern();
        }
      }
      const seen = new Seen<string>();
      await stage.service([Wildcards], { sources: prices });
      await stage.service([noting('order.#', seen, 'got')], { sources: orders });
      const client = stage.proxy(({ pattern }) => ({ exchange, routingKey: pattern }));
      expect(await ask(client, 'wildcard.a.b')).toBe('wildcard.a.b');
      await tell(client, 'order.placed', 7);
      await seen.count(1);
      // No queue is bound for it: a request says so, an event is routed nowhere.
      expect(await failure(client, 'nobody.listens')).toMatchObject({ code: 'released' });
      await tell(client, 'nobody.listens');
      expect(seen.values).toEqual(['got order.placed 7']);
    },
    skip: ({ hasExchanges }) => (hasExchanges ? undefined : 'no exchanges can be declared here'),
  },
  {
    title: 'an event that is broadcast reaches every service',
    run: async (stage) => {
      const { sources, target } = await stage.broadcast(3);
      const seen = new Seen<string>();
      for (const [index, source] of sources.entries())
        await stage.service([noting('ping', seen, `service ${index}`)], { sources: source });
      await tell(stage.proxy(target), 'ping', 'pong');
      await seen.count(3);
      expect(seen.values.toSorted()).toEqual([0, 1, 2].map((index) => `service ${index} ping "pong"`));
    },
  },
  {
    title: 'one service listens on several queues, each with settings of its own',
    run: async (stage) => {
      const [fast, slow] = [await stage.queue(), await stage.queue()];
      const seen = new Seen<string>();
      let running = 0;
      let most = 0;
      @Controller()
      class Both {
        @EventPattern<unknown>('work')
        async work(@Payload() n: number, @Ctx() context: AmqpContext): Promise<void> {
          if (context.getAddress() === slow) most = Math.max(most, (running += 1));
          await new Promise((resolve) => setTimeout(resolve, 2));
          if (context.getAddress() === slow) running -= 1;
          seen.add(`${context.getAddress() === slow ? 'slow' : 'fast'} ${n}`);
        }
      }
      await stage.service([Both], { sources: [fast, { source: slow, concurrency: 1, prefetch: 5 }] });
      const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
      await Promise.all(numbers.flatMap((n) => [fast, slow].map((queue) => tell(stage.proxy(queue), 'work', n))));
      await seen.count(16);
      expect(seen.values.filter((line) => line.startsWith('slow'))).toHaveLength(8);
      expect(most).toBe(1);
    },
  },
  {
    title: 'an event whose handler fails is tried again, and settled by what the policy says in the end',
    run: async (stage) => {
      const errors: string[] = [];
      const seen = new Seen<string>();
      @Controller()
      class Failing {
        private attempts = 0;
        @EventPattern('shaky')
        shaky(@Payload() _data: unknown): void {
          this.attempts += 1;
          if (this.attempts < 3) throw new RpcException(`attempt ${this.attempts}`);
          seen.add('done');
        }
        @EventPattern('hopeless')
        hopeless(@Payload() _data: unknown) {
          return throwError(() => new TypeError('hopeless'));
        }
      }
      const dead = await stage.queue();
      const patient = policy.retry({ attempts: 3, backoff: policy.fixed(1), then: policy.deadLetter(dead) });
      const { client } = await stage.pair([Failing], {
        errorPolicy: (error, failed) => (errors.push(String(error)), patient(error, failed)),
      });
      await tell(client, 'shaky');
      await seen.count(1);
      expect(errors).toEqual(['Error: attempt 1', 'Error: attempt 2']);
      await tell(client, 'hopeless', 'body');
      const connection = await stage.connection();
      const inbox = connection.createReceiveClient(dead);
      const [letter] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 15_000 });
      await letter?.accept();
      expect(letter?.body).toBe('body');
      expect(letter?.messageAnnotations).toMatchObject({ 'x-opt-death-error': 'TypeError' });
    },
  },
  {
    title: 'an event that nobody handles is settled, and the next one is not held up',
    run: async (stage) => {
      const seen = new Seen<string>();
      const queue = await stage.queue();
      // Qpid gives back what is rejected, up to a limit of its own.
      const unmatched = stage.place.name === 'qpid' ? policy.accept : undefined;
      const sources = [{ source: queue, prefetch: 1, concurrency: 1 }];
      await stage.service([noting('known', seen, 'got')], { sources, unmatched });
      const client = stage.proxy(queue);
      await tell(client, 'unknown', 1);
      await tell(client, 'known', 2);
      await seen.count(1);
      expect(seen.values).toEqual(['got known 2']);
    },
  },
  {
    title: 'a record carries options and headers of an event',
    run: async (stage) => {
      const seen = new Seen<unknown>();
      @Controller()
      class Headers {
        @EventPattern<unknown>('with-headers')
        on(@Payload() data: unknown, @Ctx() context: AmqpContext): void {
          const { applicationProperties, properties, header } = context.getMessage();
          seen.add([data, applicationProperties, properties?.groupId, header?.durable]);
        }
      }
      const { client } = await stage.pair([Headers]);
      const options = { groupId: 'g', applicationProperties: { 'x-version': '1.0.0' } };
      await tell(client, 'with-headers', new AmqpRecordBuilder({ a: 1 }).setOptions(options).build());
      await seen.count(1);
      expect(seen.values).toEqual([[{ a: 1 }, { 'x-version': '1.0.0' }, 'g', true]]);
    },
  },
];
