// What a connection shows of its links and of its status.

import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  policy,
  type ConnectionOptions,
  type LinkStatus,
  type ReceivedMessage,
  type SendClient,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { failure } from '../../support/failure.js';

const brokers: EmbeddedBroker[] = [];
const connections: AmqpConnection[] = [];

async function start(
  broker: EmbeddedBrokerOptions = {},
  options: Partial<ConnectionOptions> = {},
): Promise<{ readonly broker: EmbeddedBroker; readonly connection: AmqpConnection }> {
  const started = await EmbeddedBroker.start({ port: false, autoCreateQueues: false, queues: ['orders'], ...broker });
  brokers.push(started);
  const connection = new AmqpConnection({
    uri: started.uri,
    dial: started.dial,
    reconnect: { initialDelayMs: 2, maxDelayMs: 10 },
    logger: { log: () => undefined, warn: () => undefined, error: () => undefined },
    ...options,
  });
  connections.push(connection);
  return { broker: started, connection };
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

const inShort = (links: readonly LinkStatus[]): string[] =>
  links.map(({ role, address, state }) => `${role} ${address} ${state}`).toSorted();

const connectedAgain = (connection: AmqpConnection): Promise<void> =>
  new Promise((resolve) => {
    connection.on('status', ({ status }) => {
      if (status === 'connected') resolve();
    });
  });

const failing = async (): Promise<void> => {
  throw new Error('pin 1234');
};

describe("a connection's links", () => {
  it('are there from the first use of their client until it is closed, each with its role', async () => {
    const { connection } = await start({ queues: ['orders', 'prices'] });
    const sender = connection.createSendClient('orders');
    const receiver = connection.createReceiveClient('orders');
    const requests = connection.createRequestClient('prices');
    const management = connection.createManagementClient();
    expect(connection.links).toEqual([]);

    await sender.send(1);
    await receiver.attach();
    const server = connection.createReceiveClient('prices');
    server.subscribe(async (message: ReceivedMessage) => {
      const answers = connection.createReplyClient(message.properties?.replyTo ?? '');
      await answers.send('cheap', { correlationId: message.properties?.messageId });
    });
    await requests.request('?');
    await management.request({ operation: 'READ', type: 'queue', applicationProperties: { name: 'orders' } });
    const links = connection.links.map((link) => ({ ...link, address: link.address.replace(/^temp.*$/u, 'a reply') }));
    expect(inShort(links.filter(({ role }) => role !== 'answer'))).toEqual([
      'management $management attached',
      'receive orders attached',
      'receive prices attached',
      'reply replies of prices attached',
      'request prices attached',
      'send orders attached',
    ]);
    expect(links.filter(({ role }) => role === 'answer')).toHaveLength(1);

    await Promise.all([sender.close(), receiver.close(), requests.close(), management.close(), server.close()]);
    expect(connection.links.map(({ role }) => role)).toEqual(['answer']);
    await connection.close();
    expect(connection.links).toEqual([]);
  });

  it('to those who asked come back with their next reply alone, and make no queue of an address that is gone', async () => {
    const { broker, connection } = await start({ autoCreateQueues: true });
    const requester = new AmqpConnection({ uri: broker.uri, dial: broker.dial, reconnect: { initialDelayMs: 2 } });
    connections.push(requester);
    const answers = new Map<string, SendClient>();
    const server = connection.createReceiveClient('orders').subscribe(async ({ properties }: ReceivedMessage) => {
      const address = properties?.replyTo ?? '';
      const answer = answers.get(address) ?? connection.createReplyClient(address);
      answers.set(address, answer);
      await answer.send('done', { correlationId: properties?.messageId });
    });
    const requests = requester.createRequestClient('orders');
    const queues = (): string[] => broker.queues().map(({ name }) => name.replace(/^temp.*$/u, 'a reply'));
    await requests.request('?');
    expect(queues()).toEqual(['orders', 'a reply']);
    // Else the request would come again, and so would its reply.
    await eventually('it is settled', () => broker.queue('orders').stats().unsettled === 0);

    const back = Promise.all([connection, requester].map(connectedAgain));
    broker.dropConnections();
    await back;
    await server.ready();
    await requests.request('again');
    expect([answers.size, queues()]).toEqual([2, ['orders', 'a reply']]);
    expect(connection.links.map(({ role }) => role)).toEqual(['receive', 'answer']);

    const [gone] = answers.values();
    expect(await failure(gone?.send('late') ?? server.close())).toMatchObject({ condition: 'amqp:not-found' });
    expect(queues()).toEqual(['orders', 'a reply']);
  });

  it.each([
    ['waits for credit', { kind: 'no-credit' }],
    ['was written and has no outcome', { kind: 'drop-connection' }],
  ] as const)('to those who asked come back for a reply that %s', async (_which, fault) => {
    const { broker, connection } = await start({ queues: ['replies'] });
    const answer = connection.createReplyClient('replies');
    await answer.send(1);
    broker.queue('replies').inject(fault);
    const waiting = answer.send(2);
    const back = connectedAgain(connection);
    if (fault.kind === 'no-credit') broker.dropConnections();
    await back;
    broker.queue('replies').clearFaults();
    await waiting;
    expect(broker.queue('replies').messages().at(-1)?.body).toEqual(2);
  });

  it.each<[LinkStatus['role'], (connection: AmqpConnection) => { attach(): Promise<void>; close(): Promise<void> }]>([
    ['send', (connection) => connection.createSendClient('nowhere')],
    ['receive', (connection) => connection.createReceiveClient('nowhere')],
  ])('stay in view when they are refused at first, until the client is closed: %s', async (role, create) => {
    const { connection } = await start();
    const client = create(connection);
    await expect(client.attach()).rejects.toMatchObject({ condition: 'amqp:not-found' });
    const failed = { role, address: 'nowhere', state: 'failed', error: { condition: 'amqp:not-found' } };
    expect(connection.links).toMatchObject([failed]);

    await expect(client.attach()).rejects.toMatchObject({ condition: 'amqp:not-found' });
    expect(connection.links).toMatchObject([failed]);
    await client.close();
    expect(connection.links).toEqual([]);
  });

  it.each<
    [
      LinkStatus['role'],
      string,
      (connection: AmqpConnection) => { attempt(): Promise<unknown>; close(): Promise<void> },
    ]
  >([
    [
      'reply',
      'replies of orders',
      (connection) => {
        const client = connection.createRequestClient('orders', { replyTo: 'nowhere' });
        return { attempt: () => client.request('?'), close: () => client.close() };
      },
    ],
    [
      'management',
      'nowhere',
      (connection) => {
        const client = connection.createManagementClient({ node: 'nowhere' });
        return { attempt: () => client.request({ operation: 'READ', type: 'queue' }), close: () => client.close() };
      },
    ],
  ])(
    'stay in view when a request found them refused, until its client is closed: %s',
    async (role, address, create) => {
      const { connection } = await start();
      const client = create(connection);
      await expect(client.attempt()).rejects.toMatchObject({ condition: 'amqp:not-found' });
      const failed = { role, address, state: 'failed', error: { condition: 'amqp:not-found' } };
      expect(connection.links.filter(({ state }) => state === 'failed')).toMatchObject([failed]);
      await client.close();
      expect(connection.links).toEqual([]);
    },
  );

  it('stay in view when the policy stopped them, until the subscription is closed', async () => {
    const { broker, connection } = await start();
    const client = connection.createReceiveClient('orders');
    const subscription = client.subscribe(failing, { errorPolicy: policy.stop });
    broker.queue('orders').publish(1);
    await expect(subscription.ended()).rejects.toMatchObject({ code: 'stopped' });
    await eventually('it is detached', () => broker.queue('orders').stats().consumers === 0);
    await eventually('it failed', () => connection.links[0]?.state === 'failed');
    expect(connection.links).toMatchObject([{ role: 'receive', address: 'orders', error: { code: 'stopped' } }]);
    expect(connection.links[0]?.error?.message).not.toContain('1234');

    await subscription.close();
    expect(connection.links).toEqual([]);
  });

  it('stay in view when the policy stopped those who fetch, until the client is closed', async () => {
    const { broker, connection } = await start();
    const client = connection.createReceiveClient('orders', { errorPolicy: policy.stop });
    broker.queue('orders').publish(Buffer.from('{'), { contentType: 'application/json' });
    await client.receiveBatch({ maxMessages: 1, waitMs: 3_000 }).catch(() => undefined);
    await eventually('it failed', () => connection.links[0]?.state === 'failed');
    await client.close();
    expect(connection.links).toEqual([]);
  });

  it.each<[LinkStatus['state'], string]>([
    ['lost', 'amqp:internal-error'],
    ['refused', 'amqp:not-found'],
    ['failed', 'amqp:link:stolen'],
  ])('say that they are %s, and why, after a detach with %s', async (state, condition) => {
    const { broker, connection } = await start({}, { reconnect: { initialDelayMs: 60_000, maxDelayMs: 60_000 } });
    connection.createReceiveClient('orders').subscribe(() => undefined);
    await eventually('it is attached', () => connection.links[0]?.state === 'attached');
    expect(connection.links[0]).not.toHaveProperty('error');
    broker.queue('orders').inject({ kind: 'detach', condition });
    broker.queue('orders').publish(1);
    await eventually(`it is ${state}`, () => connection.links[0]?.state === state);
    expect(connection.links[0]?.error).toMatchObject({ condition });
  });

  it('say whether a subscription has them, or calls', async () => {
    const { connection } = await start({ queues: ['orders', 'attached', 'fetched'] });
    const subscription = connection.createReceiveClient('orders').subscribe(() => undefined);
    await subscription.ready();
    await connection.createReceiveClient('attached').attach();
    await connection.createReceiveClient('fetched').get();
    await connection.createSendClient('orders').attach();
    expect(connection.links.map(({ address, takenBy }) => [address, takenBy])).toEqual([
      ['orders', 'subscription'],
      ['attached', 'calls'],
      ['fetched', 'calls'],
      ['orders', undefined],
    ]);
  });

  it('of a peer without transactions do not count among those that failed', async () => {
    const { connection } = await start({}, { profile: 'rabbitmq-4' });
    await expect(connection.transaction(async () => undefined)).rejects.toMatchObject({ code: 'unsupported' });
    expect(connection.links).toEqual([]);
  });
});

describe("a connection's last status", () => {
  it('knows since when, and what the last loss was', async () => {
    const before = Date.now();
    const { broker, connection } = await start({}, { reconnect: { initialDelayMs: 60_000, maxDelayMs: 60_000 } });
    expect(connection.lastStatus).toMatchObject({ status: 'disconnected', isGivenUp: false });
    expect(connection.lastStatus).not.toHaveProperty('lastError');
    await connection.open();
    const { at, since } = connection.lastStatus;
    expect(connection.lastStatus).toEqual({ status: 'connected', at, since, isGivenUp: false, awaitsUse: false });
    expect(at).toBe(since);
    expect(at).toBeGreaterThanOrEqual(before);

    broker.dropConnections();
    await eventually('it is lost', () => connection.status === 'disconnected');
    const lost = connection.lastStatus;
    expect(lost).toMatchObject({ cause: { code: 'connection-lost' }, lastError: { code: 'connection-lost' } });
    expect(lost.lastErrorAt).toBeGreaterThanOrEqual(at);
    expect(lost.isGivenUp).toBe(false);
  });

  it('counts from the loss, however many attempts failed since, and keeps the reason when it is back', async () => {
    let isGone = false;
    const broker = await EmbeddedBroker.start({ port: false });
    brokers.push(broker);
    const { connection } = await start(
      {},
      {
        dial: (attempt) => (isGone ? Promise.reject(new Error('nobody is there')) : broker.dial(attempt)),
        reconnect: { initialDelayMs: 2, maxDelayMs: 2 },
      },
    );
    let attempts = 0;
    connection.on('status', ({ status }) => void (attempts += status === 'connecting' ? 1 : 0));
    await connection.open();
    isGone = true;
    broker.dropConnections();
    const { since } = await eventually('it is lost', () => connection.status !== 'connected' && connection.lastStatus);
    await eventually('it has tried again', () => attempts > 3);
    expect(connection.lastStatus.since).toBe(since);
    expect(connection.lastStatus.at).toBeGreaterThanOrEqual(since);
    isGone = false;
    await connection.open();
    expect(connection.lastStatus).toMatchObject({ status: 'connected', lastError: { code: 'connect-failed' } });
    expect(connection.lastStatus.since).toBe(connection.lastStatus.at);
  });

  it('says when nobody tries any more', async () => {
    const { broker, connection } = await start({}, { reconnect: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 1 } });
    await connection.open();
    await broker.stop();
    await eventually('it is given up', () => connection.lastStatus.isGivenUp);
    expect(connection.lastStatus).toMatchObject({ status: 'disconnected', isGivenUp: true, awaitsUse: false });
  });

  it.each<[string, Partial<ConnectionOptions>, boolean]>([
    ['bootTimeoutMs', { bootTimeoutMs: 20 }, true],
    ['reconnect.maxAttempts', { reconnect: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 1 } }, false],
    ['reconnect: false', { reconnect: false }, false],
  ])(
    'says whether the next use opens what was never connected, once %s ended the first',
    async (_, options, awaits) => {
      const { connection } = await start({}, { dial: () => Promise.reject(new Error('away')), ...options });
      await expect(connection.open()).rejects.toMatchObject({ code: 'connect-failed' });
      expect(connection.lastStatus).toMatchObject({ isGivenUp: true, awaitsUse: awaits });
    },
  );

  it.each<['retry' | 'stop', boolean]>([
    ['retry', true],
    ['stop', false],
  ])('says so after a first refusal, too, with onRefused: %j', async (onRefused, awaits) => {
    const { connection } = await start({ users: { me: 'right' }, allowAnonymous: false }, { onRefused });
    await expect(connection.createSendClient('orders').attach()).rejects.toMatchObject({ code: 'authentication' });
    expect(connection.lastStatus).toMatchObject({ isGivenUp: true, awaitsUse: awaits });
  });

  it('does not wait for its use once it was connected and maxAttempts ended it, whatever a use met since', async () => {
    const broker = await EmbeddedBroker.start({ port: false });
    brokers.push(broker);
    let dial: NonNullable<ConnectionOptions['dial']> = broker.dial;
    const reconnect = { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 1 };
    const options = { dial: (attempt: Parameters<typeof dial>[0]) => dial(attempt), bootTimeoutMs: 1_500, reconnect };
    const { connection } = await start({}, options);
    await connection.open();
    dial = () => Promise.reject(new Error('away'));
    broker.dropConnections();
    await eventually('it is given up', () => connection.lastStatus.isGivenUp);
    dial = () => new Promise(() => undefined);
    await expect(connection.open()).rejects.toMatchObject({ code: 'connect-timeout' });
    expect(connection.lastStatus).toMatchObject({ isGivenUp: true, awaitsUse: false });
  });

  it('is not given up when the user closed it', async () => {
    const { connection } = await start();
    await connection.open();
    await connection.close();
    expect(connection.lastStatus).toMatchObject({ status: 'closed', isGivenUp: false });
  });
});
