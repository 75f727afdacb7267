import 'reflect-metadata';

import { createServer } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type BeforeApplicationShutdown,
  Injectable,
  type INestApplicationContext,
  Module,
  type ModuleMetadata,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';

import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../lib/broker/index.js';
import {
  AmqpConnection,
  AmqpConsumers,
  AmqpDelivery,
  AmqpError,
  AmqpModule,
  type AmqpModuleOptions,
  AmqpSubscribe,
  AuthenticationError,
  type Delivery,
  getAmqpConnectionToken,
  InjectSendClient,
  SendClient,
} from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { gate, Lines, Seen } from './harness.js';
import { LATE_MS } from '../support/time.js';

const brokers: EmbeddedBroker[] = [];

/** What the handlers of `Slow` wait for, and which of them do. */
let hold = gate();
const started = new Seen<unknown>();
const apps: INestApplicationContext[] = [];

async function startBroker(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ port: false, ...options });
  brokers.push(broker);
  return broker;
}

async function boot(
  broker: EmbeddedBroker,
  options: Partial<AmqpModuleOptions>,
  metadata: ModuleMetadata,
): Promise<INestApplicationContext> {
  const connection = AmqpModule.forRoot({ uri: broker.embeddedUri, dial: broker.dial, ...options });
  @Module({ ...metadata, imports: [connection, ...(metadata.imports ?? [])] })
  class App {}
  const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  apps.push(app);
  return app;
}

afterEach(async () => {
  hold.open();
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

describe('boot', () => {
  @Injectable()
  class Orders {
    @AmqpSubscribe('orders') handle(): void {}
  }

  it('fails with one clear error when the credentials are wrong, and closes what it opened', async () => {
    const broker = await startBroker({ users: { me: 'right' }, port: 0 });
    const uri = broker.uri.replace('//', '//me:wrong@');
    const booting = boot(broker, { uri, dial: undefined }, { providers: [Orders] });
    await expect(booting).rejects.toBeInstanceOf(AuthenticationError);
    await expect(booting).rejects.not.toThrow(/wrong/);
  });

  it('fails when a queue is missing, by its name, and handles nothing before', async () => {
    @Injectable()
    class Missing {
      readonly seen = new Seen<unknown>();
      @AmqpSubscribe('there') there(@Payload() body: unknown): void {
        this.seen.add(body);
      }
      @AmqpSubscribe('missing') missing(): void {}
    }
    const broker = await startBroker({ queues: ['there'], autoCreateQueues: false });
    broker.queue('there').publish(1);
    const missing = new Missing();
    const booting = boot(broker, {}, { providers: [{ provide: Missing, useValue: missing }] });
    await expect(booting).rejects.toThrow(/missing/);
    expect(missing.seen.values).toEqual([]);
    expect(broker.queue('there').stats()).toMatchObject({ ready: 1, unsettled: 0, accepted: 0, consumers: 0 });
  });

  it('fails within bootTimeoutMs when nobody answers', async () => {
    const broker = await startBroker();
    // Accepts and says nothing.
    const silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const startedAt = performance.now();
    const options = { uri: `amqp://127.0.0.1:${port}`, dial: undefined, bootTimeoutMs: 300, connectTimeoutMs: 100 };
    await expect(boot(broker, options, { providers: [Orders] })).rejects.toBeInstanceOf(AmqpError);
    expect(performance.now() - startedAt).toBeLessThan(300 + LATE_MS);
    await new Promise((resolve) => silent.close(resolve));
  });

  it('does not wait with waitForConnection: false, and consumes once the broker is there', async () => {
    const broker = await startBroker();
    const ready = gate();
    const seen = new Seen<unknown>();
    @Injectable()
    class Later {
      @AmqpSubscribe('later') handle(@Payload() body: unknown): void {
        seen.add(body);
      }
    }
    let dials = 0;
    const dial: NonNullable<AmqpModuleOptions['dial']> = async (attempt) => {
      dials += 1;
      await ready.opened;
      return broker.dial(attempt);
    };
    const waits = { bootTimeoutMs: 20, connectTimeoutMs: 10, reconnect: { initialDelayMs: 1 }, refusedRetryMs: 60_000 };
    const app = await boot(broker, { dial, waitForConnection: false, ...waits }, { providers: [Later] });
    await eventually('it is long past bootTimeoutMs', () => dials > 3);
    expect(app.get(AmqpConsumers).get('Later.handle').state).not.toBe('running');
    ready.open();
    await eventually('the consumer is there', () => broker.queues().some(({ name }) => name === 'later'));
    broker.queue('later').publish('hello');
    await seen.count(1);
  });

  it('goes on trying in the background where the queue is missing at first, with a log line each time', async () => {
    const broker = await startBroker({ autoCreateQueues: false });
    const logger = new Lines();
    const options = { waitForConnection: false, refusedRetryMs: 20, logger };
    const app = await boot(broker, options, { providers: [Orders] });
    await eventually('a line about it', () => logger.matching(/Orders\.handle.*orders/).length > 1);
    await app.get(AmqpConnection).topology.declare({ queues: ['orders'] });
    await eventually('it runs', () => app.get(AmqpConsumers).get('Orders.handle').state === 'running');
  });

  it('leaves a consumer paused that was paused while it started in the background, until it is resumed', async () => {
    const broker = await startBroker({ queues: ['orders'] });
    const ready = gate();
    const dial: NonNullable<AmqpModuleOptions['dial']> = async (attempt) => {
      await ready.opened;
      return broker.dial(attempt);
    };
    const seen = new Seen<unknown>();
    @Injectable()
    class Both {
      @AmqpSubscribe('orders') paused(@Payload() body: unknown): void {
        seen.add(body);
      }
      @AmqpSubscribe('others') running(): void {}
    }
    const app = await boot(broker, { dial, waitForConnection: false }, { providers: [Both] });
    const consumer = app.get(AmqpConsumers).get('Both.paused');
    expect(consumer.state).toBe('starting');
    await consumer.pause();
    expect(consumer.state).toBe('paused');
    const states: string[] = [];
    app.get(AmqpConnection).on('status', () => void states.push(consumer.state));
    ready.open();
    await eventually('it is attached', () => broker.queue('orders').stats().consumers === 1);
    await app.get(AmqpConnection).createSendClient('orders').send('x');
    await eventually('the other one runs', () => app.get(AmqpConsumers).get('Both.running').state === 'running');
    expect([consumer.state, ...states]).toEqual(['paused', 'paused']);
    expect(broker.queue('orders').stats()).toMatchObject({ ready: 1, unsettled: 0 });
    await consumer.resume();
    await seen.count(1);
    expect(consumer.state).toBe('running');
  });

  it('leaves a consumer paused that was paused between two attempts, also when its queue is there', async () => {
    const broker = await startBroker({ autoCreateQueues: false });
    const options = { waitForConnection: false, refusedRetryMs: 20, logger: new Lines() };
    const app = await boot(broker, options, { providers: [Orders] });
    const consumer = app.get(AmqpConsumers).get('Orders.handle');
    await eventually('it was refused', () => consumer.error?.condition === 'amqp:not-found');
    await consumer.pause();
    expect([consumer.state, consumer.error]).toEqual(['paused', undefined]);
    await app.get(AmqpConnection).topology.declare({ queues: ['orders'] });
    await eventually('it is attached', () => broker.queue('orders').stats().consumers === 1);
    broker.queue('orders').publish(1);
    expect(consumer.state).toBe('paused');
    await consumer.resume();
    await eventually('it is handled', () => broker.queue('orders').stats().accepted === 1);
    expect(consumer.state).toBe('running');
  });

  it('is lazy for a process that only sends: it connects with the first message', async () => {
    const broker = await startBroker({ queues: ['sent'] });
    @Injectable()
    class Sends {
      constructor(@InjectSendClient('sent') readonly sender: SendClient) {}
    }
    const imports = [AmqpModule.forFeature({ senders: [{ name: 'sent' }] })];
    const app = await boot(broker, { lazy: true }, { imports, providers: [Sends] });
    expect(app.get(AmqpConnection).status).toBe('disconnected');
    await app.get(Sends).sender.send(1);
    expect(broker.queue('sent').stats()).toMatchObject({ ready: 1 });
  });

  it('lets a provider send in onModuleInit already', async () => {
    const broker = await startBroker({ queues: ['early'] });
    @Injectable()
    class Early implements OnModuleInit {
      constructor(@InjectSendClient('early') readonly sender: SendClient) {}
      async onModuleInit(): Promise<void> {
        await this.sender.send('early');
      }
    }
    const imports = [AmqpModule.forFeature({ senders: [{ name: 'early' }] })];
    await boot(broker, {}, { imports, providers: [Early] });
    expect(broker.queue('early').stats()).toMatchObject({ ready: 1 });
  });

  it('declares the topology of a consumer before it attaches', async () => {
    const broker = await startBroker({ autoCreateQueues: false });
    @Injectable()
    class Declares {
      @AmqpSubscribe('mine', { topology: { queues: ['mine'] } }) handle(): void {}
      @AmqpSubscribe('late', { topology: { queues: ['late'] }, autoStart: false }) late(): void {}
    }
    const app = await boot(broker, {}, { providers: [Declares] });
    expect(broker.queue('mine').stats()).toMatchObject({ consumers: 1 });
    expect(broker.queues().map(({ name }) => name)).toEqual(['mine']);
    await app.get(AmqpConsumers).start('Declares.late');
    expect(broker.queue('late').stats()).toMatchObject({ consumers: 1 });
  });

  it('declares the topology of a consumer again after a reconnect', async () => {
    const broker = await startBroker({ autoCreateQueues: false });
    const own = { name: 'own', exclusive: true, autoDelete: true };
    const seen = new Seen<unknown>();
    @Injectable()
    class Listens {
      @AmqpSubscribe('own', { topology: { queues: [own] } }) handle(@Payload() body: unknown): void {
        seen.add(body);
      }
    }
    const app = await boot(broker, {}, { providers: [Listens] });
    const connection = app.get<AmqpConnection>(getAmqpConnectionToken());
    const isBack = new Promise<void>((resolve) =>
      connection.on('status', ({ status }) => (status === 'connected' ? resolve() : undefined)),
    );
    broker.dropConnections();
    await isBack;
    await connection.createSendClient('own').send('again');
    await seen.count(1);
    expect(seen.values).toEqual(['again']);
  });
});

describe('shutdown', () => {
  @Injectable()
  class Database implements OnApplicationShutdown {
    isClosed = false;
    readonly late: unknown[] = [];
    use(what: unknown): void {
      if (this.isClosed) this.late.push(what);
    }
    onApplicationShutdown(): void {
      this.isClosed = true;
    }
  }

  @Injectable()
  class Slow {
    constructor(
      readonly database: Database,
      @InjectSendClient('results') readonly results: SendClient,
    ) {}
    @AmqpSubscribe('slow', { concurrency: 50, prefetch: 60 })
    async handle(@Payload() id: number, @AmqpDelivery() delivery: Delivery): Promise<void> {
      started.add(id);
      await hold.opened;
      this.database.use(id);
      await this.results.send({ id });
      if (delivery.settled) this.database.late.push(`settled before it was handled: ${id}`);
    }
  }
  const metadata = {
    imports: [AmqpModule.forFeature({ senders: [{ name: 'results' }] })],
    providers: [Database, Slow],
  };

  it('with fifty handlers running accepts each after it was handled, and nothing after the database closed', async () => {
    started.values.length = 0;
    hold = gate();
    const broker = await startBroker({ queues: ['slow', 'results'] });
    for (let id = 0; id < 100; id++) broker.queue('slow').publish(id);
    const app = await boot(broker, {}, metadata);
    await started.count(50);
    expect(broker.queue('slow').stats()).toMatchObject({ accepted: 0, unsettled: 60, ready: 40 });
    const closing = app.close();
    await eventually('intake stops', () => app.get(AmqpConsumers).get('Slow.handle').state === 'closed');
    expect(broker.queue('slow').stats()).toMatchObject({ accepted: 0 });
    hold.open();
    await closing;
    expect(started.values).toHaveLength(50);
    expect(app.get(Database).late).toEqual([]);
    expect(broker.queue('slow').stats()).toMatchObject({ accepted: 50, unsettled: 0, ready: 50, consumers: 0 });
    expect(broker.queue('results').stats()).toMatchObject({ ready: 50 });
  });

  it('takes no message any more while providers still do their work before it', async () => {
    const broker = await startBroker({ queues: ['slow', 'results'] });
    @Injectable()
    class Busy implements BeforeApplicationShutdown {
      private wasAsked = false;
      async beforeApplicationShutdown(): Promise<void> {
        if (this.wasAsked) return; // Nest 11 runs the hooks again when an application is closed twice
        this.wasAsked = true;
        broker.queue('slow').publish('too late');
        await new Promise((resolve) => setImmediate(resolve));
        await this.results.send('still works');
      }
      constructor(@InjectSendClient('results') readonly results: SendClient) {}
    }
    started.values.length = 0;
    const app = await boot(broker, {}, { ...metadata, providers: [...metadata.providers, Busy] });
    await app.close();
    expect(started.values).toEqual([]);
    expect(broker.queue('slow').stats()).toMatchObject({ ready: 1, unsettled: 0, accepted: 0 });
    expect(broker.queue('results').stats()).toMatchObject({ ready: 1 });
  });

  it('takes no message any more once the modules are destroyed', async () => {
    const broker = await startBroker({ queues: ['slow', 'results'] });
    const states: string[] = [];
    @Injectable()
    class Watches implements BeforeApplicationShutdown {
      constructor(private readonly consumers: AmqpConsumers) {}
      beforeApplicationShutdown(): void {
        states.push(this.consumers.get('Slow.handle').state);
      }
    }
    // One module that stands above the connection, one beside it: whatever order the hooks run in, one of them is early.
    @Module({ providers: [Watches] })
    class Leaf {}
    const imports = [Leaf, ...metadata.imports];
    const app = await boot(broker, {}, { imports, providers: [...metadata.providers, Watches] });
    expect(app.get(AmqpConsumers).get('Slow.handle').state).toBe('running');
    await app.close();
    expect(new Set(states)).toEqual(new Set(['closed']));
  });

  it('gives up handlers after shutdownTimeoutMs; their messages stay for others', async () => {
    started.values.length = 0;
    hold = gate();
    const broker = await startBroker({ queues: ['slow', 'results'] });
    broker.queue('slow').publish(1);
    const app = await boot(broker, { shutdownTimeoutMs: 50 }, metadata);
    await started.count(1);
    const startedAt = performance.now();
    await app.close();
    expect(performance.now() - startedAt).toBeLessThan(50 + 1_000 + LATE_MS);
    expect(broker.queue('slow').stats()).toMatchObject({ accepted: 0, unsettled: 0, ready: 1, consumers: 0 });
    hold.open();
  });

  it('flushes what was sent without waiting for it before providers are released, and what they send last', async () => {
    const broker = await startBroker({ queues: ['results'] });
    let confirmed = 0;
    const seen: number[] = [];
    const failures: unknown[] = [];
    @Injectable()
    class Sends implements OnApplicationShutdown {
      constructor(@InjectSendClient('results') readonly sender: SendClient) {}
      send(id: number): void {
        this.sender.send({ id }).then(
          () => (confirmed += 1),
          (error: unknown) => failures.push(error),
        );
      }
      onApplicationShutdown(): void {
        seen.push(confirmed);
        this.send(-1);
      }
    }
    const app = await boot(broker, {}, { imports: metadata.imports, providers: [Sends] });
    for (let id = 0; id < 500; id++) app.get(Sends).send(id);
    await app.close();
    expect([seen, confirmed, failures]).toEqual([[500], 501, []]);
    expect(broker.queue('results').stats()).toMatchObject({ ready: 501 });
  });

  it('ends in time when the broker is gone', async () => {
    started.values.length = 0;
    hold = gate();
    const broker = await startBroker({ queues: ['slow', 'results'] });
    broker.queue('slow').publish(1);
    const app = await boot(broker, { shutdownTimeoutMs: 200 }, metadata);
    await started.count(1);
    await broker.stop();
    const startedAt = performance.now();
    await app.close();
    expect(performance.now() - startedAt).toBeLessThan(200 + 1_000 + LATE_MS);
    hold.open();
  }, 15_000);

  it('ends in time when the broker hangs, with handlers running and a send pending', async () => {
    started.values.length = 0;
    hold = gate();
    const broker = await startBroker({ queues: ['slow', 'results'], port: 0 });
    const proxy = await FaultProxy.start(broker.port ?? 0);
    try {
      broker.queue('slow').publish(1);
      const options = { uri: proxy.uri, dial: undefined, shutdownTimeoutMs: 200 };
      const app = await boot(broker, options, metadata);
      await started.count(1);
      await app.get(Slow).results.send('attaches');
      proxy.blackhole();
      const send = app.get(Slow).results.send('never answered');
      const startedAt = performance.now();
      await Promise.all([app.close(), expect(send).rejects.toMatchObject({ delivered: 'unknown' })]);
      expect(performance.now() - startedAt).toBeLessThan(200 + 1_000 + LATE_MS);
      hold.open();
    } finally {
      await proxy.close();
    }
  }, 15_000);

  it('closes the connection last, and twice is harmless', async () => {
    const broker = await startBroker({ queues: ['results'] });
    const order: string[] = [];
    @Injectable()
    class Last implements OnApplicationShutdown {
      constructor(private readonly connection: AmqpConnection) {}
      onApplicationShutdown(): void {
        order.push(this.connection.status);
      }
    }
    const app = await boot(broker, {}, { imports: metadata.imports, providers: [Last] });
    const connection = app.get(AmqpConnection);
    await app.close();
    await app.close();
    expect([order[0], connection.status]).toEqual(['connected', 'closed']);
  });

  it('closes an application that never booted', async () => {
    const broker = await startBroker();
    const connection = AmqpModule.forRoot({ uri: broker.embeddedUri, dial: broker.dial });
    @Module({ imports: [connection] })
    class App {}
    const app = await NestFactory.createMicroservice(App, { logger: false, abortOnError: false, strategy: noStrategy });
    await app.close();
    expect(app.get(AmqpConnection).status).toBe('closed');
  });
});

const noStrategy = { listen: (done: () => void): void => done(), close: (): void => undefined };
