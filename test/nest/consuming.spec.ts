import 'reflect-metadata';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type ExecutionContext,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  ValidationPipe,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { CONTEXT, Ctx, Payload, RpcException } from '@nestjs/microservices';
import { IsInt } from 'class-validator';
import { concat, finalize, interval, type Observable, of, range, throwError } from 'rxjs';

import {
  AmqpApplicationProperty,
  AmqpConnection,
  AmqpConsumers,
  AmqpContext,
  AmqpDelivery,
  AmqpHeader,
  AmqpModule,
  AmqpProperty,
  AmqpSubscribe,
  BatchError,
  type Delivery,
  InjectAmqpConnection,
  InjectSendClient,
  InvalidOptionsError,
  policy,
  type ReceivedMessage,
  SendClient,
} from '../../lib/index.js';
import type { AmqpTestApp } from '../../lib/testing/index.js';
import { startAmqpTestApp } from '../../lib/testing/index.js';
import { gate, Lines, Seen, withApp } from './harness.js';

class Boom extends Error {}
const rejectAll = { errorPolicy: policy.reject('app:refused', 'as the test wants') };

class OrderDto {
  @IsInt() readonly id: number = 0;
}

const trace: string[] = [];

async function* counting(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n += 1) yield await Promise.resolve(n);
}

@Injectable()
class DenyNegative implements CanActivate {
  canActivate(host: ExecutionContext): boolean {
    trace.push(`guard ${host.getType()}`);
    return (host.switchToRpc().getData<{ id?: number }>().id ?? 0) >= 0;
  }
}
@Injectable()
class Around implements NestInterceptor {
  intercept(_host: ExecutionContext, next: CallHandler): Observable<unknown> {
    trace.push('before');
    return next.handle();
  }
}
@Catch(Boom)
class Forgive {
  catch(_error: Boom, host: ArgumentsHost): unknown {
    return host.switchToRpc().getData<{ forgive?: boolean }>().forgive ? of(undefined) : undefined;
  }
}

@Injectable()
class Orders {
  readonly validated = new Seen<unknown>();
  readonly parameters = new Seen<unknown[]>();
  readonly lists = new Seen<string>();
  readonly repeated = new Seen<string>();
  readonly batches = new Seen<unknown[]>();
  readonly attempts = new Seen<number>();
  readonly released = new Seen<string>();

  @AmqpSubscribe('validated', rejectAll)
  validate(@Payload(new ValidationPipe({ transform: true })) order: OrderDto): void {
    this.validated.add(order);
  }

  @AmqpSubscribe('guarded', rejectAll)
  @UseGuards(DenyNegative)
  @UseInterceptors(Around)
  guarded(): void {
    trace.push('handler');
  }

  @AmqpSubscribe('filtered', rejectAll)
  @UseFilters(Forgive)
  filtered(): void {
    throw new Boom('filtered');
  }

  @AmqpSubscribe('parameters')
  withParameters(
    @Payload() body: unknown,
    @AmqpHeader('priority') priority: unknown,
    @AmqpProperty('subject') subject: unknown,
    @AmqpApplicationProperty() properties: unknown,
    @AmqpDelivery() delivery: Delivery,
    @Ctx() context: AmqpContext,
  ): void {
    const sameMessage = context.getMessage().body === body && context.getDelivery() === delivery;
    const isOpen = context.getConnection().status === 'connected' && !context.signal.aborted;
    const { deliveryCount } = delivery;
    this.parameters.add([
      body,
      priority,
      subject,
      properties,
      deliveryCount,
      context.getAddress(),
      sameMessage,
      isOpen,
    ]);
  }

  @AmqpSubscribe(['list-a', { queue: 'list-b' }])
  ofList(@Ctx() context: AmqpContext): void {
    this.lists.add(context.getAddress());
  }

  @AmqpSubscribe('repeated-a')
  @AmqpSubscribe('repeated-b')
  repeat(@Ctx() context: AmqpContext): void {
    this.repeated.add(context.getAddress());
  }

  @AmqpSubscribe('batched', { batch: { maxMessages: 3, waitMs: 5_000 }, ...rejectAll })
  batched(@Payload() bodies: { id: number }[], @Ctx() context: AmqpContext): void {
    this.batches.add(bodies.map(({ id }) => id));
    const bad = context
      .getMessages()
      .flatMap((message, index) => ((message.body as { id: number }).id < 0 ? [index] : []));
    if (bad.length > 0) throw new BatchError(bad.map((message) => ({ message, error: new Boom('negative') })));
  }

  @AmqpSubscribe('flaky', { errorPolicy: policy.retry({ attempts: 3, backoff: policy.fixed(1) }) })
  flaky(@AmqpDelivery() delivery: Delivery): void {
    this.attempts.add(delivery.attempt);
    if (delivery.attempt < 3) throw new Boom('again');
  }

  @AmqpSubscribe('answered', rejectAll)
  answer(@Payload() question: { ask: string }): unknown {
    if (question.ask === 'stream') return of(1, 2);
    if (question.ask === 'flood') return range(0, 12_000); // more than may be pending on a link
    if (question.ask === 'cut')
      return concat(
        range(0, 1_000),
        throwError(() => new RpcException('cut')),
      );
    if (question.ask === 'endless') return interval(1).pipe(finalize(() => this.released.add('endless')));
    if (question.ask === 'generator') return counting(2);
    if (question.ask === 'rpc') throw new RpcException({ status: 'busy', message: 'later', afterMs: 5 });
    if (question.ask === 'error') throw new Boom('a secret of this process');
    return question.ask === 'nothing' ? undefined : { answer: question.ask };
  }
}

let instances = 0;
@Injectable({ scope: Scope.REQUEST })
class PerMessage {
  static readonly seen = new Seen<unknown[]>();
  private readonly instance = ++instances;
  constructor(@Inject(CONTEXT) private readonly request: { readonly data: unknown; getContext(): unknown }) {}

  @AmqpSubscribe('scoped', { errorPolicy: policy.retry({ attempts: 2, backoff: policy.fixed(1) }) })
  handle(@Payload() body: unknown, @Ctx() context: AmqpContext): void {
    PerMessage.seen.add([this.instance, body, this.request.data === body, this.request.getContext() === context]);
    if (context.getDelivery().attempt === 1) throw new Boom('again');
  }
}

@Controller()
class OnController {
  readonly seen = new Seen<unknown>();
  @AmqpSubscribe((moduleRef: ModuleRef) => [moduleRef.get<string>('QUEUE', { strict: false })])
  handle(@Payload() body: unknown): void {
    this.seen.add(body);
  }
}

@Module({
  imports: [AmqpModule.forFeature({ senders: [{ name: 'anywhere', target: null }] })],
  providers: [Orders, PerMessage, { provide: 'QUEUE', useValue: 'from-configuration' }],
  controllers: [OnController],
})
class OrdersModule {}

describe('a decorated consumer', () => {
  let app: AmqpTestApp;
  let orders: Orders;
  let senders: Map<string, SendClient>;
  beforeAll(async () => {
    app = await startAmqpTestApp({ imports: [OrdersModule] }, { logger: false });
    orders = app.app.get(Orders);
    senders = new Map();
  });
  afterAll(() => app.close());

  const send = async (queue: string, value: unknown, options = {}): Promise<void> => {
    const sender = senders.get(queue) ?? app.app.get(AmqpConnection).createSendClient(queue);
    senders.set(queue, sender);
    await sender.send(value, options);
  };
  const outcomes = (queue: string): (string | undefined)[] => app.settled(queue).map(({ outcome }) => outcome?.kind);

  it('settles by its errorPolicy what a ValidationPipe refuses, and gets the DTO otherwise', async () => {
    await send('validated', { id: 'x' });
    await send('validated', { id: 1 });
    await app.idle();
    expect(new Set(outcomes('validated'))).toEqual(new Set(['accepted', 'rejected']));
    expect(orders.validated.values).toEqual([{ id: 1 }]);
    expect(orders.validated.values[0]).toBeInstanceOf(OrderDto);
    const rejected = app.settled('validated').find(({ outcome }) => outcome?.kind === 'rejected');
    expect(rejected?.outcome).toMatchObject({ condition: 'app:refused', description: 'as the test wants' });
  });

  it('runs behind its guards and interceptors; a denial goes to its policy', async () => {
    trace.length = 0;
    await send('guarded', { id: -1 });
    await app.idle();
    expect([trace, outcomes('guarded')]).toEqual([['guard rpc'], ['rejected']]);
    await send('guarded', { id: 1 });
    await app.idle();
    expect([trace, outcomes('guarded')]).toEqual([
      ['guard rpc', 'guard rpc', 'before', 'handler'],
      ['rejected', 'accepted'],
    ]);
  });

  it('accepts what a filter handled, and rejects what it only looked at', async () => {
    await send('filtered', { forgive: false });
    await app.idle();
    await send('filtered', { forgive: true });
    await app.idle();
    expect(outcomes('filtered')).toEqual(['rejected', 'accepted']);
  });

  it('gets sections, delivery and context through parameter decorators', async () => {
    await send('parameters', { id: 5 }, { priority: 7, subject: 's', applicationProperties: { tenant: 't' } });
    await orders.parameters.count(1);
    expect(orders.parameters.values).toEqual([[{ id: 5 }, 7, 's', { tenant: 't' }, 0, 'parameters', true, true]]);
  });

  it('consumes from every source of a list, as one consumer', async () => {
    await Promise.all([send('list-a', 1), send('list-b', 2)]);
    await orders.lists.count(2);
    expect(orders.lists.values.toSorted()).toEqual(['list-a', 'list-b']);
    expect(app.app.get(AmqpConsumers).get('Orders.ofList').state).toBe('running');
  });

  it('consumes for each of several decorators, each a consumer of its own', async () => {
    await Promise.all([send('repeated-a', 1), send('repeated-b', 2)]);
    await orders.repeated.count(2);
    expect(orders.repeated.values.toSorted()).toEqual(['repeated-a', 'repeated-b']);
    const names = [...app.app.get(AmqpConsumers).all().keys()].filter((name) => name.startsWith('Orders.repeat'));
    expect(names).toEqual(['Orders.repeat', 'Orders.repeat#2']);
  });

  it('takes its source from a provider, on a controller too', async () => {
    const { seen } = app.app.get(OnController);
    await send('from-configuration', 'hello');
    await seen.count(1);
    expect(seen.values).toEqual(['hello']);
  });

  it('gets batches, and settles the failed members apart from the others', async () => {
    await Promise.all([1, -2, 3].map((id) => send('batched', { id })));
    await app.idle();
    expect(new Set(orders.batches.values.flat())).toEqual(new Set([1, -2, 3]));
    const settled = app.settled('batched').map(({ body, outcome }) => [(body as { id: number }).id, outcome?.kind]);
    expect(Object.fromEntries(settled)).toEqual({ '1': 'accepted', '-2': 'rejected', '3': 'accepted' });
  });

  it('is called again by its policy, once for each attempt', async () => {
    await send('flaky', 1);
    await app.idle();
    expect(orders.attempts.values).toEqual([1, 2, 3]);
    expect(outcomes('flaky')).toEqual(['accepted']);
  });

  it('on a request-scoped provider has a new instance for each message and attempt', async () => {
    await send('scoped', { id: 1 });
    await send('scoped', { id: 2 });
    await app.idle();
    const seen = PerMessage.seen.values;
    expect(new Set(seen.map(([instance]) => instance)).size).toBe(4);
    expect(seen.every(([, , sameData, sameContext]) => sameData === true && sameContext === true)).toBe(true);
  });

  describe('answers a message with reply-to', () => {
    const ask = async (question: string, count: number): Promise<ReceivedMessage[]> => {
      const connection = app.app.get(AmqpConnection);
      const replyTo = `replies-${question}`;
      await send('answered', { ask: question }, { replyTo, messageId: `id-${question}` });
      const inbox = connection.createReceiveClient(replyTo);
      const replies: ReceivedMessage[] = [];
      while (replies.length < count) {
        for (const reply of await inbox.receiveBatch({ maxMessages: count, waitMs: 5_000 })) {
          replies.push(reply);
          await reply.accept();
        }
      }
      await app.idle();
      const rest = await inbox.receiveBatch({ maxMessages: 1, waitMs: 1 });
      await inbox.close();
      return [...replies, ...rest];
    };
    const brief = (replies: readonly ReceivedMessage[]): unknown[] =>
      replies.map(({ body, properties, applicationProperties, header }) => [
        applicationProperties?.['x-reply'],
        body,
        properties?.correlationId,
        header?.durable ?? false,
      ]);

    it('with its value, then accepts the request', async () => {
      expect(brief(await ask('value', 1))).toEqual([['value', { answer: 'value' }, 'id-value', false]]);
      expect(outcomes('answered').at(-1)).toBe('accepted');
    });

    it('with each value of a stream in order, then its end', async () => {
      expect(brief(await ask('stream', 3))).toEqual([
        ['next', 1, 'id-stream', false],
        ['next', 2, 'id-stream', false],
        ['complete', null, 'id-stream', false],
      ]);
    });

    it('with every value of a long stream', async () => {
      const replies = await ask('flood', 12_001);
      expect(replies.slice(0, -1).map(({ body }) => body)).toEqual(Array.from({ length: 12_000 }, (_, n) => n));
      expect(replies.at(-1)?.applicationProperties?.['x-reply']).toBe('complete');
    }, 30_000);

    it('with every value that came before the failure of a stream', async () => {
      const replies = await ask('cut', 1_001);
      expect(replies.slice(0, -1).map(({ body }) => body)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
      expect(brief(replies.slice(-1))).toEqual([['error', { status: 'error', message: 'cut' }, 'id-cut', false]]);
    });

    it('with each value of an async generator', async () => {
      expect(brief(await ask('generator', 3)).map((reply) => (reply as unknown[]).slice(0, 2))).toEqual([
        ['next', 0],
        ['next', 1],
        ['complete', null],
      ]);
    });

    it('with what an RpcException says, and rejects the request', async () => {
      const body = { status: 'busy', message: 'later', afterMs: 5 };
      expect(brief(await ask('rpc', 1))).toEqual([['error', body, 'id-rpc', false]]);
      expect(outcomes('answered').at(-1)).toBe('rejected');
    });

    it('with nothing of what another error says', async () => {
      const body = { status: 'error', message: 'Internal server error' };
      expect(brief(await ask('error', 1))).toEqual([['error', body, 'id-error', false]]);
    });

    it('not at all when the handler gives nothing back', async () => {
      expect(await ask('nothing', 0)).toEqual([]);
    });

    it('and lets a stream go that has no end when the requester is gone', async () => {
      const { app: other } = app;
      const sender = other.get(AmqpConnection).createSendClient('answered');
      await sender.send({ ask: 'endless' }, { replyTo: '/queues/gone' });
      await orders.released.count(1);
      await app.idle();
      expect(outcomes('answered').at(-1)).toBe('accepted');
    });

    it('or accepts it with a log line when the requester is gone', async () => {
      const lines = new Lines();
      await withApp(
        { imports: [AmqpModule.forRoot({ uri: 'embedded:', logger: lines })], providers: [Orders] },
        async ({ app: other, idle, settled }) => {
          const sender = other.get(AmqpConnection).createSendClient('answered');
          await sender.send({ ask: 'value' }, { replyTo: '/queues/gone' });
          // No address at all: nobody can have it.
          await sender.send({ ask: 'value' }, { replyTo: '/queues/100%' });
          await idle();
          expect(settled('answered').map(({ outcome }) => outcome?.kind)).toEqual(['accepted', 'accepted']);
          expect(lines.matching(/no reply could be sent to \/queues\/gone/)).toHaveLength(1);
          expect(lines.matching(/no reply could be sent to \/queues\/100%/)).toHaveLength(1);
        },
      );
    });
  });
});

describe('the consumers of an application', () => {
  @Injectable()
  class Controlled {
    readonly seen = new Seen<unknown>();
    constructor(@InjectSendClient('controlled') readonly sender: SendClient) {}
    @AmqpSubscribe('controlled', { autoStart: false, concurrency: 1 }) handle(@Payload() body: unknown): void {
      this.seen.add(body);
    }
    @AmqpSubscribe('never', { name: 'never' }) never(): void {}
  }
  const features = AmqpModule.forFeature({ senders: [{ name: 'controlled' }] });

  it('are adjusted while they run, give back what is not settled, and tell their end, all sources of one together', async () => {
    const doors: (() => void)[] = [];
    @Injectable()
    class Slow {
      readonly seen = new Seen<unknown>();
      constructor(
        @InjectSendClient('one') readonly one: SendClient,
        @InjectSendClient('two') readonly two: SendClient,
      ) {}
      @AmqpSubscribe(['one', 'two'], { concurrency: 1, prefetch: 1, name: 'slow' })
      async handle(@Payload() body: unknown): Promise<void> {
        this.seen.add(body);
        await new Promise<void>((resolve) => doors.push(resolve));
      }
    }
    const senders = [{ name: 'one' }, { name: 'two' }];
    await withApp({ imports: [AmqpModule.forFeature({ senders })], providers: [Slow] }, async ({ app }) => {
      const { one, two, seen } = app.get(Slow);
      const slow = app.get(AmqpConsumers).get('slow');
      await Promise.all([one.sendBatch([1, 2]), two.sendBatch([3, 4])]);
      await seen.count(2);
      await slow.adjust({ prefetch: 2, concurrency: 2 });
      await seen.count(4);
      expect(slow.inHand).toBe(4);
      expect(await slow.recover()).toBe(4);
      const ended = slow.ended();
      for (const open of doors) open();
      await seen.count(8);
      for (const open of doors) open();
      await slow.close();
      await ended;
      expect(slow.state).toBe('closed');
    });
  });

  it('start late, pause and resume by name', async () => {
    await withApp({ imports: [features], providers: [Controlled] }, async ({ app, broker }) => {
      const consumers = app.get(AmqpConsumers);
      const { sender, seen } = app.get(Controlled);
      expect(consumers.get('Controlled.handle').state).toBe('paused');
      await sender.send(1);
      expect(broker.queue('controlled').stats()).toMatchObject({ ready: 1, consumers: 0 });
      await consumers.start('Controlled.handle');
      await seen.count(1);
      await consumers.get('Controlled.handle').pause();
      expect(consumers.get('Controlled.handle').state).toBe('paused');
      await sender.send(2);
      expect(broker.queue('controlled').stats()).toMatchObject({ ready: 1 });
      await consumers.get('Controlled.handle').resume();
      await seen.count(2);
      expect(seen.values).toEqual([1, 2]);
      await consumers.get('Controlled.handle').close();
      expect(consumers.get('Controlled.handle').state).toBe('closed');
    });
  });

  it('are refused by a name that is none, with the names there are', async () => {
    await withApp({ imports: [features], providers: [Controlled] }, async ({ app }) => {
      const get = (): unknown => app.get(AmqpConsumers).get('Controlled.hnadle');
      expect(get).toThrow(InvalidOptionsError);
      expect(get).toThrow(/Controlled\.handle, never/);
    });
  });

  it('take other sources and options by name, or do not run at all', async () => {
    const consumers = { 'Controlled.handle': { source: 'elsewhere', autoStart: true }, never: { enabled: false } };
    const imports = [features, AmqpModule.forRoot({ uri: 'embedded:', consumers })];
    await withApp({ imports, providers: [Controlled] }, async ({ app, broker }) => {
      const { seen } = app.get(Controlled);
      await app.get(AmqpConnection).createSendClient('elsewhere').send('moved');
      await seen.count(1);
      expect([...app.get(AmqpConsumers).all().keys()]).toEqual(['Controlled.handle']);
      expect(broker.queues().map(({ name }) => name)).not.toContain('never');
      await expect(app.get(AmqpConsumers).start('never')).rejects.toThrow(/enabled/);
    });
  });

  it('are none with registerHandlers: false', async () => {
    const imports = [features, AmqpModule.forRoot({ uri: 'embedded:', registerHandlers: false })];
    await withApp({ imports, providers: [Controlled] }, async ({ app, broker }) => {
      expect([...app.get(AmqpConsumers).all().keys()]).toEqual([]);
      await app.get(Controlled).sender.send(1);
      expect(broker.queue('controlled').stats()).toMatchObject({ ready: 1, consumers: 0 });
    });
  });

  it('share concurrency with nobody: one that hangs leaves the others running', async () => {
    const hold = gate();
    @Injectable()
    class Two {
      readonly seen = new Seen<unknown>();
      @AmqpSubscribe('hangs', { concurrency: 1 }) hang(): Promise<void> {
        return hold.opened;
      }
      @AmqpSubscribe('runs') run(@Payload() body: unknown): void {
        this.seen.add(body);
      }
    }
    await withApp({ providers: [Two] }, async ({ app }) => {
      const connection = app.get(AmqpConnection);
      await connection.createSendClient('hangs').send(0);
      const sender = connection.createSendClient('runs');
      await Promise.all(Array.from({ length: 50 }, (_, index) => sender.send(index)));
      await app.get(Two).seen.count(50);
      hold.open();
    });
  });

  it('with options that cannot work stop the boot, by consumer and option', async () => {
    @Injectable()
    class Wrong {
      @AmqpSubscribe('x', { batch: { maxMessages: 50, waitMs: 1 } }) handle(): void {}
    }
    // Each can work; together they cannot.
    const imports = [AmqpModule.forRoot({ uri: 'embedded:', consumers: { 'Wrong.handle': { prefetch: 10 } } })];
    const boot = withApp({ imports, providers: [Wrong] }, () => Promise.resolve());
    await expect(boot).rejects.toThrow(InvalidOptionsError);
    await expect(boot).rejects.toThrow(/Wrong\.handle\.batch\.maxMessages/);
  });
});

describe('injection', () => {
  it('gives the connection by decorator, by token and by its class', async () => {
    @Injectable()
    class Wants {
      constructor(
        @InjectAmqpConnection() readonly decorated: AmqpConnection,
        readonly typed: AmqpConnection,
      ) {}
    }
    await withApp({ providers: [Wants] }, async ({ app }) => {
      const { decorated, typed } = app.get(Wants);
      expect(typed).toBeInstanceOf(AmqpConnection);
      expect(decorated).toBe(typed);
      expect(app.get('AmqpConnection:default')).toBe(typed);
    });
  });
});
