import { Agent, request } from 'node:http';

import {
  type CanActivate,
  Controller,
  type INestApplication,
  Injectable,
  Module,
  type NestInterceptor,
  UseGuards,
  VersioningType,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, MessagePattern, Payload } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from '@jest/globals';
import { map } from 'rxjs';

import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../lib/broker/index.js';
import { AmqpConnection, InvalidOptionsError, policy, type SendClient } from '../../lib/client/index.js';
import { AmqpDashboard, AmqpDashboardModule, type AmqpDashboardSnapshot } from '../../lib/dashboard/index.js';
import {
  AmqpClientProxy,
  AmqpConsumers,
  AmqpModule,
  AmqpSubscribe,
  AmqpTransportStrategy,
  getSendClientToken,
} from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { type DashboardApp, PLATFORMS, withDashboard } from './dashboard-app.js';
import { LATE_MS } from '../support/time.js';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const embedded = (queues: string[] = []): ReturnType<typeof AmqpModule.forRoot> =>
  AmqpModule.forRoot({ uri: 'embedded:', broker: { queues }, logger: quiet });

class InvalidOrder extends Error {
  readonly code = 'app:invalid';
}

@Injectable()
class Orders {
  @AmqpSubscribe('orders', {
    concurrency: 2,
    prefetch: 12,
    errorPolicy: policy.byError(
      [[InvalidOrder, policy.deadLetter('parked')]],
      policy.retry({ attempts: 2, backoff: policy.fixed(1), then: policy.reject('app:gave-up') }),
    ),
  })
  place(@Payload() order: { id: number; secret?: string }): void {
    if (order.id < 0) throw new InvalidOrder(`a body that nobody may see: ${order.secret}`);
    if (order.id === 0) throw new TypeError(`also ${order.secret}`);
  }
}

const withOrders = {
  imports: [embedded(['orders', 'parked']), AmqpModule.forFeature({ senders: [{ name: 'orders' }, { name: 'idle' }] })],
  providers: [Orders],
};
const sender = ({ app }: DashboardApp): SendClient => app.get<SendClient>(getSendClientToken('orders'));
const consumer = (
  snapshot: AmqpDashboardSnapshot,
  name = 'Orders.place',
): AmqpDashboardSnapshot['consumers'][number] => {
  const found = snapshot.consumers.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no ${name} among ${snapshot.consumers.map((one) => one.name).join()}`);
  return found;
};
const handled = async (app: DashboardApp, count: number): Promise<AmqpDashboardSnapshot> => {
  await eventually(`${count} are handled`, () => consumer(app.dashboard.snapshot()).handled === count);
  return app.dashboard.snapshot();
};

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});
async function brokerOf(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ port: false, ...options });
  opened.push(() => broker.stop());
  return broker;
}
function connectionTo({ embeddedUri: uri, dial }: EmbeddedBroker): AmqpConnection {
  const connection = new AmqpConnection({ uri, dial, logger: quiet });
  opened.push(() => connection.close());
  return connection;
}

describe('what the dashboard knows', () => {
  it('is the state of each consumer and sender before anything happened', async () => {
    await withDashboard({}, withOrders, async ({ dashboard }) => {
      const snapshot = dashboard.snapshot();
      expect(consumer(snapshot)).toMatchObject({
        connection: 'default',
        addresses: ['orders'],
        prefetch: 12,
        concurrency: 2,
        inHand: 0,
        handled: 0,
        lastErrors: [],
      });
      expect(consumer(snapshot).durations).toBeUndefined();
      expect(snapshot.senders.map(({ address, sent }) => [address, sent])).toEqual([
        ['orders', 0],
        ['idle', 0],
      ]);
      expect(snapshot.connections).toMatchObject([
        { name: 'default', status: 'connected', reconnects: 0, peer: { profile: 'embedded' } },
      ]);
      expect(snapshot.connections[0]?.links).toEqual([{ role: 'receive', address: 'orders', state: 'attached' }]);
    });
  });

  it('is what was sent, handled, retried, rejected and parked, and how each failure ended', async () => {
    await withDashboard({}, withOrders, async (app) => {
      const orders = sender(app);
      for (const id of [1, 2, 0, -1]) await orders.send({ id, secret: 'hush' });
      await handled(app, 5);
      await eventually('the parked one is settled', () => consumer(app.dashboard.snapshot()).outcomes.accepted === 3);
      const snapshot = app.dashboard.snapshot();
      expect(consumer(snapshot)).toMatchObject({
        handled: 5,
        failed: 3,
        running: 0,
        outcomes: { accepted: 3, rejected: 1, released: 0, modified: 0 },
        decisions: { retry: 1, settle: 1, redeliver: 0, 'dead-letter': 1, stop: 0 },
      });
      expect(consumer(snapshot).durations?.p95Ms).toBeGreaterThan(0);
      const failures = snapshot.failures.map(({ name, error, decision }) => [name, error.name, error.code, decision]);
      expect(failures.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
        ['Orders.place', 'InvalidOrder', 'app:invalid', 'dead letter to parked'],
        ['Orders.place', 'TypeError', undefined, 'rejected (app:gave-up)'],
        ['Orders.place', 'TypeError', undefined, 'retry in 1 ms'],
      ]);
      const errors = consumer(snapshot).lastErrors.map(({ name }) => name);
      expect(errors.toSorted()).toEqual(['InvalidOrder', 'TypeError', 'TypeError']);
      expect(snapshot.senders.find(({ address }) => address === 'orders')).toMatchObject({
        sent: 4,
        pending: 0,
        failed: {},
      });
      expect(snapshot.rates.sent.reduce((sum, count) => sum + count)).toBe(5); // the dead letter is one
      expect(snapshot.rates.received.reduce((sum, count) => sum + count)).toBe(5);
    });
  });

  it('holds nothing of what messages and errors say', async () => {
    await withDashboard({}, withOrders, async (app) => {
      await sender(app).send({ id: -1, secret: 'hush' });
      await sender(app).send({ id: 0, secret: 'hush' });
      await handled(app, 3);
      const { text } = await app.get('/amqp/api/state');
      expect(text).toContain('InvalidOrder');
      expect(text).not.toContain('hush');
      expect(text).not.toContain('nobody may see');
    });
  });

  it('counts sends that fail by their code, and says whether the peer has the message', async () => {
    await withDashboard({}, withOrders, async (app) => {
      const connection = connectionTo(await brokerOf({ autoCreateQueues: false }));
      app.dashboard.add('second', connection);
      await connection.open();
      await expect(connection.createSendClient('/queues/nowhere').send(1)).rejects.toThrow();
      await connection.close();
      const [failure] = app.dashboard.snapshot().failures;
      expect(failure).toMatchObject({ kind: 'sender', connection: 'second', address: '/queues/nowhere' });
      expect(failure?.decision).toBe('the peer does not have it');
      const row = app.dashboard.snapshot().senders.find((one) => one.connection === 'second');
      expect([row?.sent, row?.pending, Object.values(row?.failed ?? {})]).toEqual([0, 0, [1]]);
    });
  });

  it('says why a connection was lost, and how often it came back', async () => {
    const broker = await brokerOf();
    const module = AmqpModule.forRoot({
      uri: broker.embeddedUri,
      dial: broker.dial,
      logger: quiet,
      reconnect: { initialDelayMs: 1 },
    });
    await withDashboard({}, { imports: [module] }, async ({ dashboard }) => {
      expect(dashboard.snapshot().connections[0]).toMatchObject({ status: 'connected', reconnects: 0 });
      const before = Date.now();
      broker.dropConnections();
      await eventually('it is back', () => {
        const [connection] = dashboard.snapshot().connections;
        return connection?.status === 'connected' && connection.reconnects === 1;
      });
      const [connection] = dashboard.snapshot().connections;
      expect(connection?.lastCause).toMatchObject({ name: 'ConnectionError', code: 'connection-lost' });
      expect(connection?.since).toBeGreaterThanOrEqual(before - 1);
    });
  });

  it('is how often a connection came back that was open already when it was added', async () => {
    const broker = await brokerOf();
    const { embeddedUri: uri, dial } = broker;
    const connection = new AmqpConnection({ uri, dial, logger: quiet, reconnect: { initialDelayMs: 1 } });
    opened.push(() => connection.close());
    await connection.open();
    await withDashboard({ connections: { own: connection } }, {}, async ({ dashboard }) => {
      expect(dashboard.snapshot().connections).toMatchObject([{ status: 'connected', reconnects: 0 }]);
      broker.dropConnections();
      await eventually('it was lost', () => connection.lastStatus.lastError !== undefined);
      await eventually('it is back', () => connection.status === 'connected');
      expect(dashboard.snapshot().connections).toMatchObject([{ status: 'connected', reconnects: 1 }]);
    });
  });

  it('tells several connections apart, and shows a name that is taken with a number', async () => {
    const other = new AmqpConnection({ uri: 'amqp://user:secret@127.0.0.1:1/x', logger: quiet });
    const imports = [embedded(), AmqpModule.forRoot({ name: 'second', uri: 'embedded:', logger: quiet })];
    await withDashboard({ connections: { own: other } }, { imports }, async (app) => {
      app.dashboard.add('own', new AmqpConnection({ uri: 'amqp://127.0.0.1:1', logger: quiet }));
      app.dashboard.add('own', other); // is there already
      expect(() => app.dashboard.add('redis', { unwrap: () => ({}) })).toThrow(InvalidOptionsError);
      expect(() => app.dashboard.add('', other)).toThrow(InvalidOptionsError);
      const names = app.dashboard.snapshot().connections.map(({ name, status }) => `${name} ${status}`);
      expect(names.toSorted()).toEqual([
        'default connected',
        'own disconnected',
        'own#2 disconnected',
        'second connected',
      ]);
      expect((await app.get('/amqp/api/state')).text).not.toContain('secret');
    });
  });

  it('forgets a connection that was added when it is told to, and frees its name', async () => {
    const broker = await brokerOf();
    await withDashboard({}, withOrders, async ({ dashboard }) => {
      const names = (): string[] => dashboard.snapshot().connections.map(({ name }) => name);
      for (let tenant = 0; tenant < 50; tenant += 1) {
        const connection = connectionTo(broker);
        const forget = dashboard.add('tenant', connection);
        await connection.createSendClient('orders').send(1);
        expect(names()).toEqual(['default', 'tenant']);
        forget();
        await connection.createSendClient('orders').send(2); // nobody counts it
        await connection.close();
        forget(); // once more is harmless
      }
      expect(names()).toEqual(['default']);
      expect(dashboard.snapshot().senders.map(({ connection }) => connection)).toEqual(['default', 'default']);
      expect(dashboard.snapshot().rates.sent.reduce((sum, count) => sum + count)).toBe(50);
    });
  }, 30_000);

  it('does not forget what somebody else shows: one of the application, or one that was added before', async () => {
    await withDashboard({}, { imports: [embedded()] }, async ({ app, dashboard }) => {
      const other = new AmqpConnection({ uri: 'amqp://127.0.0.1:1', logger: quiet });
      const forgets = [dashboard.add('mine', app.get(AmqpConnection)), dashboard.add('other', other)];
      dashboard.add('other', other)();
      expect(dashboard.snapshot().connections.map(({ name }) => name)).toEqual(['default', 'other']);
      for (const forget of forgets) forget();
      dashboard.add('other', new AmqpConnection({ uri: 'amqp://127.0.0.1:1', logger: quiet }));
      for (const forget of forgets) forget();
      expect(dashboard.snapshot().connections.map(({ name }) => name)).toEqual(['default', 'other']);
    });
  });

  it('does not forget a connection of the application that was added before it started', async () => {
    let forget = (): void => undefined;
    const prepare = (app: INestApplication): void => {
      forget = app.get(AmqpDashboard).add('mine', app.get(AmqpConnection));
    };
    await withDashboard(
      {},
      withOrders,
      async (app) => {
        forget();
        await sender(app).send({ id: 1 });
        await handled(app, 1);
        expect(app.dashboard.snapshot().connections).toMatchObject([{ name: 'mine', status: 'connected' }]);
      },
      { prepare },
    );
  });

  it('includes the connections of a transport server and of client proxies, and what they handle', async () => {
    const broker = await brokerOf({ name: 'dashboard-transport' });
    @Controller()
    class Prices {
      @MessagePattern('price')
      price(sku: string): number {
        if (sku === 'none') throw new RangeError('no such thing');
        return 42;
      }
    }
    const uri = broker.embeddedUri;
    const options = { uri, target: 'prices', logger: quiet };
    const client = ClientsModule.register([{ name: 'PRICES', customClass: AmqpClientProxy, options }]);
    const metadata = { imports: [client], controllers: [Prices] };
    await withDashboard({}, metadata, async ({ app, dashboard }) => {
      app.connectMicroservice({ strategy: new AmqpTransportStrategy({ uri, sources: ['prices'], logger: quiet }) });
      await app.startAllMicroservices();
      const prices = app.get<AmqpClientProxy>('PRICES');
      const ask = (sku: string): Promise<unknown> =>
        new Promise((resolve) => prices.send('price', sku).subscribe({ next: resolve, error: resolve }));
      expect(await ask('tea')).toBe(42);
      await ask('none');
      await eventually('both are handled', () => consumer(dashboard.snapshot(), 'prices').handled === 2);
      const snapshot = dashboard.snapshot();
      expect(snapshot.connections.map(({ name }) => name).toSorted()).toEqual(['PRICES', 'microservice']);
      expect(consumer(snapshot, 'prices')).toMatchObject({ connection: 'microservice', handled: 2, failed: 1 });
      // Reply addresses are made up by the peer: one row for all of them.
      expect(snapshot.senders.filter((one) => one.connection === 'microservice').map(({ address }) => address)).toEqual(
        ['(temporary)'],
      );
      expect(snapshot.failures).toMatchObject([{ name: 'prices', error: { name: 'RangeError' }, decision: 'none' }]);
    });
  });
});

describe.each(PLATFORMS)('the page on %s', (platform) => {
  it('is one document that a browser may run and nothing else, and its state is JSON', async () => {
    await withDashboard(
      { title: 'Orders <of> "us" & them' },
      withOrders,
      async ({ get, post }) => {
        const page = await get('/amqp');
        expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
        expect(page.text).toContain('<title>Orders &lt;of&gt; &quot;us&quot; &amp; them</title>');
        expect(page.headers.get('content-security-policy')).toMatch(
          /^default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-/,
        );
        for (const { headers } of [page, await get('/amqp/api/state'), await post('/amqp', {})])
          expect([headers.get('x-content-type-options'), headers.get('x-frame-options')]).toEqual(['nosniff', 'DENY']);
        expect(page.text).not.toMatch(/\b(?:src|href)="(?!data:,")/);
        const state = await get('/amqp/api/state');
        expect([state.status, state.headers.get('content-type'), state.headers.get('cache-control')]).toEqual([
          200,
          'application/json; charset=utf-8',
          'no-store',
        ]);
        expect(state.json).toMatchObject({ actions: false, refreshMs: 2_000, connections: [{ name: 'default' }] });
      },
      { platform },
    );
  });

  it('stands under a path, a global prefix and a version, and no interceptor of the application wraps it', async () => {
    const wrapping: NestInterceptor = {
      intercept: (_context, next) => next.handle().pipe(map((data: unknown) => ({ data }))),
    };
    await withDashboard(
      { path: '/admin/queues/' },
      { imports: [embedded()] },
      async ({ get }) => {
        expect((await get('/v/admin/queues')).text).toContain('<!doctype html>');
        expect((await get('/v/admin/queues/api/state')).json).toMatchObject({ connections: [{ name: 'default' }] });
        expect((await get('/admin/queues')).status).toBe(404);
      },
      {
        platform,
        prepare: (app) => {
          app.setGlobalPrefix('v');
          app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
          app.useGlobalInterceptors(wrapping);
        },
      },
    );
  });

  it('is nobody’s whom authorize does not let in', async () => {
    const asked: string[] = [];
    const authorize = ({ method, headers }: { method: string; headers: Record<string, unknown> }): Promise<boolean> => {
      asked.push(method);
      return Promise.resolve(headers['authorization'] === 'Bearer yes');
    };
    await withDashboard(
      { actions: true, authorize },
      withOrders,
      async ({ get, act, dashboard }) => {
        for (const path of ['/amqp', '/amqp/api/state']) {
          const denied = await get(path);
          expect([denied.status, denied.text.includes('Orders.place')]).toEqual([403, false]);
          expect((await get(path, { authorization: 'Bearer yes' })).status).toBe(200);
        }
        expect((await act('pause', { consumer: 'Orders.place' })).status).toBe(403);
        expect(consumer(dashboard.snapshot()).state).toBe('running');
        expect(asked).toEqual(['GET', 'GET', 'GET', 'GET', 'POST']);
      },
      { platform },
    );
  });

  it('lets nobody in when authorize throws, or answers something else than true', async () => {
    // What somebody writes without types.
    const authorize = ({ url }: { url: string }): boolean => {
      if (url === '/amqp') throw new Error('the user store is down');
      return 'yes' as unknown as boolean;
    };
    await withDashboard(
      { authorize },
      withOrders,
      async ({ get }) => {
        expect((await get('/amqp')).status).toBe(500);
        expect((await get('/amqp/api/state')).status).toBe(403);
      },
      { platform },
    );
  });

  it('pauses and resumes a consumer, asks how deep a queue is, and moves dead letters back', async () => {
    await withDashboard(
      { actions: true },
      withOrders,
      async (app) => {
        const { act, dashboard } = app;
        await sender(app).send({ id: -1 });
        await handled(app, 1);
        await eventually('it is parked', async () => {
          const { json } = await act('inspect', { connection: 'default', queue: 'parked' });
          return (json as { messages?: number }).messages === 1;
        });
        expect((await act('pause', { consumer: 'Orders.place' })).json).toEqual({
          ok: true,
          done: true,
          state: 'paused',
        });
        expect(consumer(dashboard.snapshot()).state).toBe('paused');
        const moved = await act('redrive', { connection: 'default', from: 'parked', to: 'orders', max: 5 });
        expect(moved.json).toEqual({ ok: true, done: true, moved: 1 });
        expect((await act('resume', { consumer: 'Orders.place' })).json).toEqual({
          ok: true,
          done: true,
          state: 'running',
        });
        await handled(app, 2);
      },
      { platform },
    );
  });

  it('does nothing that is off, unknown, malformed, sent by another site or not meant', async () => {
    const good = { 'content-type': 'application/json', 'x-amqp-dashboard': 'action' };
    const pause = '/amqp/api/actions/pause';
    const body = { consumer: 'Orders.place' };
    await withDashboard({}, withOrders, async ({ act }) => expect((await act('pause', body)).status).toBe(404), {
      platform,
    });
    await withDashboard(
      { actions: true },
      withOrders,
      async ({ act, get, post, dashboard }) => {
        const statusOf = async (answer: Promise<{ status: number }>): Promise<number> => (await answer).status;
        const { 'x-amqp-dashboard': _guard, ...unguarded } = good;
        expect(await statusOf(get(pause, good))).toBe(405);
        expect(await statusOf(post('/amqp', body, good))).toBe(405);
        expect(await statusOf(post('/amqp/api/state', body, good))).toBe(405);
        expect(await statusOf(post(pause, body, unguarded))).toBe(403);
        expect(await statusOf(post(pause, body, { ...good, 'sec-fetch-site': 'cross-site' }))).toBe(403);
        expect(await statusOf(post(pause, body, { ...good, origin: 'https://elsewhere.example' }))).toBe(403);
        expect(await statusOf(get('/amqp/api/state', { 'sec-fetch-site': 'same-site' }))).toBe(403);
        expect(
          await statusOf(post(pause, 'consumer=Orders.place', { ...good, 'content-type': 'text/plain' })),
        ).toBeGreaterThanOrEqual(400);
        expect(await statusOf(act('pause', { consumer: 'Nobody.here' }))).toBe(404);
        expect(await statusOf(act('pause', { consumer: '__proto__' }))).toBe(404);
        expect(await statusOf(act('pause', {}))).toBe(400);
        expect(await statusOf(act('explode', body))).toBe(404);
        expect(await statusOf(act('constructor', body))).toBe(404);
        expect(await statusOf(act('inspect', { connection: 'other', queue: 'orders' }))).toBe(404);
        expect(await statusOf(act('redrive', { connection: 'default', from: 'parked', max: 1e9 }))).toBe(400);
        expect(await statusOf(act('redrive', { connection: 'default', from: '' }))).toBe(400);
        expect(consumer(dashboard.snapshot()).state).toBe('running');
      },
      { platform },
    );
  });
});

describe('a page of another origin, in an application that allows all origins (CORS)', () => {
  it.each(PLATFORMS)('reads and does nothing on %s, whatever headers it sets itself', async (platform) => {
    const there = (origin: string): Record<string, string> => ({
      origin,
      'x-forwarded-host': new URL(origin).host,
      'content-type': 'application/json',
      'x-amqp-dashboard': 'action',
    });
    await withDashboard(
      { actions: true, allowedOrigins: ['https://admin.example'] },
      withOrders,
      async ({ get, post, dashboard }) => {
        const statuses = async (origin: string): Promise<number[]> => [
          (await get('/amqp/api/state', there(origin))).status,
          (await post('/amqp/api/actions/pause', { consumer: 'Orders.place' }, there(origin))).status,
        ];
        expect(await statuses('http://evil.example')).toEqual([403, 403]);
        expect(consumer(dashboard.snapshot()).state).toBe('running');
        expect(await statuses('https://admin.example')).toEqual([200, 200]);
        expect(consumer(dashboard.snapshot()).state).toBe('paused');
      },
      { platform, prepare: (app) => app.enableCors() },
    );
  });
});

@Module({})
class Headless {}

describe('a dashboard in its application', () => {
  it('may ask a service of the application who may see it', async () => {
    @Injectable()
    class Users {
      isAdmin(name: unknown): boolean {
        return name === 'ada';
      }
    }
    @Module({ providers: [Users], exports: [Users] })
    class UsersModule {}
    const module = AmqpDashboardModule.forRootAsync({
      path: 'queues',
      imports: [UsersModule],
      inject: [Users],
      useFactory: (users: Users) => ({ title: 'Made', authorize: ({ headers }) => users.isAdmin(headers['x-user']) }),
    });
    await withDashboard(
      {},
      { imports: [embedded()] },
      async ({ get }) => {
        expect((await get('/queues')).status).toBe(403);
        expect((await get('/queues', { 'x-user': 'ada' })).text).toContain('<title>Made</title>');
      },
      { module },
    );
  });

  it('has the decorators that it was given: a guard of the application, for example', async () => {
    class Closed implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    await withDashboard({ decorators: [UseGuards(Closed)] }, { imports: [embedded()] }, async ({ get }) => {
      expect([(await get('/amqp')).status, (await get('/amqp/api/state')).status]).toEqual([403, 403]);
    });
  });

  it('finds connections that are not global, and knows nothing of another application in the process', async () => {
    const imports = [AmqpModule.forRoot({ uri: 'embedded:', isGlobal: false, logger: quiet })];
    await withDashboard({}, withOrders, async (first) => {
      await withDashboard({ path: 'other' }, { imports }, async (second) => {
        await sender(first).send({ id: 1 });
        await handled(first, 1);
        const { connections, consumers, senders } = second.dashboard.snapshot();
        expect([connections.map(({ name }) => name), consumers, senders]).toEqual([['default'], [], []]);
        expect((await second.get('/amqp')).status).toBe(404);
      });
      expect(consumer(first.dashboard.snapshot()).state).toBe('running');
    });
  });

  it('shows the prefetch and concurrency that a consumer was adjusted to', async () => {
    await withDashboard({}, withOrders, async ({ app, dashboard }) => {
      await app.get(AmqpConsumers).get('Orders.place').adjust({ concurrency: 4 });
      await app.get(AmqpConsumers).get('Orders.place').adjust({ prefetch: 30 });
      expect(consumer(dashboard.snapshot())).toMatchObject({ prefetch: 30, concurrency: 4 });
    });
  });

  it('is only its snapshot where there is no HTTP', async () => {
    const root = { module: Headless, imports: [embedded(), AmqpDashboardModule.forRoot()] };
    const app = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
    expect(app.get(AmqpDashboard).snapshot().connections).toMatchObject([{ name: 'default', status: 'connected' }]);
    await app.close();
  });

  it('listens to a connection of somebody else no longer than its application lives', async () => {
    const connection = connectionTo(await brokerOf());
    let dashboard: AmqpDashboard | undefined;
    await withDashboard({ connections: { shared: connection } }, {}, async (app) => {
      dashboard = app.dashboard;
      await connection.createSendClient('orders').send(1);
    });
    await connection.createSendClient('orders').send(2);
    expect(dashboard?.snapshot().senders).toMatchObject([{ address: 'orders', sent: 1 }]);
  });

  it.each(PLATFORMS)('does not hold up the end of an application on %s while pages are open', async (platform) => {
    const agent = new Agent({ keepAlive: true });
    let startedAt = 0;
    await withDashboard(
      {},
      withOrders,
      async ({ url }) => {
        const poll = (): Promise<number | undefined> =>
          new Promise((resolve, reject) => {
            const asked = request(`${url}/amqp/api/state`, { agent }, (response) => {
              response.resume().on('end', () => resolve(response.statusCode));
            });
            asked.on('error', reject).end();
          });
        expect(await Promise.all([poll(), poll(), poll()])).toEqual([200, 200, 200]);
        startedAt = performance.now();
      },
      { platform },
    );
    expect(performance.now() - startedAt).toBeLessThan(2_000 + LATE_MS);
    agent.destroy();
  });
});

describe('a name that is made to point here (DNS rebinding)', () => {
  it.each(PLATFORMS)('is not answered on %s before authorize is asked; an allowed one is', async (platform) => {
    const asked: string[] = [];
    const authorize = ({ headers }: { headers: { host?: string | undefined } }): boolean =>
      asked.push(String(headers.host)) > 0;
    await withDashboard(
      { actions: true, authorize, allowedOrigins: ['https://admin.example'] },
      withOrders,
      async ({ url, dashboard }) => {
        const statuses = async (host: string): Promise<number[]> => [
          await statusFor(`${url}/amqp`, host, 'GET'),
          await statusFor(`${url}/amqp/api/state`, host, 'GET'),
          await statusFor(`${url}/amqp/api/actions/pause`, host, 'POST'),
        ];
        expect(await statuses('evil.example')).toEqual([403, 403, 403]);
        expect(asked).toEqual([]);
        expect(consumer(dashboard.snapshot()).state).toBe('running');
        expect(await statuses('admin.example')).toEqual([200, 200, 200]);
        expect(asked).toHaveLength(3);
        expect(consumer(dashboard.snapshot()).state).toBe('paused');
      },
      { platform },
    );
  });
});

/** By hand: fetch names the host that it goes to. */
function statusFor(url: string, host: string, method: 'GET' | 'POST'): Promise<number> {
  const headers = {
    host,
    'sec-fetch-site': 'same-origin',
    'content-type': 'application/json',
    'x-amqp-dashboard': 'action',
  };
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
    asking.once('error', reject);
    asking.end(method === 'POST' ? JSON.stringify({ consumer: 'Orders.place' }) : undefined);
  });
}
