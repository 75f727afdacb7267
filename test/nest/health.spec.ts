// Readiness and liveness of an application, from the states of its connections, consumers and links.

import 'reflect-metadata';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type BeforeApplicationShutdown,
  Controller,
  Get,
  type INestApplication,
  Inject,
  Injectable,
  Module,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, type ClientsModuleOptions, EventPattern, Payload } from '@nestjs/microservices';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';

import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../lib/broker/index.js';
import { AmqpHealthIndicator, AmqpHealthModule, type AmqpHealthOptions } from '../../lib/health/index.js';
import {
  AmqpClientProxy,
  AmqpConnection,
  AmqpConsumers,
  AmqpModule,
  type AmqpModuleOptions,
  AmqpSubscribe,
  AmqpTransportStrategy,
  getAmqpConnectionToken,
  policy,
} from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { ScriptedPeer } from '../support/scripted-peer.js';
import { gate } from './harness.js';

/** Nest 12 comes with terminus 12, which knows a third status. */
const knowsDegraded = 'degraded' in new HealthIndicatorService().check('any');
const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly amqp: AmqpHealthIndicator,
  ) {}

  @Get('ready')
  ready(): unknown {
    return this.health.check([() => this.amqp.isHealthy('amqp')]);
  }

  @Get('live')
  live(): unknown {
    return this.health.check([() => this.amqp.isAlive('amqp')]);
  }
}

async function startBroker(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ port: false, autoCreateQueues: false, queues: ['orders'], ...options });
  ends.push(() => broker.stop());
  return broker;
}

/** Long pauses, so that what is down stays down while it is looked at. */
const SLOW = { initialDelayMs: 600_000, maxDelayMs: 600_000 };

function connectionOn(broker: EmbeddedBroker, options: Partial<AmqpModuleOptions> = {}): AmqpModuleOptions {
  return { uri: broker.embeddedUri, dial: broker.dial, logger: quiet, reconnect: SLOW, ...options };
}

interface Checked {
  readonly app: INestApplication;
  readonly connection: AmqpConnection;
  readonly consumers: AmqpConsumers;
  readonly amqp: AmqpHealthIndicator;
  readonly ready: (options?: AmqpHealthOptions) => Checkup;
  readonly alive: () => Checkup;
}

interface Checkup {
  readonly status: string;
  readonly reasons: readonly string[];
  readonly connections: Readonly<Record<string, Record<string, unknown>>>;
}

async function boot(
  connections: readonly AmqpModuleOptions[],
  metadata: ModuleMetadata = {},
  prepare: (app: INestApplication) => void | Promise<void> = () => undefined,
): Promise<Checked> {
  @Module({
    ...metadata,
    imports: [
      ...connections.map((options) => AmqpModule.forRoot(options)),
      TerminusModule.forRoot({ logger: false }),
      AmqpHealthModule,
      ...(metadata.imports ?? []),
    ],
    controllers: [HealthController, ...(metadata.controllers ?? [])],
  })
  class App {}
  const app = await NestFactory.create(App, { logger: false, abortOnError: false });
  ends.push(() => app.close());
  await prepare(app);
  await app.init();
  const amqp = app.get(AmqpHealthIndicator);
  // true: what the details are documented to be, with terminus's status
  const checkup = (result: { readonly amqp: unknown }): Checkup => result.amqp as Checkup;
  return {
    app,
    amqp,
    connection: connections.length === 0 ? new AmqpConnection('amqp://nobody') : app.get(AmqpConnection),
    consumers: app.get(AmqpConsumers),
    ready: (options) => checkup(amqp.isHealthy('amqp', options)),
    alive: () => checkup(amqp.isAlive('amqp')),
  };
}

@Injectable()
class Orders {
  @AmqpSubscribe('orders', { errorPolicy: policy.stop })
  handle(): void {
    throw new Error('card 4111');
  }
}

@Injectable()
class Waiting {
  static isDown = false;

  @AmqpSubscribe('orders', { errorPolicy: policy.pause({ delayMs: 600_000 }) })
  handle(): void {
    if (Waiting.isDown) throw new Error('card 4111');
  }
}

/** With a consumer of `orders` that is attached; the connection's name is `default`. */
async function consuming(
  options: Partial<AmqpModuleOptions> = {},
): Promise<Checked & { readonly broker: EmbeddedBroker }> {
  const broker = await startBroker();
  const checked = await boot([connectionOn(broker, options)], { providers: [Orders] });
  await eventually('it is up', () => checked.ready().status === 'up');
  return { ...checked, broker };
}

describe('readiness', () => {
  it('is up while all is attached, and says who is', async () => {
    const { connection, ready } = await consuming();
    const sender = connection.createSendClient('orders');
    await sender.attach();
    expect(ready()).toEqual({
      status: 'up',
      reasons: [],
      connections: {
        default: {
          status: 'connected',
          since: new Date(connection.lastStatus.since).toISOString(),
          peer: expect.stringMatching(/\S+/u),
          consumers: { 'Orders.handle': { state: 'running', inHand: 0 } },
          links: [
            { role: 'receive', address: 'orders', state: 'attached' },
            { role: 'send', address: 'orders', state: 'attached' },
          ],
        },
      },
    });
  });

  it.each([
    ['lost', 'amqp:internal-error', 'starting', 'lost'],
    ['refused', 'amqp:not-found', 'starting', 'refused'],
    ['refused', 'amqp:unauthorized-access', 'starting', 'refused'],
    ['refused', 'amqp:resource-deleted', 'starting', 'refused'],
    ['failed', 'amqp:link:stolen', 'failed', 'failed'],
  ])('is down while a consumer is %s for %s, although the connection is there', async (_, condition, state, link) => {
    const { broker, ready, alive } = await consuming();
    broker.queue('orders').inject({ kind: 'detach', condition });
    broker.queue('orders').publish(1);
    await eventually('it is down', () => ready().status === 'down');
    const { reasons, connections } = ready();
    expect(reasons).toEqual([expect.stringContaining(`connection default: consumer Orders.handle is ${state}: `)]);
    expect(reasons[0]).toContain(condition);
    expect(connections['default']).toMatchObject({
      status: 'connected',
      consumers: { 'Orders.handle': { state } },
      links: [{ role: 'receive', address: 'orders', state: link, error: { condition } }],
    });
    expect(alive().status).toBe('up');
  });

  it('is down as soon as the queue of a consumer is deleted, and up when it is back', async () => {
    const { connection, ready } = await consuming({ refusedRetryMs: 20 });
    await connection.topology.deleteQueue('orders');
    await eventually('it is down', () => ready().status === 'down');
    await connection.topology.declare({ queues: ['orders'] });
    await eventually('it is up', () => ready().status === 'up');
    expect(ready().reasons).toEqual([]);
  });

  it('is down when a policy stops a consumer, and stays so', async () => {
    const { broker, consumers, connection, ready, alive } = await consuming();
    broker.queue('orders').publish(1);
    await eventually('it is down', () => ready().status === 'down');
    await eventually('it is closed', () => broker.queue('orders').stats().consumers === 0);
    await eventually('its link has gone', () => connection.links[0]?.state === 'failed');
    expect(ready()).toMatchObject({
      status: 'down',
      reasons: [expect.stringMatching(/^connection default: consumer Orders\.handle is failed: .*"orders"/u)],
      connections: { default: { consumers: { 'Orders.handle': { state: 'failed', error: { code: 'stopped' } } } } },
    });
    expect(JSON.stringify(ready())).not.toContain('4111');
    expect(alive().status).toBe('up');
    await consumers.get('Orders.handle').close();
    expect(ready().status).toBe('up');
  });

  it('is degraded while a policy pauses a consumer, which goes on by itself or when it is told to', async () => {
    const broker = await startBroker();
    const { consumers, ready, alive } = await boot([connectionOn(broker)], { providers: [Waiting] });
    await eventually('it is up', () => ready().status === 'up');
    Waiting.isDown = true;
    broker.queue('orders').publish(1);
    const consumer = consumers.get('Waiting.handle');
    await eventually('it is paused', () => consumer.state === 'paused');
    expect(ready()).toMatchObject({
      status: knowsDegraded ? 'degraded' : 'up',
      reasons: ['connection default: consumer Waiting.handle is paused: the policy of "orders" paused the consumer'],
      connections: { default: { consumers: { 'Waiting.handle': { state: 'paused', error: { code: 'paused' } } } } },
    });
    expect(JSON.stringify(ready())).not.toContain('4111');
    expect([alive().status, ready({ ignore: ['Waiting.handle'] }).status]).toEqual(['up', 'up']);
    Waiting.isDown = false;
    await consumer.resume();
    expect(ready()).toMatchObject({ status: 'up', reasons: [] });
    await broker.idle();
    expect(broker.queue('orders').stats()).toMatchObject({ released: 1, accepted: 1, ready: 0 });
  });

  it('is degraded by a sender that is refused at its first use, until it is ignored or closed', async () => {
    const { connection, ready } = await consuming();
    const sender = connection.createSendClient('nowhere');
    await expect(sender.send(1)).rejects.toMatchObject({ condition: 'amqp:not-found' });
    expect(ready()).toMatchObject({
      status: knowsDegraded ? 'degraded' : 'up',
      reasons: [expect.stringContaining('connection default: send link to nowhere is failed')],
    });
    expect(ready({ ignore: ['nowhere'] })).toMatchObject({
      status: 'up',
      reasons: [],
      connections: { default: { links: [{ address: 'nowhere', state: 'failed' }, { address: 'orders' }] } },
    });
    expect(ready({ roles: ['receive'] }).status).toBe('up');
    await sender.close();
    expect(ready().status).toBe('up');
  });

  it('is degraded by a fetch that is refused, until the next one finds its queue', async () => {
    const { connection, ready, alive } = await consuming();
    const fetching = connection.createReceiveClient('late');
    await expect(fetching.get()).rejects.toMatchObject({ condition: 'amqp:not-found' });
    expect(ready()).toMatchObject({
      status: knowsDegraded ? 'degraded' : 'up',
      reasons: [expect.stringContaining('connection default: receive link to late is failed')],
    });
    expect(alive().status).toBe('up');
    await connection.topology.declare({ queues: ['late'] });
    await fetching.get();
    expect(ready()).toMatchObject({ status: 'up', reasons: [] });
  });

  it.each<[string, (connection: AmqpConnection, broker: EmbeddedBroker) => void]>([
    [
      'a subscription is refused',
      (connection) => void connection.createReceiveClient('late').subscribe(() => undefined),
    ],
    [
      'a policy stopped those who fetch',
      (connection, broker) => {
        broker.queue('orders').publish(Buffer.from('{'), { contentType: 'application/json' });
        const client = connection.createReceiveClient('orders', { errorPolicy: policy.stop });
        client.receiveBatch({ maxMessages: 1, waitMs: 5_000 }).catch(() => undefined);
      },
    ],
  ])('is down when %s: nothing tries again', async (_, act) => {
    const broker = await startBroker();
    const { connection, ready } = await boot([connectionOn(broker)]);
    act(connection, broker);
    await eventually('it failed', () => connection.links[0]?.state === 'failed');
    expect(ready()).toMatchObject({ status: 'down', reasons: [expect.stringContaining('is failed')] });
  });

  it('is down while a sender that was attached is refused', async () => {
    const { broker, connection, ready } = await consuming();
    const sender = connection.createSendClient('orders');
    await sender.attach();
    await connection.topology.deleteQueue('orders');
    await eventually('both are told', () => ready({ ignore: ['Orders.handle'] }).status === 'down');
    expect(ready({ ignore: ['Orders.handle'] }).reasons).toEqual([
      expect.stringContaining('connection default: send link to orders is refused'),
    ]);
    expect(ready({ ignore: ['orders', 'Orders.handle'] }).status).toBe('up');
    expect(broker.queues()).toEqual([]);
  });

  it('does not mind the reply address of a requester that is gone, unless it is asked to', async () => {
    const { connection, ready } = await consuming();
    await expect(connection.createReplyClient('gone').send('late')).rejects.toMatchObject({ delivered: 'no' });
    expect(connection.links).toMatchObject([{}, { role: 'answer', state: 'failed' }]);
    expect(ready().status).toBe('up');
    expect(ready({ roles: ['answer'] }).reasons).toHaveLength(1);
  });

  it.each<[string, (checked: Checked) => Promise<unknown>]>([
    ['paused', ({ consumers }) => consumers.get('Orders.handle').pause()],
    ['closed', ({ consumers }) => consumers.get('Orders.handle').close()],
  ])('is up with a consumer that the user has %s', async (state, act) => {
    const checked = await consuming();
    await act(checked);
    expect(checked.ready()).toMatchObject({
      status: 'up',
      connections: { default: { consumers: { 'Orders.handle': { state } } } },
    });
  });

  it('is up with consumers that are not enabled, or not started', async () => {
    @Injectable()
    class Later {
      @AmqpSubscribe('missing', { autoStart: false })
      later(): void {}
    }
    const broker = await startBroker();
    const options = connectionOn(broker, { consumers: { 'Orders.handle': { enabled: false } } });
    const { ready } = await boot([options], { providers: [Orders, Later] });
    expect(ready()).toMatchObject({
      status: 'up',
      connections: { default: { consumers: { 'Later.later': { state: 'paused' } } } },
    });
  });

  it('is down while the connection is lost, with the reason, and up when it is back', async () => {
    const { broker, ready, alive, connection } = await consuming({
      reconnect: { initialDelayMs: 300, maxDelayMs: 300, jitter: false },
    });
    broker.dropConnections();
    await eventually('it is down', () => ready().status === 'down');
    expect(ready()).toMatchObject({
      reasons: [expect.stringMatching(/^connection default is (disconnected|connecting): /u)],
      connections: { default: { lastError: { code: 'connection-lost' } } },
    });
    expect(alive().status).toBe('up');
    await eventually('it is up', () => ready().status === 'up');
    expect(ready().connections['default']).toMatchObject({
      status: 'connected',
      since: new Date(connection.lastStatus.since).toISOString(),
      lastError: { code: 'connection-lost' },
    });
  });

  it('is down while a receiver is attached for the first time, up while a sender is, until an attempt has failed', async () => {
    const peer = await ScriptedPeer.listen({ on: { attach: () => undefined } });
    ends.push(() => peer.close());
    const { connection, ready } = await boot([
      { uri: peer.uri, logger: quiet, connectTimeoutMs: 1_500, reconnect: SLOW, closeTimeoutMs: 100 },
    ]);
    const sending = connection.createSendClient('there').attach();
    const receiving = connection.createReceiveClient('here').attach();
    const attached = Promise.allSettled([sending, receiving]);
    await eventually('both are on their way', () => connection.links.length === 2);
    expect(ready().reasons).toEqual(['connection default: receive link to here is attaching']);
    expect(ready({ ignore: ['here'] })).toMatchObject({ status: 'up', reasons: [] });
    await eventually('nobody answered', () => ready({ ignore: ['here'] }).status === 'down');
    expect(ready({ ignore: ['here'] }).reasons).toEqual([
      expect.stringMatching(/send link to there is attaching: .*no answer to the attach/u),
    ]);
    await connection.close();
    await attached;
  });

  it('is degraded while the peer takes no messages', async () => {
    const peer = await ScriptedPeer.listen();
    ends.push(() => peer.close());
    const { connection, ready } = await boot([{ uri: peer.uri, logger: quiet }]);
    await connection.createSendClient('orders').attach();
    peer.connection.session(0).sendFlow({ incomingWindow: 0 });
    await eventually('it is blocked', () => connection.status === 'blocked');
    expect(ready()).toMatchObject({
      status: knowsDegraded ? 'degraded' : 'up',
      reasons: [expect.stringContaining('connection default is blocked')],
    });
  });

  it('is up with a lazy connection that nobody has used', async () => {
    const broker = await startBroker();
    const { connection, ready, alive } = await boot([connectionOn(broker, { lazy: true })]);
    expect(connection.status).toBe('disconnected');
    expect([ready().status, alive().status]).toEqual(['up', 'up']);
  });

  it('is down while a connection that nothing waits for is dialled, and after it until the consumers are attached', async () => {
    const broker = await startBroker();
    const reachable = gate();
    const { ready, alive, connection } = await boot(
      [
        connectionOn(broker, {
          waitForConnection: false,
          reconnect: { initialDelayMs: 1, maxDelayMs: 5 },
          dial: async (attempt) => {
            await reachable.opened;
            return broker.dial(attempt);
          },
        }),
      ],
      { providers: [Orders] },
    );
    expect(ready()).toMatchObject({ status: 'down', reasons: ['connection default is connecting'] });
    expect(alive().status).toBe('up');
    const early: string[] = [];
    connection.on('status', ({ status }) => void early.push(`${status}: ${ready().status}`));
    reachable.open();
    await eventually('it is up', () => ready().status === 'up');
    expect(early).toEqual(['connected: down']);
  });

  it('is down while consumers are refused at boot and tried again, and alive', async () => {
    const broker = await startBroker({ queues: [] });
    const options = connectionOn(broker, { waitForConnection: false, refusedRetryMs: 20 });
    const { connection, ready, alive } = await boot([options], { providers: [Orders] });
    await eventually(
      'it was refused',
      () => ready().reasons[0]?.includes('not-found') ?? ready().reasons[0]?.includes('orders'),
    );
    expect(ready().status).toBe('down');
    expect(alive().status).toBe('up');
    await connection.topology.declare({ queues: ['orders'] });
    await eventually('it is up', () => ready().status === 'up');
  });

  it('is down while the topology of a consumer cannot be declared, and says why', async () => {
    @Injectable()
    class Declares {
      @AmqpSubscribe('orders', { topology: { bindings: [{ exchange: 'missing', queue: 'orders' }] } })
      handle(): void {}
    }
    const broker = await startBroker();
    const { ready } = await boot([connectionOn(broker, { waitForConnection: false })], { providers: [Declares] });
    await eventually('it failed', () => ready().reasons[0]?.includes('missing'));
    expect(ready().connections['default']).toMatchObject({ consumers: { 'Declares.handle': { state: 'starting' } } });
  });

  it('is down, and the process alive, while wrong credentials are tried again in the background; the password is nowhere', async () => {
    const broker = await startBroker({ users: { 'user-7': 'right' }, port: 0 });
    const uri = broker.uri.replace('//', '//user-7:hunter2@');
    const { ready, alive } = await boot([
      { uri, waitForConnection: false, allowInsecureCredentials: true, logger: quiet, reconnect: SLOW },
    ]);
    await eventually('it was refused', () => ready().reasons[0]?.includes('disconnected:'));
    expect(ready().connections['default']).toMatchObject({ lastError: { code: 'authentication' } });
    expect(alive().status).toBe('up');
    expect(JSON.stringify([ready(), alive()])).not.toMatch(/hunter2|user-7/u);
  });

  it('is that of every connection, or of those that are named', async () => {
    const [first, second] = [await startBroker(), await startBroker()];
    const checked = await boot([connectionOn(first), connectionOn(second, { name: 'other' })]);
    const { app, connection, ready } = checked;
    const other = app.get<AmqpConnection>(getAmqpConnectionToken('other'));
    second.dropConnections();
    await eventually('one is lost', () => other.status !== 'connected');
    expect(ready()).toMatchObject({ status: 'down', connections: { default: {}, other: {} } });
    expect(Object.keys(ready({ connections: ['default'] }).connections)).toEqual(['default']);
    expect(ready({ connections: ['default'] }).status).toBe('up');
    expect(ready({ connections: [connection] }).status).toBe('up');
    expect(ready({ connections: [other] })).toMatchObject({ status: 'down', connections: { other: {} } });
    const mine = new AmqpConnection({ uri: first.uri, dial: first.dial, logger: quiet });
    ends.push(() => mine.close());
    expect(ready({ connections: ['default', mine] })).toMatchObject({
      status: 'up',
      connections: { 'connection 2': { status: 'disconnected' } },
    });
  });

  it.each<[string, unknown]>([
    ['connections[0]', { connections: ['nobody'] }],
    ['connections', { connections: [] }],
    ['connections[0]', { connections: [{}] }],
    ['ignore', { ignore: 'orders' }],
    ['roles[0]', { roles: ['sender'] }],
    ['ignored', { ignored: [] }],
  ])('refuses options that cannot work: %s', async (option, options) => {
    const broker = await startBroker();
    const { amqp } = await boot([connectionOn(broker)]);
    expect(() => amqp.isHealthy('amqp', options as AmqpHealthOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-options', option }),
    );
  });
});

describe('the connections of servers and client proxies', () => {
  @Controller()
  class Events {
    @EventPattern('placed')
    placed(@Payload() _order: unknown): void {
      throw new Error('no more');
    }
  }

  @Injectable()
  class Shop {
    constructor(@Inject('ORDERS') readonly orders: AmqpClientProxy) {}
  }

  it('count as those of AmqpModule do, also without it', async () => {
    const broker = await startBroker();
    const { uri, dial } = broker;
    const own = { uri, dial, logger: quiet, reconnect: SLOW };
    const checked = await boot(
      [],
      {
        imports: [
          ClientsModule.register([
            { name: 'ORDERS', customClass: AmqpClientProxy, options: { ...own, target: 'orders' } },
            // A server has this name already.
            { name: 'microservice', customClass: AmqpClientProxy, options: { ...own, target: 'orders' } },
          ]),
        ],
        controllers: [Events],
        providers: [Shop],
      },
      async (app) => {
        app.connectMicroservice({
          strategy: new AmqpTransportStrategy({ ...own, sources: ['orders'], errorPolicy: policy.stop }),
        });
        await app.startAllMicroservices();
      },
    );
    const { app, ready } = checked;
    expect(ready()).toMatchObject({
      status: 'up',
      connections: { microservice: { status: 'connected' }, ORDERS: {}, 'microservice#2': { status: 'disconnected' } },
    });
    const { orders } = app.get(Shop);
    await orders.connect();
    broker.queue('orders').publish({}, { subject: 'placed' });
    await eventually('it is down', () => ready().status === 'down');
    expect(ready().reasons).toEqual([
      expect.stringContaining('connection microservice: receive link to orders is failed'),
    ]);
    expect(ready({ connections: [orders] })).toMatchObject({ status: 'up', connections: { ORDERS: {} } });
    await orders.close();
    expect(Object.keys(ready().connections)).toEqual(['microservice', 'microservice#2']);
  });

  it('count once where they share one of AmqpModule, however they were handed over', async () => {
    const broker = await startBroker();
    const mine = new AmqpConnection({ uri: broker.uri, dial: broker.dial, logger: quiet });
    ends.push(() => mine.close());
    const proxy = (name: string, connection: AmqpConnection | string): object => {
      return { name, customClass: AmqpClientProxy, options: { connection, target: 'orders' } };
    };
    // true: as ClientsModule takes them
    const clients = [proxy('ORDERS', 'default'), proxy('FIRST', mine), proxy('SECOND', mine)] as ClientsModuleOptions;
    const { ready } = await boot([connectionOn(broker)], { imports: [ClientsModule.register(clients)] });
    expect(Object.keys(ready().connections)).toEqual(['default', 'FIRST']);
  });
});

describe('liveness', () => {
  const reconnect = { initialDelayMs: 1, maxDelayMs: 1 };
  const away = (): Promise<never> => Promise.reject(new Error('nobody is there'));

  it('is up, and readiness degraded, where the first use found no peer: the next one opens the connection', async () => {
    const broker = await startBroker();
    let isThere = false;
    const { connection, ready, alive } = await boot([
      connectionOn(broker, {
        lazy: true,
        bootTimeoutMs: 1_500,
        reconnect,
        dial: (attempt) => (isThere ? broker.dial(attempt) : away()),
      }),
    ]);
    const sender = connection.createSendClient('orders');
    await expect(sender.send(1)).rejects.toMatchObject({ delivered: 'no' });
    expect(alive()).toMatchObject({ status: 'up', reasons: [] });
    expect(ready()).toMatchObject({
      status: knowsDegraded ? 'degraded' : 'up',
      reasons: [expect.stringMatching(/^connection default is disconnected until its next use: /u)],
      connections: { default: { status: 'disconnected', lastError: { code: 'connect-failed' } } },
    });
    isThere = true;
    await sender.send(2);
    expect(ready()).toMatchObject({ status: 'up', reasons: [] });
  });

  it('is up, and readiness down, while a subscription is left behind by its first attempt: no next use starts it', async () => {
    const broker = await startBroker();
    let isThere = false;
    const dial: typeof broker.dial = (attempt) => (isThere ? broker.dial(attempt) : away());
    const { connection, ready, alive } = await boot([
      connectionOn(broker, { lazy: true, bootTimeoutMs: 1_500, reconnect, dial }),
    ]);
    const subscription = connection.createReceiveClient('orders').subscribe(() => undefined);
    await expect(subscription.ready()).rejects.toMatchObject({ code: 'connect-failed' });
    const down = { status: 'down', reasons: [expect.stringContaining('receive link to orders is idle')] };
    expect([alive().status, ready().status]).toEqual(['up', 'down']);
    isThere = true;
    // bootTimeoutMs bounds these, too, and is too short for a busy machine.
    await eventually('it is open', () => connection.open().then(() => true));
    expect(ready()).toMatchObject(down);
    await eventually('it goes on', () => subscription.resume().then(() => true));
    expect(ready().status).toBe('up');
  });

  it.each<[string, Partial<AmqpModuleOptions>]>([
    ['reconnect.maxAttempts', { reconnect: { ...reconnect, maxAttempts: 2 } }],
    ["onRefused: 'stop'", { onRefused: 'stop' }],
  ])('is down where %s ended the first use', async (_, options) => {
    const broker = await startBroker({ users: { me: 'right' }, port: 0 });
    const uri = broker.uri.replace('//', '//me:wrong@');
    const dial = 'reconnect' in options ? away : undefined;
    const { connection, ready, alive } = await boot([
      { uri, lazy: true, allowInsecureCredentials: true, logger: quiet, dial, ...options },
    ]);
    await expect(connection.createSendClient('orders').send(1)).rejects.toMatchObject({ delivered: 'no' });
    expect([alive().status, ready().status]).toEqual(['down', 'down']);
  });

  it('is down when a connection is given up', async () => {
    const { broker, ready, alive } = await consuming({
      reconnect: { maxAttempts: 1, initialDelayMs: 1, maxDelayMs: 1 },
    });
    expect(alive()).toMatchObject({ status: 'up', reasons: [] });
    await broker.stop();
    await eventually('it is given up', () => alive().status === 'down');
    expect(alive().reasons).toEqual([expect.stringContaining('connection default is given up')]);
    expect(ready().status).toBe('down');
  });

  it('is up from the first moment of a shutdown, also with a connection that is given up: nobody kills what is finishing', async () => {
    const heard: string[] = [];
    let tell = (): void => undefined;
    @Injectable()
    class Finishing implements BeforeApplicationShutdown {
      beforeApplicationShutdown(): void {
        tell();
      }
    }
    const broker = await startBroker();
    const { app, connection, ready, alive } = await boot(
      [connectionOn(broker, { reconnect: { maxAttempts: 1, initialDelayMs: 1, maxDelayMs: 1 } })],
      { providers: [Finishing] },
    );
    await broker.stop();
    await eventually('it is down', () => alive().status === 'down');
    // Given up still: it is not up because the connection would be closed.
    tell = () => void heard.push(alive().status, ready().status, `given up: ${connection.lastStatus.isGivenUp}`);
    await app.close();
    expect(heard).toEqual(['up', 'down', 'given up: true']);
    expect(alive()).toMatchObject({ status: 'up', reasons: [] });
  });
});

describe('over HTTP', () => {
  it('the answer is 200 or 503, at once, with what is wrong', async () => {
    const { app, broker } = await consuming();
    await app.listen(0, '127.0.0.1');
    const get = async (path: string): Promise<{ code: number; body: Record<string, unknown> }> => {
      const response = await fetch(`${await app.getUrl()}/health/${path}`);
      // true: terminus answers with an object
      return { code: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    expect(await get('ready')).toMatchObject({
      code: 200,
      body: { status: 'ok', details: { amqp: { status: 'up' } } },
    });
    broker.queue('orders').publish(1);
    await eventually('it is down', async () => (await get('ready')).code === 503);
    expect(await get('ready')).toMatchObject({
      code: 503,
      body: {
        status: 'error',
        error: { amqp: { status: 'down', reasons: [expect.stringContaining('Orders.handle')] } },
      },
    });
    expect(await get('live')).toMatchObject({ code: 200 });
  });

  it('is 503 from the first moment of a shutdown, while running handlers end', async () => {
    const [running, ended] = [gate(), gate()];
    let answer: Promise<Response> | undefined;
    @Injectable()
    class Slow implements BeforeApplicationShutdown {
      url = '';

      @AmqpSubscribe('orders')
      async handle(): Promise<void> {
        running.open();
        await ended.opened;
      }

      async beforeApplicationShutdown(): Promise<void> {
        answer ??= fetch(`${this.url}/health/ready`);
        await answer;
        ended.open();
      }
    }
    const broker = await startBroker();
    const { app, alive } = await boot([connectionOn(broker)], { providers: [Slow] });
    await app.listen(0, '127.0.0.1');
    app.get(Slow).url = await app.getUrl();
    broker.queue('orders').publish(1);
    await running.opened;
    await app.close();
    const response = await answer;
    expect(response?.status).toBe(503);
    expect(await response?.json()).toMatchObject({
      error: {
        amqp: {
          reasons: ['the application is shutting down'],
          connections: {
            default: { status: 'connected', consumers: { 'Slow.handle': { state: 'closed', inHand: 1 } } },
          },
        },
      },
    });
    expect(alive().status).toBe('up');
  });
});
