import 'reflect-metadata';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  type DynamicModule,
  Injectable,
  type INestApplicationContext,
  Module,
  type ModuleMetadata,
  ValidationPipe,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { IsInt } from 'class-validator';

import { EmbeddedBroker } from '../../lib/broker/index.js';
import {
  AmqpConnection,
  AmqpConsumers,
  AmqpModule,
  type AmqpModuleOptions,
  type AmqpOptionsFactory,
  AmqpSubscribe,
  getAmqpConnectionToken,
  getReceiveClientToken,
  getSendClientToken,
  InjectAmqpConnection,
  InjectReceiveClient,
  InjectSendClient,
  InvalidOptionsError,
  policy,
  ReceiveClient,
  SendClient,
} from '../../lib/index.js';
import { Lines, Seen } from './harness.js';

const apps: INestApplicationContext[] = [];
const brokers: EmbeddedBroker[] = [];

async function boot(metadata: ModuleMetadata): Promise<INestApplicationContext> {
  @Module(metadata)
  class App {}
  const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  apps.push(app);
  return app;
}

/** A private broker that says nothing. */
const quiet = (options: Partial<AmqpModuleOptions> = {}): AmqpModuleOptions => ({
  uri: 'embedded:',
  logger: new Lines(),
  ...options,
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

@Injectable()
class Echo {
  readonly seen = new Seen<unknown>();
  constructor(
    @InjectSendClient('echo') readonly sender: SendClient,
    @InjectAmqpConnection() readonly connection: AmqpConnection,
  ) {}
  @AmqpSubscribe('echo') handle(@Payload() body: unknown): void {
    this.seen.add(body);
  }
}
const feature = AmqpModule.forFeature({ senders: [{ name: 'echo' }] });

async function works(app: INestApplicationContext): Promise<void> {
  const { sender, seen } = app.get(Echo);
  await sender.send({ hello: 'world' });
  await seen.count(1);
  expect(seen.values).toEqual([{ hello: 'world' }]);
}

describe('the options may come', () => {
  @Injectable()
  class Config implements AmqpOptionsFactory {
    calls = 0;
    createAmqpOptions(): AmqpModuleOptions {
      this.calls += 1;
      return quiet();
    }
  }
  @Module({ providers: [Config], exports: [Config] })
  class ConfigModule {}

  it('from forRoot', async () => {
    await works(await boot({ imports: [AmqpModule.forRoot(quiet()), feature], providers: [Echo] }));
  });

  it('from useFactory with inject, imports and extraProviders, asked once', async () => {
    let calls = 0;
    const module = AmqpModule.forRootAsync({
      imports: [ConfigModule],
      extraProviders: [{ provide: 'LOGGER', useValue: new Lines() }],
      inject: [Config, 'LOGGER', { token: 'ABSENT', optional: true }],
      useFactory: async (config: Config, logger: Lines, absent: unknown) => {
        calls += 1;
        expect([config instanceof Config, absent]).toEqual([true, undefined]);
        return { uri: 'embedded:', logger };
      },
    });
    await works(await boot({ imports: [module, feature], providers: [Echo] }));
    expect(calls).toBe(1);
  });

  it('from useClass', async () => {
    await works(await boot({ imports: [AmqpModule.forRootAsync({ useClass: Config }), feature], providers: [Echo] }));
  });

  it('from useExisting, asked once', async () => {
    const module = AmqpModule.forRootAsync({ imports: [ConfigModule], useExisting: Config });
    const app = await boot({ imports: [module, feature], providers: [Echo] });
    await works(app);
    expect(app.get(Config).calls).toBe(1);
  });

  it('but not an undefined uri from a factory: the boot says so', async () => {
    const module = AmqpModule.forRootAsync({ useFactory: () => ({ uri: process.env['THERE_IS_NO_SUCH'] }) });
    await expect(boot({ imports: [module] })).rejects.toThrow(/^uri must be given.*environment variable.*undefined$/);
  });

  it.each([
    ['name', { name: 'other' }],
    ['isGlobal', { isGlobal: false }],
  ])('but not another %s than stands outside the factory', async (option, change) => {
    const module = AmqpModule.forRootAsync({ useFactory: () => quiet(change) });
    const booting = boot({ imports: [module] });
    await expect(booting).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(booting).rejects.toMatchObject({ option });
  });
});

describe('several connections', () => {
  it('are told apart by name, in injection, forFeature and @AmqpSubscribe', async () => {
    @Injectable()
    class Both {
      readonly seen = new Seen<string>();
      constructor(
        @InjectSendClient('first') readonly first: SendClient,
        @InjectSendClient('second') readonly second: SendClient,
        @InjectReceiveClient('inbox') readonly inbox: ReceiveClient,
        @InjectAmqpConnection('b') readonly b: AmqpConnection,
        readonly a: AmqpConnection,
      ) {}
      @AmqpSubscribe('first') onA(): void {
        this.seen.add('a');
      }
      @AmqpSubscribe('second', { connection: 'b' }) onB(): void {
        this.seen.add('b');
      }
    }
    const app = await boot({
      imports: [
        AmqpModule.forRoot(quiet()),
        AmqpModule.forRootAsync({ name: 'b', useFactory: () => quiet() }),
        AmqpModule.forFeature({ senders: [{ name: 'first' }] }),
        AmqpModule.forFeature({
          connection: 'b',
          senders: [{ name: 'second', target: { queue: 'second' } }],
          receivers: [{ name: 'inbox', source: 'elsewhere' }],
        }),
      ],
      providers: [Both],
    });
    const { a, b, first, second, inbox, seen } = app.get(Both);
    expect(a).not.toBe(b);
    expect(app.get(getAmqpConnectionToken('b'))).toBe(b);
    expect(app.get(getSendClientToken('first'))).toBe(first);
    expect(app.get(getReceiveClientToken('inbox'))).toBe(inbox);
    await first.send(1);
    await seen.count(1);
    await second.send(2);
    await seen.count(2);
    expect(seen.values).toEqual(['a', 'b']);
    await b.createSendClient('elsewhere').send('on b');
    const [message] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 2_000 });
    expect(message?.body).toBe('on b');
    await message?.accept();
  });

  it('with the same name stop the boot', async () => {
    const booting = boot({ imports: [AmqpModule.forRoot(quiet()), AmqpModule.forRoot(quiet())] });
    await expect(booting).rejects.toThrow(/name must be unique among the application's AmqpModule\.forRoot/);
  });

  it('are one when two modules import the same forRoot', async () => {
    const shared = AmqpModule.forRoot(quiet());
    @Module({ imports: [shared] })
    class Elsewhere {}
    await works(await boot({ imports: [shared, Elsewhere, feature], providers: [Echo] }));
  });

  it('that nobody made are named in what Nest says of a sender', async () => {
    const booting = boot({ imports: [AmqpModule.forFeature({ connection: 'nobody', senders: [{ name: 'x' }] })] });
    await expect(booting).rejects.toThrow(/AmqpSendClient:x.*AmqpModule\.forRoot\(\{ name: 'nobody' \}\)/s);
  });
});

describe('isGlobal: false', () => {
  const local = (): DynamicModule => AmqpModule.forRoot(quiet({ isGlobal: false }));
  @Injectable()
  class Wants {
    constructor(@InjectAmqpConnection() readonly connection: AmqpConnection) {}
  }

  it('lets only those inject the connection who import it; forFeature works all the same', async () => {
    @Module({ providers: [Wants] })
    class Elsewhere {}
    await works(await boot({ imports: [local(), feature], providers: [Echo] }));
    const booting = boot({ imports: [local(), Elsewhere] });
    await expect(booting).rejects.toThrow(/dependencies of the Wants .*AmqpConnection:default/s);
    await boot({ imports: [AmqpModule.forRoot(quiet()), Elsewhere] });
  });
});

describe("uri 'embedded:'", () => {
  it('warns once that it keeps nothing, through the logger', async () => {
    const logger = new Lines();
    const app = await boot({ imports: [AmqpModule.forRoot(quiet({ logger })), feature], providers: [Echo] });
    await works(app);
    expect(logger.matching(/keeps nothing/)).toHaveLength(1);
  });

  it('is a broker of its own for each connection and each application', async () => {
    const metadata = { imports: [feature], providers: [Echo] };
    const [one, two] = await Promise.all([
      boot({ ...metadata, imports: [AmqpModule.forRoot(quiet()), feature] }),
      boot({ ...metadata, imports: [AmqpModule.forRoot(quiet()), feature] }),
    ]);
    await works(one);
    expect(two.get(Echo).seen.values).toEqual([]);
    await works(two);
    expect(one.get(Echo).seen.values).toHaveLength(1);
    await one.close();
    const { sender, seen } = two.get(Echo);
    await sender.send('still there');
    await seen.count(2);
  });

  it('takes the options of its broker', async () => {
    const broker = { queues: ['only'], autoCreateQueues: false };
    const booting = boot({ imports: [AmqpModule.forRoot(quiet({ broker })), feature], providers: [Echo] });
    await expect(booting).rejects.toThrow(/echo/);
  });

  it('is one broker for every reconnect, and stops with the application', async () => {
    const options = quiet({ broker: { name: 'wiring-spec-private' }, reconnect: { initialDelayMs: 1 } });
    const app = await boot({ imports: [AmqpModule.forRoot(options), feature], providers: [Echo] });
    const broker = EmbeddedBroker.find('wiring-spec-private');
    broker?.dropConnections();
    await works(app);
    expect(broker?.queue('echo').stats()).toMatchObject({ enqueued: 1 });
    await app.close();
    expect(EmbeddedBroker.find('wiring-spec-private')).toBeUndefined();
  });

  it('with a name joins the broker that was started by it', async () => {
    const broker = await EmbeddedBroker.start({ name: 'wiring-spec', port: false });
    brokers.push(broker);
    await works(await boot({ imports: [AmqpModule.forRoot('embedded:wiring-spec'), feature], providers: [Echo] }));
    await broker.idle();
    expect(broker.queue('echo').stats()).toMatchObject({ accepted: 1 });
  });
});

describe('defaults', () => {
  it('hold for every sender and consumer of the connection, and their own win', async () => {
    @Injectable()
    class Defaults {
      constructor(
        @InjectSendClient('refused') readonly refused: SendClient,
        @InjectSendClient('own') readonly own: SendClient,
        readonly connection: AmqpConnection,
      ) {}
      @AmqpSubscribe('refused') refuse(): void {
        throw new Error('refused');
      }
      @AmqpSubscribe('own', { errorPolicy: policy.accept }) accept(): void {
        throw new Error('accepted');
      }
    }
    const defaults = {
      send: { defaults: { subject: 'by default' } },
      subscribe: { errorPolicy: policy.deadLetter('dead') },
    };
    const senders = [{ name: 'refused' }, { name: 'own', defaults: { subject: 'own' } }];
    const app = await boot({
      imports: [AmqpModule.forRoot(quiet({ defaults })), AmqpModule.forFeature({ senders })],
      providers: [Defaults],
    });
    const { refused, own, connection } = app.get(Defaults);
    await Promise.all([refused.send(1), own.send(2)]);
    const dead = connection.createReceiveClient('dead');
    const [letter] = await dead.receiveBatch({ maxMessages: 2, waitMs: 2_000 });
    expect([letter?.body, letter?.properties?.subject]).toEqual([1, 'by default']);
    await letter?.accept();
  });
});

describe('a hybrid application', () => {
  class OrderDto {
    @IsInt() readonly id: number = 0;
  }
  @Injectable()
  class DenyAll implements CanActivate {
    canActivate(): boolean {
      return false;
    }
  }
  @Injectable()
  class Consumer {
    readonly seen = new Seen<unknown>();
    constructor(@InjectSendClient('hybrid') readonly sender: SendClient) {}
    @AmqpSubscribe('hybrid', { errorPolicy: policy.accept }) handle(@Payload() order: OrderDto): void {
      this.seen.add(order);
    }
  }
  const hybrid = async (inheritAppConfig: boolean): Promise<unknown[]> => {
    const logger = new Lines();
    @Module({
      imports: [
        AmqpModule.forRoot(quiet({ inheritAppConfig, logger })),
        AmqpModule.forFeature({ senders: [{ name: 'hybrid' }] }),
      ],
      providers: [Consumer, ...(inheritAppConfig ? [] : [{ provide: APP_GUARD, useClass: DenyAll }])],
    })
    class App {}
    const app = await NestFactory.create(App, { logger: false, abortOnError: false });
    apps.push(app);
    app.useGlobalPipes(new ValidationPipe());
    await app.init();
    const { sender, seen } = app.get(Consumer);
    await sender.send({ id: 'not a number' });
    await sender.send({ id: 2 });
    await seen.count(inheritAppConfig ? 1 : 2);
    return seen.values;
  };

  it('does not lend its global guards and pipes to consumers', async () => {
    expect(await hybrid(false)).toEqual([{ id: 'not a number' }, { id: 2 }]);
  });

  it('lends them with inheritAppConfig', async () => {
    expect(await hybrid(true)).toEqual([{ id: 2 }]);
  });
});

it('has no consumer before the bootstrap, and says so', async () => {
  @Module({ imports: [AmqpModule.forRoot(quiet()), feature], providers: [Echo] })
  class App {}
  const strategy = { listen: (done: () => void): void => done(), close: (): void => undefined };
  const app = await NestFactory.createMicroservice(App, { logger: false, abortOnError: false, strategy });
  apps.push(app);
  expect(() => app.get(AmqpConsumers).get('Echo.handle')).toThrow(/onApplicationBootstrap/);
  await app.listen();
  expect(app.get(AmqpConsumers).get('Echo.handle').state).toBe('running');
});
