import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  AuthenticationError,
  ClientClosedError,
  InvalidOptionsError,
  saslPlain,
  TopologyError,
  type ConnectionOptions,
  type StatusEvent,
} from '../../../lib/client/index.js';

const brokers: EmbeddedBroker[] = [];
const connections: AmqpConnection[] = [];

async function start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start(options);
  brokers.push(broker);
  return broker;
}

function connect(options: ConnectionOptions): AmqpConnection {
  const connection = new AmqpConnection({
    bootTimeoutMs: 3_000,
    reconnect: { initialDelayMs: 4, maxDelayMs: 50 },
    ...options,
  });
  connections.push(connection);
  return connection;
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

const topologyError = async (work: Promise<unknown>): Promise<TopologyError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof TopologyError) return error;
  throw new Error(`no TopologyError: ${String(error)}`);
};

describe("the topology of a peer with RabbitMQ's management", () => {
  const full = {
    name: 'full',
    type: 'classic',
    messageTtlMs: 60_000,
    maxLength: 10,
    maxPriority: 5,
    overflow: 'reject-publish',
    deadLetterExchange: '',
    deadLetterRoutingKey: 'dead',
  } as const;

  it('shows both definitions of a queue that stands otherwise', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    await topology.declare({ queues: [full] });
    const error = await topologyError(topology.declare({ queues: [{ ...full, maxLength: 11 }] }));
    expect(error).toMatchObject({ code: 'conflict', retryable: false });
    expect(error.message).toContain('"full"');
    expect(error.declared).toMatchObject({ arguments: { 'x-max-length': 11 } });
    expect(error.existing).toMatchObject({ name: 'full', arguments: { 'x-max-length': 10 } });
  });

  it('leaves a queue that stands under a name alone, whatever its definition', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    await topology.declare({ queues: [full] });
    await topology.declare({ queues: ['full', { name: 'full', passive: true }] });
    expect(await topology.inspect('full')).toMatchObject({ type: 'classic', arguments: { 'x-max-length': 10 } });
  });

  it('tells what a queue is and holds', async () => {
    const connection = connect({ uri: (await start()).uri });
    const { topology } = connection;
    await topology.declare({ queues: [full, { name: 'plain', type: 'quorum' }] });
    await connection.createSendClient('full').sendBatch([1, 2, 3]);
    await connection.createReceiveClient('plain').attach();
    expect(await topology.inspect('full')).toEqual({
      name: 'full',
      type: 'classic',
      messageCount: 3,
      consumerCount: 0,
      leader: undefined,
      durable: true,
      exclusive: false,
      autoDelete: false,
      deadLetters: true,
      arguments: expect.objectContaining({ 'x-max-priority': 5 }),
    });
    const plain = { type: 'quorum', messageCount: 0, consumerCount: 1, deadLetters: false };
    expect(await topology.inspect('plain')).toMatchObject(plain);
    const error = await topologyError(topology.inspect('nope'));
    expect(error).toMatchObject({ code: 'not-found' });
    expect(error.message).toContain('queue "nope"');
    await expect(topology.inspect('')).rejects.toBeInstanceOf(InvalidOptionsError);
  });

  it('refuses what is missing, each by name', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    await topology.declare({ queues: ['q'], exchanges: [{ name: 'e', type: 'topic' }] });
    const missing = [
      () => topology.declare({ queues: [{ name: 'nope', passive: true }] }),
      () => topology.declare({ exchanges: [{ name: 'nope', type: 'topic', passive: true }] }),
      () => topology.check({ queues: ['nope'] }),
      () => topology.check({ exchanges: [{ name: 'nope', type: 'topic' }] }),
      () => topology.check({ bindings: [{ exchange: 'e', queue: 'q', routingKey: 'nope' }] }),
      () => topology.bind({ exchange: 'nope', queue: 'q' }),
      () => topology.bind({ exchange: 'e', queue: 'nope' }),
      () => topology.purge('nope'),
    ];
    for (const work of missing) {
      const error = await topologyError(work());
      expect(error.code).toBe('not-found');
      expect(error.message).toContain('nope');
    }
  });

  it('finds a definition that differs without changing it', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    await topology.declare({ queues: [full] });
    const error = await topologyError(topology.check({ queues: [{ name: 'full', messageTtlMs: 1 }] }));
    expect(error).toMatchObject({ code: 'conflict' });
    expect(error.message).toContain('x-message-ttl is 60000, asked was 1');
    await topology.check({ queues: [full, 'full', { name: 'full', durable: true }] });
  });

  it('is made once, however often it is declared', async () => {
    const broker = await start();
    const { topology } = connect({ uri: broker.uri });
    const wanted = {
      queues: ['a', full],
      exchanges: [
        { name: 'e', type: 'topic' },
        { name: 'f', type: 'fanout' },
      ],
      bindings: [
        { exchange: 'e', queue: 'a', routingKey: 'orders.#' },
        { exchange: 'e', destinationExchange: 'f' },
        { exchange: 'e', queue: 'a', routingKey: 'k', arguments: { x: 'y' } },
      ],
    } as const;
    await topology.declare(wanted);
    await topology.declare(wanted);
    await topology.check(wanted);
    expect(broker.queues().map(({ name }) => name)).toEqual(expect.arrayContaining(['a', 'full']));
  });

  it('routes by its bindings until they are gone', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri });
    const binding = { exchange: 'e', queue: 'a', routingKey: 'orders.#', arguments: { x: 'y' } };
    await connection.topology.declare({
      queues: ['a'],
      exchanges: [{ name: 'e', type: 'topic' }],
      bindings: [binding],
    });
    const events = connection.createSendClient({ exchange: 'e', routingKey: 'orders.created' });
    expect(await events.send('one')).toMatchObject({ routed: true });
    await connection.topology.unbind(binding);
    await connection.topology.unbind(binding);
    expect(await events.send('two')).toMatchObject({ routed: false });
    expect(broker.queue('a').stats()).toMatchObject({ enqueued: 1 });
  });

  it('empties and deletes queues, and says how many messages went', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri });
    const { topology } = connection;
    await topology.declare({ queues: ['a'] });
    const client = connection.createSendClient('a');
    await client.sendBatch([1, 2, 3]);
    expect(await topologyError(topology.deleteQueue('a', { ifEmpty: true }))).toMatchObject({ code: 'in-use' });
    expect(await topology.purge('a')).toBe(3);
    await client.sendBatch([1, 2]);
    await client.close();
    expect(await topology.deleteQueue('a')).toBe(2);
    expect(await topology.deleteQueue('a')).toBe(0);
  });

  it('does not delete a queue with consumers if it shall not', async () => {
    const connection = connect({ uri: (await start({ queues: ['a'] })).uri });
    const client = connection.createReceiveClient('a');
    await client.attach();
    const error = await topologyError(connection.topology.deleteQueue('a', { ifUnused: true }));
    expect(error).toMatchObject({ code: 'in-use' });
  });

  it('refuses an argument of the wrong kind before it asks the peer', async () => {
    const { topology } = connect({ uri: 'amqp://localhost:1' });
    await expect(topology.purge('')).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(topology.bind({ exchange: 'e' })).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(topology.declare({ queues: [{ name: '' }] })).rejects.toBeInstanceOf(InvalidOptionsError);
  });

  it('refuses a delivery limit on a queue that cannot count', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    const error = await topologyError(topology.declare({ queues: [{ name: 'a', type: 'classic', deliveryLimit: 3 }] }));
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(error.message).toContain('quorum');
  });

  it('rejects after close()', async () => {
    const connection = connect({ uri: (await start()).uri });
    await connection.open();
    await connection.close();
    await expect(connection.topology.declare({ queues: ['a'] })).rejects.toBeInstanceOf(ClientClosedError);
  });

  it('is declared before links are attached, and again after the peer lost it', async () => {
    const first = await start({ autoCreateQueues: false });
    const { port } = first;
    const connection = connect({ uri: first.uri, topology: { queues: ['orders'] } });
    const client = connection.createSendClient('orders');
    await client.send('one');
    await first.stop();
    const second = await start({ autoCreateQueues: false, port: port ?? 0 });
    await client.send('two');
    expect(second.queue('orders').stats()).toMatchObject({ ready: 1 });
  });

  it('has the queue of a receive client that may declare it', async () => {
    const broker = await start({ autoCreateQueues: false });
    const connection = connect({ uri: broker.uri });
    const missing = connection.createReceiveClient('a');
    await expect(missing.attach()).rejects.toMatchObject({ condition: 'amqp:not-found' });
    const declaring = connection.createReceiveClient('a', { queues: 'declare' });
    await declaring.attach();
    expect(broker.queue('a').stats()).toMatchObject({ consumers: 1 });
  });

  it('has a queue that is durable and of type quorum where a receive client declares it', async () => {
    const connection = connect({ uri: (await start({ autoCreateQueues: false })).uri });
    await connection.createReceiveClient('a', { queues: 'declare' }).attach();
    const { topology } = connection;
    await topology.check({ queues: [{ name: 'a', type: 'quorum', durable: true }] });
    const other = await topologyError(topology.check({ queues: [{ name: 'a', type: 'classic', durable: true }] }));
    expect(other).toMatchObject({ code: 'conflict', existing: { type: 'quorum', durable: true } });
  });
});

describe('a connection to the embedded broker', () => {
  it('refuses a wrong password at once', async () => {
    const broker = await start({ users: { user: 'right' } });
    const wrong = connect({ uri: broker.uri, credentials: saslPlain('user', 'wrong') });
    await expect(wrong.open()).rejects.toBeInstanceOf(AuthenticationError);
    const right = connect({ uri: broker.uri, credentials: saslPlain('user', () => Promise.resolve('right')) });
    await right.open();
  });

  it('finds it by its name, without a socket', async () => {
    await start({ name: 'by-name', port: false });
    const connection = connect({ uri: 'embedded:by-name' });
    await connection.open();
    expect(connection.peer).toMatchObject({ profile: 'embedded', uri: 'embedded:by-name' });
  });

  it('comes back with its clients when the broker dies and returns, and nothing that was accepted is lost', async () => {
    const broker = await start({ queues: ['a'] });
    const connection = connect({ uri: broker.uri });
    const statuses: StatusEvent[] = [];
    connection.on('status', (event) => statuses.push(event));
    const client = connection.createSendClient('a');
    await client.send('one');
    broker.dropConnections();
    await client.send('two');
    expect(broker.queue('a').stats()).toMatchObject({ ready: 2 });
    expect(statuses.map(({ status }) => status)).toEqual([
      'connecting',
      'connected',
      'disconnected',
      'connecting',
      'connected',
    ]);
  });

  it('gives messages that a selector takes, and leaves the others', async () => {
    const broker = await start({ queues: ['a'] });
    const connection = connect({ uri: broker.uri });
    const sender = connection.createSendClient('a');
    await sender.send('red', { applicationProperties: { colour: 'red' } });
    await sender.send('blue', { applicationProperties: { colour: 'blue' } });
    const blue = connection.createReceiveClient({ queue: 'a', selector: "colour = 'blue'" });
    const [message] = await blue.receiveBatch({ maxMessages: 1, waitMs: 4_000 });
    expect(message?.body).toBe('blue');
    await message?.accept();
    expect(broker.queue('a').stats()).toMatchObject({ ready: 1 });
  });

  it('calls its listeners until they are taken off, and outlives one that throws', async () => {
    const logged: string[] = [];
    const write = (line: string): void => void logged.push(line);
    const connection = connect({ uri: (await start()).uri, logger: { log: write, warn: write, error: write } });
    const seen: string[] = [];
    const listener = ({ status }: StatusEvent): void => void seen.push(status);
    connection.on('status', () => {
      throw new Error('listener');
    });
    connection.on('status', listener);
    await connection.open();
    connection.off('status', listener).off('status', listener);
    await connection.close();
    expect(seen).toEqual(['connecting', 'connected']);
    expect(logged.filter((line) => line.includes('a status listener threw: listener'))).not.toEqual([]);
  });

  it('is the same for all clients, and takes them along when it is closed', async () => {
    const connection = connect({ uri: (await start({ queues: ['a'] })).uri });
    const client = connection.createSendClient('a');
    await client.send('one');
    await connection.close();
    expect(connection.status).toBe('closed');
    await expect(client.send('two')).rejects.toMatchObject({ code: 'client-closed', delivered: 'no' });
    expect(() => connection.createSendClient('a')).toThrow(ClientClosedError);
    expect(() => connection.createReceiveClient('a')).toThrow(ClientClosedError);
    await expect(connection.open()).rejects.toBeInstanceOf(ClientClosedError);
    await connection.close({ timeoutMs: Number.NaN });
  });

  it('refuses impossible targets and sources when the client is made', async () => {
    const connection = connect({ uri: 'amqp://localhost:1' });
    expect(() => connection.createSendClient('')).toThrow(InvalidOptionsError);
    expect(() => connection.createReceiveClient({ queue: 'a', topic: 'b' })).toThrow(InvalidOptionsError);
    expect(() => new AmqpConnection({ uri: 'amqp://localhost', tls: { ca: '' } })).toThrow(InvalidOptionsError);
    await connection.close();
  });
});

describe('a topic by capability, as JMS clients and unknown peers ask for it', () => {
  it('is refused by name, and not served by a queue', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri, profile: 'generic' });
    const why = /the embedded broker has no topics: .*amq\.topic/;
    const receiving = connection.createReceiveClient({ topic: 'news' }).subscribe(() => undefined);
    await expect(receiving.ready()).rejects.toMatchObject({
      condition: 'amqp:not-implemented',
      message: expect.stringMatching(why),
    });
    await expect(connection.createSendClient({ topic: 'news' }).send('x')).rejects.toThrow(why);
    expect(broker.queues()).toEqual([]);
  });
});

describe('a peer without a management of its own', () => {
  it('that makes no queue at an attach says so', async () => {
    const broker = await start({ autoCreateQueues: false });
    const { topology } = connect({ uri: broker.uri, profile: 'activemq' });
    const error = await topologyError(topology.declare({ queues: ['a'] }));
    expect(error).toMatchObject({ code: 'not-found', condition: 'amqp:not-found' });
    expect(error.message).toContain('queue "a"');
  });

  it('has queues by attaching to them, can be emptied, and refuses the rest by name', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri, profile: 'activemq' });
    const { topology } = connection;
    await topology.declare({ queues: ['a', { name: 'b', durable: true }] });
    expect(broker.queues().map(({ name }) => name)).toEqual(expect.arrayContaining(['a', 'b']));
    await connection.createSendClient('a').sendBatch(Array.from({ length: 1_500 }, (_, index) => index));
    expect(await topology.purge('a')).toBe(1_500);
    const refused = [
      [() => topology.declare({ queues: [{ name: 'c', messageTtlMs: 5 }] }), 'messageTtlMs of queue "c"'],
      [() => topology.declare({ queues: [{ name: 'c', type: 'quorum' }] }), 'not plain'],
      [() => topology.declare({ exchanges: [{ name: 'e', type: 'topic' }] }), 'exchanges and bindings'],
      [() => topology.check({ queues: ['a'] }), 'topology.check'],
      [() => topology.inspect('a'), 'inspection of queue "a"'],
      [() => topology.bind({ exchange: 'e', queue: 'a' }), 'exchanges and bindings'],
      [() => topology.unbind({ exchange: 'e', queue: 'a' }), 'exchanges and bindings'],
      [() => topology.deleteQueue('a'), 'deletion of queue "a"'],
      [() => topology.deleteExchange('e'), 'exchanges and bindings'],
    ] as const;
    for (const [work, what] of refused) {
      const error = await topologyError(work());
      expect(error.code).toBe('unsupported');
      expect(error.message).toContain(what);
    }
  });
});
