// The microservice transport on an embedded broker: server, client proxy, and what is between them.

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  BadRequestException,
  Catch,
  Controller,
  type ExceptionFilter,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  Scope,
  type Type,
  UseFilters,
  UseInterceptors,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Client,
  type ClientProxy,
  ClientsModule,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
} from '@nestjs/microservices';
import rhea from 'rhea';
import { EMPTY, firstValueFrom, from, lastValueFrom, map, NEVER, of, throwError, toArray } from 'rxjs';

import { EmbeddedBroker } from '../../lib/broker/index.js';
import {
  AMQP_TRANSPORT,
  AmqpClientProxy,
  type AmqpClientProxyOptions,
  AmqpConnection,
  AmqpContext,
  AmqpModule,
  AmqpRecordBuilder,
  AmqpTransportStrategy,
  type AmqpTransportOptions,
  InjectAmqpConnection,
  policy,
  type ReceivedMessage,
} from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { gate, Seen } from './harness.js';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Service {
  readonly broker: EmbeddedBroker;
  readonly client: AmqpClientProxy;
  readonly strategy: AmqpTransportStrategy;
  readonly close: () => Promise<void>;
}

async function start(
  controllers: Type[],
  options: Partial<AmqpTransportOptions> = {},
  proxy: Partial<AmqpClientProxyOptions> = {},
): Promise<Service> {
  const broker = await EmbeddedBroker.start({ port: false, queues: ['work', { name: 'events', deadLetter: 'dead' }] });
  ends.push(() => broker.stop());
  const { uri, dial } = broker;
  const reconnect = { initialDelayMs: 2, maxDelayMs: 10 };
  const strategy = new AmqpTransportStrategy({
    uri,
    dial,
    reconnect,
    sources: ['work', { source: 'events', concurrency: 1 }],
    errorPolicy: policy.reject(),
    ...options,
  });
  @Module({ controllers })
  class AppModule {}
  const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
  ends.push(() => app.close());
  await app.listen();
  const client = new AmqpClientProxy({ uri, dial, reconnect, target: 'work', logger: quiet, ...proxy });
  ends.push(() => client.close());
  return { broker, client, strategy, close: () => app.close() };
}

const all = <T>(client: ClientProxy, pattern: unknown, data: unknown): Promise<T[]> =>
  lastValueFrom(client.send<T>(pattern, data).pipe(toArray()));

const failure = (client: ClientProxy, pattern: unknown): Promise<unknown> =>
  firstValueFrom(client.send(pattern, {})).then(
    () => 'no failure',
    (error: unknown) => error,
  );

const doubled: NestInterceptor = {
  intercept: (_context, next) => next.handle().pipe(map((value: number) => value * 2)),
};

@Controller()
class MathController {
  @MessagePattern({ cmd: 'sum' })
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((sum, each) => sum + each, 0);
  }

  @MessagePattern('later')
  async later(@Payload() value: unknown): Promise<unknown> {
    return Promise.resolve(value);
  }

  @MessagePattern('stream')
  stream(@Payload() numbers: number[]) {
    return from(numbers);
  }

  @MessagePattern('nothing')
  nothing(): void {}

  @MessagePattern('empty')
  empty() {
    return EMPTY;
  }

  @MessagePattern('doubled')
  @UseInterceptors(doubled)
  doubled(@Payload() value: number): number {
    return value;
  }

  @MessagePattern('record')
  record() {
    return new AmqpRecordBuilder({ ok: true }).setOptions({ priority: 7 }).build();
  }

  @MessagePattern(['one', 'other'])
  either(@Ctx() context: AmqpContext): unknown[] {
    return [context.getPattern(), context.getAddress(), context.getConnection().status];
  }
}

describe('a request', () => {
  it('is answered with the value, promised or not, and accepted', async () => {
    const { client, broker } = await start([MathController]);
    expect(await all(client, { cmd: 'sum' }, [1, 2, 3])).toEqual([6]);
    expect(await all(client, 'later', { a: 1 })).toEqual([{ a: 1 }]);
    expect(await all(client, 'nothing', {})).toEqual([null]);
    await broker.idle();
    expect(broker.queue('work').stats()).toMatchObject({ accepted: 3, ready: 0 });
  });

  it('is answered with each value of an Observable and its end', async () => {
    const { client } = await start([MathController]);
    expect(await all(client, 'stream', [1, 2, 3])).toEqual([1, 2, 3]);
    const many = Array.from({ length: 3_000 }, (_, index) => index);
    expect(await all(client, 'stream', many)).toEqual(many);
    expect(await all(client, 'empty', {})).toEqual([]);
  });

  it('finds its handler by every pattern of a list, and goes through interceptors', async () => {
    const { client } = await start([MathController]);
    expect(await all(client, 'other', {})).toEqual([['other', 'work', 'connected']]);
    expect(await all(client, 'doubled', 4)).toEqual([8]);
    expect(await all(client, 'record', {})).toEqual([{ ok: true }]);
  });

  it('gets its own answer, as each of a thousand at once does', async () => {
    const { client } = await start([MathController]);
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => firstValueFrom(client.send('later', index + 1))),
    );
    expect(answers).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
  });

  it('is only sent when somebody subscribes, and again for each who does', async () => {
    const { client, broker } = await start([MathController]);
    const asked = client.send('later', 1);
    expect(broker.queue('work').stats().enqueued).toBe(0);
    await firstValueFrom(asked);
    await firstValueFrom(asked);
    expect(broker.queue('work').stats().enqueued).toBe(2);
  });

  it('says what it is on the wire: subject, reply address, no durability, a time to live', async () => {
    const seen = new Seen<ReceivedMessage>();
    @Controller()
    class Watching {
      @MessagePattern({ b: 1, a: 'x' })
      on(@Ctx() context: AmqpContext): AmqpContext['getMetadata'] extends () => infer T ? T : never {
        seen.add(context.getMessage());
        return context.getMetadata();
      }
    }
    const { client } = await start([Watching], {}, { requestTimeoutMs: 5_000 });
    const record = new AmqpRecordBuilder('hello').setOptions({ priority: 5, applicationProperties: { tenant: 't' } });
    expect(await all(client, { b: 1, a: 'x' }, record.build())).toEqual([{ tenant: 't' }]);
    const [message] = seen.values;
    expect(message?.body).toBe('hello');
    expect(message?.properties).toMatchObject({ subject: '{"a":"x","b":1}', replyTo: expect.stringMatching(/./) });
    expect(message?.header).toMatchObject({ durable: false, priority: 5 });
    // The broker takes off what passed while it had the message.
    expect(Math.round((message?.header?.ttl ?? 0) / 1_000)).toBe(5);
  });
});

class Odd extends Error {}

@Catch(Odd)
class OddFilter implements ExceptionFilter {
  catch(): unknown {
    return of('handled');
  }
}

@Controller()
class FailingController {
  @MessagePattern('rpc')
  rpc(): never {
    throw new RpcException({ status: 'refused', code: 7 });
  }
  @MessagePattern('text')
  text(): never {
    throw new RpcException('in words');
  }
  @MessagePattern('http')
  http(): never {
    throw new BadRequestException('no such order');
  }
  @MessagePattern('unknown')
  unknown(): never {
    throw new Error('password=secret');
  }
  @MessagePattern('halfway')
  halfway() {
    return throwError(() => new RpcException('halfway'));
  }
  @MessagePattern('filtered')
  @UseFilters(OddFilter)
  filtered(): never {
    throw new Odd();
  }
}

describe('a request that fails', () => {
  it.each([
    ['rpc', { status: 'refused', code: 7 }],
    ['text', { status: 'error', message: 'in words' }],
    ['http', { statusCode: 400, status: 400, message: 'no such order' }],
    ['unknown', { status: 'error', message: 'Internal server error' }],
    ['halfway', { status: 'error', message: 'halfway' }],
    ['nobody', { status: 'error', message: 'There is no matching message handler defined in the remote service.' }],
  ])('is answered with what the requester may know: %s', async (pattern, expected) => {
    const { client, broker } = await start([FailingController]);
    const error = await failure(client, pattern);
    expect(error).toMatchObject(expected);
    expect(JSON.stringify(error)).not.toContain('secret');
    await broker.idle();
    const outcome = pattern === 'nobody' ? { rejected: 1 } : { accepted: 1 };
    expect(broker.queue('work').stats()).toMatchObject(outcome);
  });

  it("is a success when a user's filter makes it one", async () => {
    const { client } = await start([FailingController]);
    expect(await all(client, 'filtered', {})).toEqual(['handled']);
  });

  it('fails typed when nobody answers in time, and at once when the connection is lost', async () => {
    const began = gate();
    @Controller()
    class Silent {
      @MessagePattern('silent')
      silent() {
        return NEVER;
      }
      @MessagePattern('patient')
      patient() {
        began.open();
        return NEVER;
      }
    }
    const { client, broker } = await start([Silent], { shutdownTimeoutMs: 50 }, { requestTimeoutMs: 80 });
    expect(await failure(client, 'silent')).toMatchObject({ code: 'request-timeout' });
    const patient = new AmqpClientProxy({ uri: broker.uri, dial: broker.dial, target: 'work', logger: quiet });
    ends.push(() => patient.close());
    const failed = failure(patient, 'patient');
    await began.opened;
    broker.dropConnections();
    expect(await failed).toMatchObject({ code: 'connection-lost' });
  });

  it('fails when the proxy is closed, and drops what comes after unsubscribing', async () => {
    const open = gate();
    @Controller()
    class Slow {
      @MessagePattern('slow')
      async slow(): Promise<number> {
        await open.opened;
        return 1;
      }
    }
    const { client, broker } = await start([Slow]);
    const told: unknown[] = [];
    client
      .send('slow', {})
      .subscribe({ next: (value) => told.push(value), error: (error) => told.push(error) })
      .unsubscribe();
    const unsubscribed = client.send('slow', {}).subscribe({ next: (value) => told.push(value) });
    const closed = failure(client, 'slow');
    await eventually('they are being handled', () => broker.queue('work').stats().unsettled >= 2);
    unsubscribed.unsubscribe();
    await client.close();
    expect(await closed).toMatchObject({ code: 'client-closed' });
    expect(await failure(client, 'slow')).toMatchObject({ code: 'client-closed' });
    open.open();
    await broker.idle();
    expect(told).toEqual([]);
  });
});

describe('an event', () => {
  it('reaches every handler of its pattern, is emitted at once and accepted when they are through', async () => {
    const seen = new Seen<string>();
    const open = gate();
    @Controller()
    class One {
      @EventPattern('placed')
      async on(@Payload() id: number): Promise<void> {
        await open.opened;
        seen.add(`one ${id}`);
      }
    }
    @Controller()
    class Other {
      @EventPattern('placed', AMQP_TRANSPORT)
      on(@Payload() id: number) {
        seen.add(`other ${id}`);
        return of(1, 2);
      }
      @EventPattern('placed', Symbol('another transport') as never)
      never(@Payload() _id: number): void {
        seen.add('never');
      }
    }
    const { client, broker } = await start([One, Other]);
    client.emit('placed', 7); // nobody subscribes
    await seen.count(1);
    expect(broker.queue('work').stats()).toMatchObject({ unsettled: 1, accepted: 0 });
    open.open();
    await broker.idle();
    expect(seen.values).toEqual(['other 7', 'one 7']);
    expect(broker.queue('work').stats()).toMatchObject({ accepted: 1 });
  });

  it.each([
    ['thrown', () => Promise.reject(new Odd('boom'))],
    ['emitted', () => throwError(() => new Odd('boom'))],
  ])('goes to the error policy with the error that was %s', async (_how, fail) => {
    const errors: unknown[] = [];
    const ran: string[] = [];
    @Controller()
    class Failing {
      @EventPattern('bad')
      bad(@Payload() _data: unknown) {
        return fail();
      }
      @EventPattern('bad')
      good(@Payload() _data: unknown): void {
        ran.push('good');
      }
    }
    const { client, broker } = await start(
      [Failing],
      { errorPolicy: (error, failed) => (errors.push(error), policy.reject('app:bad')(error, failed)) },
      { target: 'events' },
    );
    await lastValueFrom(client.emit('bad', {}));
    await broker.idle();
    expect([errors[0] instanceof Odd, errors.length, ran]).toEqual([true, 1, ['good']]);
    expect(broker.queue('dead').messages()[0]?.messageAnnotations).toMatchObject({
      'x-opt-death-condition': 'app:bad',
    });
  });

  it('goes to the policy for unmatched ones when no handler is for it', async () => {
    const { client, broker } = await start([MathController], {}, { target: 'events' });
    await lastValueFrom(client.emit('nobody', {}));
    await broker.idle();
    const [dead] = broker.queue('dead').messages();
    expect(dead?.messageAnnotations).toMatchObject({ 'x-opt-death-condition': 'amqp:not-found' });
  });

  it('fails for who emits it when the peer does not take it', async () => {
    const { client, broker } = await start([MathController]);
    broker.queue('work').inject({ kind: 'reject' });
    await expect(lastValueFrom(client.emit('later', {}))).rejects.toMatchObject({ code: 'rejected' });
  });

  it('never replies, and its handler may be request-scoped', async () => {
    const seen = new Seen<boolean>();
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @Controller()
    class Scoped {
      constructor(@Inject(PerRequest) private readonly own: PerRequest) {}
      @EventPattern('scoped')
      on(@Payload() _data: unknown): string {
        seen.add(this.own instanceof PerRequest);
        return 'no reply';
      }
    }
    const broker = await EmbeddedBroker.start({ port: false, queues: ['work', 'answers'] });
    ends.push(() => broker.stop());
    const strategy = new AmqpTransportStrategy({ uri: broker.uri, dial: broker.dial, sources: 'work' });
    @Module({ controllers: [Scoped], providers: [PerRequest] })
    class AppModule {}
    const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
    ends.push(() => app.close());
    await app.listen();
    broker.queue('work').publish('x', { subject: 'scoped', replyTo: 'answers' });
    await broker.idle();
    expect(seen.values).toEqual([true]);
    expect(broker.queue('answers').stats().enqueued).toBe(0);
  });
});

describe('wildcards', () => {
  @Controller()
  class Wild {
    @MessagePattern('order.created')
    exact(): string {
      return 'exact';
    }
    @MessagePattern('order.*')
    one(): string {
      return 'one';
    }
    @MessagePattern('log.#')
    any(): string {
      return 'any';
    }
    @MessagePattern('*.stock.#.low')
    both(): string {
      return 'both';
    }
  }

  it.each([
    ['order.created', 'exact'],
    ['order.deleted', 'one'],
    ['log', 'any'],
    ['log.a.b', 'any'],
    ['eu.stock.low', 'both'],
    ['eu.stock.a.low.b.low', 'both'],
  ])('match %s', async (pattern, expected) => {
    const { client } = await start([Wild]);
    expect(await all(client, pattern, {})).toEqual([expected]);
  });

  it.each(['order', 'order.a.b', 'stock.low', 'eu.stock.low.not', ''])('do not match "%s"', async (pattern) => {
    const { client } = await start([Wild]);
    expect(await failure(client, pattern)).toMatchObject({ message: expect.stringContaining('no matching') });
  });
});

describe('a requester without this library', () => {
  it('gets a reply from a handler: plain rhea, no envelope', async () => {
    const broker = await EmbeddedBroker.start({ port: 0, host: '127.0.0.1', queues: ['work'] });
    ends.push(() => broker.stop());
    @Module({ controllers: [MathController] })
    class AppModule {}
    const strategy = new AmqpTransportStrategy({ uri: broker.uri, sources: 'work' });
    const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
    ends.push(() => app.close());
    await app.listen();
    const answer = await new Promise<{ correlation_id?: unknown; body?: { content: Buffer } }>((resolve, reject) => {
      const connection = rhea
        .create_container()
        .connect({ host: '127.0.0.1', port: broker.port ?? 0, reconnect: false });
      ends.push(
        () => new Promise<void>((done) => (connection.once('connection_close', () => done()), connection.close())),
      );
      connection.on('connection_error', reject);
      const receiver = connection.open_receiver({ source: { dynamic: true, address: '' } });
      receiver.on('receiver_open', () => {
        const sender = connection.open_sender('work');
        sender.on('sendable', () => {
          const reply_to: string = receiver.source.address;
          sender.send({ subject: '{"cmd":"sum"}', reply_to, message_id: 'mine', body: [1, 2] });
        });
      });
      receiver.on('message', ({ message }) => resolve(message as never));
    });
    expect(answer.correlation_id).toBe('mine');
    expect(String(answer.body?.content)).toBe('3');
  });

  it('answers the proxy: plain rhea, no envelope', async () => {
    const broker = await EmbeddedBroker.start({ port: 0, host: '127.0.0.1', queues: ['work'] });
    ends.push(() => broker.stop());
    const connection = rhea.create_container().connect({ host: '127.0.0.1', port: broker.port ?? 0, reconnect: false });
    ends.push(
      () => new Promise<void>((done) => (connection.once('connection_close', () => done()), connection.close())),
    );
    const anywhere = connection.open_sender({ target: { address: null } } as never);
    connection.open_receiver('work').on('message', ({ message }) => {
      const body = { asked: JSON.parse(String(message?.body.content)) as unknown };
      const { reply_to: to, correlation_id } = message ?? {};
      anywhere.send({ to, correlation_id, body });
    });
    const client = new AmqpClientProxy({ uri: broker.uri, target: 'work', logger: quiet });
    ends.push(() => client.close());
    expect(await all(client, 'any', { n: 1 })).toEqual([{ asked: { n: 1 } }]);
  });

  it('answers the proxy: a plain responder, without x-reply', async () => {
    const { broker, client } = await start([], { sources: 'events' });
    const connection = new AmqpConnection({ uri: broker.uri, dial: broker.dial, logger: quiet });
    ends.push(() => connection.close());
    const replies = connection.createSendClient(null);
    connection.createReceiveClient('work').subscribe(async ({ properties, body }) => {
      await replies.send({ plain: body }, { to: properties?.replyTo, correlationId: properties?.messageId });
    });
    expect(await all(client, 'any', 1)).toEqual([{ plain: 1 }]);
  });
});

describe('options', () => {
  it('take a source whose long form is undefined for the short one', () => {
    const sources = [{ address: 'q', source: undefined }];
    expect(() => new AmqpTransportStrategy({ uri: 'amqp://localhost', sources })).not.toThrow();
  });

  it.each<[string, Partial<AmqpTransportOptions>, string]>([
    ['no source', { sources: [] }, 'sources'],
    ['an unknown one', { queue: 'x' } as object, 'queue'],
    ['a pattern that is none', { pattern: 'topic' as never }, 'pattern'],
    ['both connections', { connection: 'default' }, 'uri'],
    ['no connection', { uri: undefined }, 'uri'],
    ['one of a source', { sources: [{ source: 'q', concurrency: 0 }] }, 'sources[0].concurrency'],
    ['batches', { sources: [{ source: 'q', batch: { maxMessages: 1, waitMs: 1 } } as never] }, 'sources[0].batch'],
  ])('are refused at once: %s', (_name, options, option) => {
    const make = (): unknown => new AmqpTransportStrategy({ uri: 'amqp://localhost', sources: 'q', ...options });
    expect(make).toThrow(expect.objectContaining({ name: 'InvalidOptionsError', option }));
  });

  it.each<[string, Partial<AmqpClientProxyOptions>, string]>([
    ['no target', { target: undefined as never }, 'target'],
    ['an unknown one', { queue: 'x' } as object, 'queue'],
    ['a time-out that is none', { requestTimeoutMs: 0 }, 'requestTimeoutMs'],
  ])('of the proxy are refused at once: %s', (_name, options, option) => {
    const make = (): unknown => new AmqpClientProxy({ uri: 'amqp://localhost', target: 'q', ...options });
    expect(make).toThrow(expect.objectContaining({ name: 'InvalidOptionsError', option }));
  });

  it('take the pattern from the address or from a function, and the target from the pattern', async () => {
    @Controller()
    class ByPlace {
      @MessagePattern('work')
      work(): string {
        return 'by address';
      }
      @MessagePattern('kind-a')
      kind(): string {
        return 'by function';
      }
    }
    const byAddress = await start([ByPlace], { pattern: 'address' });
    expect(await all(byAddress.client, 'whatever', {})).toEqual(['by address']);
    const byFunction = await start(
      [ByPlace],
      { pattern: ({ applicationProperties }) => `kind-${String(applicationProperties?.['kind'])}` },
      { target: ({ pattern }) => (pattern === 'x' ? 'events' : 'work') },
    );
    const record = new AmqpRecordBuilder({}).setOptions({ applicationProperties: { kind: 'a' } }).build();
    expect(await all(byFunction.client, 'x', record)).toEqual(['by function']);
    await byFunction.broker.idle();
    expect(byFunction.broker.queue('events').stats().accepted).toBe(1);
  });

  it('keep replies from addresses that reply.allow refuses', async () => {
    const asked: string[] = [];
    const { client, broker } = await start(
      [MathController],
      { reply: { allow: (address, context) => (asked.push(address, context.getPattern()), false) } },
      { requestTimeoutMs: 1_200 },
    );
    expect(await failure(client, 'later')).toMatchObject({ code: 'request-timeout' });
    expect(asked).toEqual([expect.stringMatching(/./), 'later']);
    await broker.idle();
    expect(broker.queue('work').stats().accepted).toBe(1);
  });

  it('take a serializer and a deserializer on both sides, for an envelope of their own', async () => {
    const requests = {
      serialize: ({ pattern, data }: { pattern: string; data: unknown }) =>
        Promise.resolve({ envelope: { pattern, data } }),
      deserialize: ({ envelope }: { envelope: object }) => envelope,
    };
    const responses = {
      serialize: (packet: object) => ({ packet }),
      deserialize: ({ packet }: { packet: object }) => Promise.resolve(packet),
    };
    const { client } = await start(
      [MathController, FailingController],
      { deserializer: requests, serializer: responses, pattern: () => 'not used' },
      { serializer: requests, deserializer: responses },
    );
    expect(await all(client, { cmd: 'sum' }, [1, 2])).toEqual([3]);
    expect(await all(client, 'stream', [1, 2])).toEqual([1, 2]);
    expect(await failure(client, 'text')).toEqual({ status: 'error', message: 'in words' });
  });
});

describe('an error reply', () => {
  it.each([null, '', 0, false])('whose body is %j is an error all the same', async (body) => {
    const { broker } = await start([]);
    const connection = new AmqpConnection({ uri: broker.uri, dial: broker.dial });
    ends.push(() => connection.close());
    await connection.open();
    const sender = connection.createSendClient(null);
    connection.createReceiveClient('elsewhere').subscribe(async ({ properties }) => {
      const { replyTo: to = '', correlationId } = properties ?? {};
      await sender.send(body, { to, correlationId, applicationProperties: { 'x-reply': 'error' } });
    });
    const client = new AmqpClientProxy({ connection, target: 'elsewhere' });
    expect(await failure(client, 'any')).toMatchObject({ code: 'request-failed', body });
  });
});

describe('the life of it', () => {
  it('rejects the start when a source is refused, and leaves nothing open', async () => {
    const broker = await EmbeddedBroker.start({ port: false, autoCreateQueues: false });
    ends.push(() => broker.stop());
    const strategy = new AmqpTransportStrategy({ uri: broker.uri, dial: broker.dial, sources: 'missing' });
    @Module({})
    class AppModule {}
    const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
    await expect(app.listen()).rejects.toMatchObject({ condition: 'amqp:not-found' });
    expect(strategy.unwrap().status).toBe('closed');
  });

  it('runs 64 handlers of a source at once, and has no more than twice as many messages in hand', async () => {
    const open = gate();
    const began = new Seen<number>();
    @Controller()
    class Crowd {
      @EventPattern('crowd')
      async crowd(@Payload() n: number): Promise<void> {
        began.add(n);
        await open.opened;
      }
    }
    const { client, broker } = await start([Crowd]);
    await Promise.all(Array.from({ length: 200 }, (_, n) => lastValueFrom(client.emit('crowd', n))));
    await began.count(64);
    await eventually('the prefetch is used up', () => broker.queue('work').stats().unsettled === 128);
    expect(began.values).toHaveLength(64);
    open.open();
    await began.count(200);
  });

  it('tells its status, and finishes handlers and their replies before it closes', async () => {
    const open = gate();
    const began = gate();
    @Controller()
    class Slow {
      @MessagePattern('slow')
      async slow(): Promise<string> {
        began.open();
        await open.opened;
        return 'done';
      }
    }
    const { client, strategy, broker, close } = await start([Slow]);
    const statuses: string[] = [];
    strategy.status.subscribe((status) => statuses.push(status));
    const errors: Error[] = [];
    strategy.on('error', (error) => errors.push(error));
    broker.dropConnections();
    await eventually('it is back', () => errors.length === 1 && strategy.unwrap().status === 'connected');
    const answer = firstValueFrom(client.send('slow', {}));
    await began.opened;
    const closed = close();
    open.open();
    expect(await answer).toBe('done');
    await closed;
    expect(statuses).toEqual(expect.arrayContaining(['connected', 'disconnected', 'closed']));
    expect(broker.queue('work').stats()).toMatchObject({ accepted: 1, consumers: 0 });
  });

  it('shares connections of the application by name and by instance, in a hybrid one, and closes with it', async () => {
    const broker = await EmbeddedBroker.start({ port: false, queues: ['work', 'more'] });
    ends.push(() => broker.stop());
    const { uri, dial } = broker;
    @Injectable()
    class Asking {
      // Nest's types leave custom classes out here; its factory takes them.
      @Client({ customClass: AmqpClientProxy, options: { connection: 'default', target: 'work' } } as never)
      readonly own?: ClientProxy;
      constructor(
        @Inject('MATH') readonly client: ClientProxy,
        @InjectAmqpConnection() readonly connection: AmqpConnection,
      ) {}
    }
    @Module({
      imports: [
        AmqpModule.forRoot({ uri, dial, logger: quiet }),
        ClientsModule.register([
          { name: 'MATH', customClass: AmqpClientProxy, options: { connection: 'default', target: 'more' } },
        ]),
      ],
      controllers: [MathController],
      providers: [Asking],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false });
    const { client, connection } = app.get(Asking);
    const byName = new AmqpTransportStrategy({ connection: 'default', sources: 'work' });
    const byInstance = new AmqpTransportStrategy({ connection, sources: 'more' });
    app.connectMicroservice({ strategy: byName });
    app.connectMicroservice({ strategy: byInstance });
    await app.startAllMicroservices();
    await app.init();
    expect(byName.unwrap()).toBe(connection);
    expect(byInstance.unwrap()).toBe(connection);
    expect(await all(client, { cmd: 'sum' }, [1, 2])).toEqual([3]);
    const { own } = app.get(Asking);
    if (own === undefined) throw new Error('@Client() made nothing');
    expect(await all(own, 'later', 5)).toEqual([5]);
    expect(own.unwrap()).toBe(connection);
    await app.close();
    expect(connection.status).toBe('closed');
    expect(broker.queue('work').stats()).toMatchObject({ accepted: 1, consumers: 0, unsettled: 0 });
  });

  it('names the connection that is not there', async () => {
    const strategy = new AmqpTransportStrategy({ connection: 'nowhere', sources: 'work' });
    @Module({})
    class AppModule {}
    const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
    await expect(app.listen()).rejects.toMatchObject({ name: 'InvalidOptionsError', option: 'connection' });
    const proxy = new AmqpClientProxy({ connection: 'nowhere', target: 'work' });
    expect(await failure(proxy, 'x')).toMatchObject({ name: 'InvalidOptionsError' });
    await proxy.close();
  });

  it('runs each message between the hooks of an instrumentation', async () => {
    const told: unknown[] = [];
    const { client, strategy, broker } = await start([MathController]);
    strategy.setOnProcessingStartHook((id, context, done) => {
      told.push(['start', id === AMQP_TRANSPORT, context instanceof AmqpContext]);
      void done();
    });
    strategy.setOnProcessingEndHook((id) => told.push(['end', id === AMQP_TRANSPORT]));
    expect(await all(client, 'later', 1)).toEqual([1]);
    await broker.idle();
    expect(told).toEqual([
      ['start', true, true],
      ['end', true],
    ]);
  });
});
