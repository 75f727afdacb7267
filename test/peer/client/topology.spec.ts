import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, topicMatches, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  InvalidOptionsError,
  TopologyError,
  type ConnectionOptions,
  type ReceiveClient,
} from '../../../lib/client/index.js';

const brokers: EmbeddedBroker[] = [];
const connections: AmqpConnection[] = [];

async function start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ autoCreateQueues: false, ...options });
  brokers.push(broker);
  return broker;
}

function connect(options: ConnectionOptions): AmqpConnection {
  const connection = new AmqpConnection({
    bootTimeoutMs: 5_000,
    reconnect: { initialDelayMs: 4, maxDelayMs: 50 },
    refusedRetryMs: 50,
    ...options,
  });
  connections.push(connection);
  return connection;
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (reason: unknown) => reason,
  );

async function bodies(client: ReceiveClient, maxMessages: number): Promise<unknown[]> {
  const batch = await client.receiveBatch({ maxMessages, waitMs: 3_000 });
  await Promise.all(batch.map((message) => message.accept()));
  return batch.map(({ body }) => body);
}

describe('exchanges', () => {
  it('are durable and stay unless they say otherwise, and stand under one definition', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    await topology.declare({ exchanges: [{ name: 'e', type: 'topic' }] });
    const same = { name: 'e', type: 'topic', durable: true, autoDelete: false, internal: false } as const;
    await topology.declare({ exchanges: [same] });
    for (const other of [
      { ...same, durable: false },
      { ...same, autoDelete: true },
      { ...same, type: 'fanout' } as const,
    ]) {
      const error = await failure(topology.declare({ exchanges: [other] }));
      expect(error).toBeInstanceOf(TopologyError);
      expect(error).toMatchObject({ code: 'conflict', declared: { type: other.type, durable: other.durable } });
      expect(String(error)).toContain('exchange "e" stands with another definition');
    }
    const unknown = { name: 'e', type: 'x-random' } as unknown as typeof same;
    expect(await failure(topology.declare({ exchanges: [unknown] }))).toBeInstanceOf(InvalidOptionsError);
  });

  it('of the peer itself are looked for, not declared', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    await topology.declare({ exchanges: [{ name: 'amq.topic', type: 'topic', autoDelete: true }] });
    const error = await failure(topology.declare({ exchanges: [{ name: 'amq.nope', type: 'topic' }] }));
    expect(error).toMatchObject({ code: 'not-found' });
  });

  it('route by exact key, by pattern, to everybody, and by headers; a queue is reached by its name', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri });
    await connection.topology.declare({
      queues: ['a', 'b'],
      exchanges: [
        { name: 'direct', type: 'direct' },
        { name: 'topic', type: 'topic' },
        { name: 'fanout', type: 'fanout' },
        { name: 'headers', type: 'headers' },
      ],
      bindings: [
        { exchange: 'direct', queue: 'a', routingKey: 'k' },
        { exchange: 'topic', queue: 'a', routingKey: 'a.#' },
        { exchange: 'topic', queue: 'b', routingKey: 'a.*' },
        { exchange: 'fanout', queue: 'a', routingKey: 'ignored' },
        { exchange: 'fanout', queue: 'b' },
        { exchange: 'headers', queue: 'a', arguments: { colour: 'red', size: 1, 'x-kind': 'skipped' } },
        { exchange: 'headers', queue: 'b', arguments: { 'x-match': 'any-with-x', colour: 'red', 'x-kind': 'seen' } },
      ],
    });
    const reached = async (target: object | string, properties = {}): Promise<[number, number]> => {
      await connection.createSendClient(target).send('m', { applicationProperties: properties });
      return [broker.queue('a').purge(), broker.queue('b').purge()];
    };
    expect(await reached({ exchange: 'direct', routingKey: 'k' })).toEqual([1, 0]);
    expect(await reached({ exchange: 'direct', routingKey: 'K' })).toEqual([0, 0]);
    expect(await reached({ exchange: 'topic', routingKey: 'a' })).toEqual([1, 0]);
    expect(await reached({ exchange: 'topic', routingKey: 'a.b' })).toEqual([1, 1]);
    expect(await reached({ exchange: 'fanout', routingKey: 'whatever' })).toEqual([1, 1]);
    expect(await reached({ exchange: 'headers' }, { colour: 'red', size: 1 })).toEqual([1, 1]);
    expect(await reached({ exchange: 'headers' }, { 'x-kind': 'seen' })).toEqual([0, 1]);
    expect(await reached('b')).toEqual([0, 1]);
  }, 20_000);

  it('are matched in a test without any broker', () => {
    expect(topicMatches('a.#', 'a')).toBe(true);
    expect(topicMatches('a.*', 'a')).toBe(false);
  });

  it('feed each other until they are unbound', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri });
    const { topology } = connection;
    const onwards = { exchange: 'in', destinationExchange: 'out', routingKey: 'go', arguments: { x: 1 } };
    await topology.declare({
      queues: ['end'],
      exchanges: [
        { name: 'in', type: 'direct' },
        { name: 'out', type: 'fanout' },
      ],
      bindings: [onwards, { exchange: 'out', queue: 'end' }],
    });
    const sender = connection.createSendClient({ exchange: 'in', routingKey: 'go' });
    expect(await sender.send('bound')).toMatchObject({ routed: true });
    await topology.unbind({ ...onwards, arguments: { x: 2 } });
    expect(await sender.send('still bound')).toMatchObject({ routed: true });
    await topology.unbind(onwards);
    expect(await sender.send('unbound')).toMatchObject({ routed: false });
    expect(broker.queue('end').stats()).toMatchObject({ ready: 2 });
    expect(await failure(topology.bind({ ...onwards, destinationExchange: 'nope' }))).toMatchObject({
      code: 'not-found',
    });
  });

  it('are deleted also when they are gone, and not on a condition that the peer cannot look at', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    await topology.declare({ exchanges: [{ name: 'e', type: 'topic' }] });
    const error = await failure(topology.deleteExchange('e', { ifUnused: true }));
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(String(error)).toContain('deletion of exchange "e" only if it is unused');
    await topology.check({ exchanges: [{ name: 'e', type: 'topic' }] });
    await topology.deleteExchange('e');
    await topology.deleteExchange('e');
    expect(await failure(topology.check({ exchanges: [{ name: 'e', type: 'topic' }] }))).toMatchObject({
      code: 'not-found',
    });
  });
});

describe('bindings', () => {
  it('with the same key are told apart by their arguments when one is taken away', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri });
    const { topology } = connection;
    const by = (colour: string) => ({ exchange: 'h', queue: 'q', routingKey: 'k', arguments: { colour } });
    await topology.declare({
      queues: ['q'],
      exchanges: [{ name: 'h', type: 'headers' }],
      bindings: [by('red'), by('blue'), by('blue')],
    });
    await topology.unbind(by('red'));
    await topology.check({ bindings: [by('blue')] });
    const sender = connection.createSendClient({ exchange: 'h', routingKey: 'k' });
    expect(await sender.send(1, { applicationProperties: { colour: 'red' } })).toMatchObject({ routed: false });
    expect(await sender.send(2, { applicationProperties: { colour: 'blue' } })).toMatchObject({ routed: true });
    expect(broker.queue('q').stats()).toMatchObject({ ready: 1 });
  });
});

describe('queues', () => {
  it('have a name of their own, chosen here where the peer gives none', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri });
    for (const queues of [[''], [{ name: '' }]])
      expect(await failure(connection.topology.declare({ queues }))).toBeInstanceOf(InvalidOptionsError);
    const name = randomUUID();
    await connection.topology.declare({ queues: [{ name, exclusive: true, autoDelete: true }] });
    await connection.createSendClient(name).send('to nobody else');
    expect(await bodies(connection.createReceiveClient(name), 1)).toEqual(['to nobody else']);
  });

  it('that are exclusive are closed to other connections, and come back with their own', async () => {
    const broker = await start();
    const mine = { name: 'mine', exclusive: true } as const;
    const connection = connect({ uri: broker.uri, topology: { queues: [mine] } });
    const inbox = connection.createReceiveClient('mine');
    await inbox.attach();
    expect(await connection.topology.inspect('mine')).toMatchObject({ exclusive: true, autoDelete: false });
    // its owner may go, so that trying again makes sense
    const stranger = connect({ uri: broker.uri, bootTimeoutMs: 1_500 });
    const refused = await failure(stranger.createReceiveClient('mine').attach());
    expect(String(refused)).toContain('amqp:resource-locked');
    // as an answer to it does
    await stranger.createSendClient('mine').send('from elsewhere');
    expect(await bodies(inbox, 1)).toEqual(['from elsewhere']);
    await stranger.close();
    broker.dropConnections();
    await connection.createSendClient('mine').send('after the drop');
    expect(await bodies(inbox, 1)).toEqual(['after the drop']);
  });

  it('that are auto-delete go with their last consumer', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri });
    await connection.topology.declare({ queues: [{ name: 'passing', autoDelete: true }] });
    const inbox = connection.createReceiveClient('passing');
    await inbox.attach();
    await inbox.close();
    expect(await failure(connection.topology.inspect('passing'))).toMatchObject({ code: 'not-found' });
  });

  it('take their arguments in milliseconds and bytes, and further ones as the peer names them', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    const queue = {
      name: 'q',
      type: 'classic',
      messageTtlMs: 60_000,
      expiresMs: 3_600_000,
      maxLength: 10,
      maxLengthBytes: 4_096,
      maxPriority: 9,
      overflow: 'reject-publish',
      deadLetterExchange: 'dlx',
      deadLetterRoutingKey: 'dead',
      arguments: { 'x-single-active-consumer': true, 'x-max-length': 11n },
    } as const;
    await topology.declare({ queues: [queue] });
    expect((await topology.inspect('q')).arguments).toEqual({
      'x-queue-type': 'classic',
      'x-message-ttl': 60_000,
      'x-expires': 3_600_000,
      'x-max-length': 11,
      'x-max-length-bytes': 4_096,
      'x-max-priority': 9,
      'x-overflow': 'reject-publish',
      'x-dead-letter-exchange': 'dlx',
      'x-dead-letter-routing-key': 'dead',
      'x-single-active-consumer': true,
    });
    await topology.declare({ queues: [{ name: 'limited', type: 'quorum', deliveryLimit: 5 }] });
    expect((await topology.inspect('limited')).arguments).toMatchObject({ 'x-delivery-limit': 4 });
  });

  it('lose what nobody holds when they are purged, and say how much that was', async () => {
    const broker = await start({ queues: ['q'] });
    const connection = connect({ uri: broker.uri });
    await connection.createSendClient('q').sendBatch([1, 2, 3, 4, 5]);
    const held = await connection
      .createReceiveClient('q', { prefetch: 2 })
      .receiveBatch({ maxMessages: 2, waitMs: 4_000 });
    expect(held).toHaveLength(2);
    expect(await connection.topology.purge('q')).toBe(3);
    expect(broker.queue('q').stats()).toMatchObject({ ready: 0, unsettled: 2 });
    expect(await connection.topology.purge('q')).toBe(0);
    await Promise.all(held.map((message) => message.accept()));
  });

  it('may be asked for all at once: one request after the other is made, and each gets its own answer', async () => {
    const { topology } = connect({ uri: (await start()).uri });
    const names = Array.from({ length: 30 }, (_, n) => `q${n}`);
    await Promise.all(names.map((name) => topology.declare({ queues: [name] })));
    const infos = await Promise.all(names.map((name) => topology.inspect(name)));
    expect(infos.map(({ name }) => name)).toEqual(names);
    expect(await failure(topology.declare({ queues: [{ name: 'nope', passive: true }] }))).toMatchObject({
      code: 'not-found',
    });
  });
});

describe('what is kept', () => {
  it('is declared again when the connection comes back, by its full definition, before the links', async () => {
    const first = await start();
    const connection = connect({ uri: first.uri });
    const { topology } = connection;
    const mine = { name: 'mine', exclusive: true, maxLength: 3 } as const;
    const bound = { exchanges: [{ name: 'e', type: 'fanout' }], bindings: [{ exchange: 'e', queue: 'mine' }] } as const;
    await topology.declare({ queues: [mine] }, { kept: true });
    await topology.declare({ queues: [mine], ...bound }, { kept: true });
    await topology.declare({ queues: ['once'] });
    const inbox = connection.createReceiveClient('mine');
    await inbox.attach();
    const { port = 0 } = first;
    await first.stop();
    const second = await start({ port });
    await connection.createSendClient({ exchange: 'e' }).send('routed again');
    expect(await bodies(inbox, 1)).toEqual(['routed again']);
    expect(await topology.inspect('mine')).toMatchObject({ arguments: { 'x-max-length': 3 } });
    expect(second.queues().map(({ name }) => name)).toEqual(['mine']);
  });

  it('does not come back once it was deleted, alone and with what was declared beside it', async () => {
    const first = await start();
    const connection = connect({ uri: first.uri });
    const { topology } = connection;
    const exchanges = [
      { name: 'e', type: 'fanout' },
      { name: 'gone', type: 'fanout' },
    ] as const;
    const bindings = [
      { exchange: 'e', queue: 'stays' },
      { exchange: 'e', queue: 'deleted' },
      { exchange: 'e', queue: 'unbound', routingKey: 'k' },
      { exchange: 'gone', queue: 'stays' },
    ];
    await topology.declare({ exchanges, queues: ['stays', 'deleted', 'unbound'], bindings }, { kept: true });
    await topology.declare({ queues: ['alone'] }, { kept: true });
    await topology.deleteQueue('deleted');
    await topology.deleteQueue('alone');
    await topology.deleteExchange('gone');
    await topology.unbind({ exchange: 'e', queue: 'unbound', routingKey: 'k', arguments: {} });
    const { port = 0 } = first;
    await first.stop();
    const second = await start({ port });
    await connection.createSendClient({ exchange: 'e' }).send('again');
    expect(second.queues().map((queue) => [queue.name, queue.stats().ready])).toEqual([
      ['stays', 1],
      ['unbound', 0],
    ]);
    expect(await failure(topology.check({ exchanges: [exchanges[1]] }))).toMatchObject({ code: 'not-found' });
  });

  it('comes back where it could not be deleted', async () => {
    const first = await start();
    const connection = connect({ uri: first.uri });
    await connection.topology.declare({ queues: ['full'] }, { kept: true });
    await connection.createSendClient('full').send('keeps it');
    expect(await failure(connection.topology.deleteQueue('full', { ifEmpty: true }))).toMatchObject({ code: 'in-use' });
    const { port = 0 } = first;
    await first.stop();
    const second = await start({ port });
    await connection.createSendClient('full').send('again');
    expect(second.queues().map(({ name }) => name)).toEqual(['full']);
  });

  it('does not keep the connection down when it cannot be declared again', async () => {
    const warnings: string[] = [];
    const write = (): void => undefined;
    const logger = { log: write, warn: (line: string) => void warnings.push(line), error: write };
    const first = await start();
    const connection = connect({ uri: first.uri, logger });
    await connection.topology.declare({ queues: [{ name: 'q', maxLength: 3 }] }, { kept: true });
    const { port = 0 } = first;
    await first.stop();
    await start({ port, queues: ['q', 'other'] });
    await connection.createSendClient('other').send('works');
    expect(warnings.filter((line) => line.includes('cannot be declared again'))).toHaveLength(1);
    expect(await failure(connection.topology.declare({}, { kept: 1 } as object))).toBeInstanceOf(InvalidOptionsError);
  });
});

describe("kombu's helpers, composed", () => {
  it('broadcast: a fanout exchange, and a queue of its own for each who listens', async () => {
    const broker = await start();
    const news = { name: 'news', type: 'fanout' } as const;
    const inboxes = await Promise.all(
      [1, 2, 3].map(async () => {
        const connection = connect({ uri: broker.uri });
        const queue = `bcast.${randomUUID()}`;
        await connection.topology.declare(
          {
            exchanges: [news],
            queues: [{ name: queue, exclusive: true, autoDelete: true }],
            bindings: [{ exchange: 'news', queue }],
          },
          { kept: true },
        );
        const inbox = connection.createReceiveClient(queue);
        await inbox.attach();
        return inbox;
      }),
    );
    await connect({ uri: broker.uri }).createSendClient({ exchange: 'news', routingKey: 'any' }).send('to all');
    expect(await Promise.all(inboxes.map((inbox) => bodies(inbox, 1)))).toEqual([['to all'], ['to all'], ['to all']]);
    expect(broker.queues()).toHaveLength(3);
  });

  it('simple queue: put, get with a time limit, size, clear', async () => {
    const connection = connect({ uri: (await start({ queues: ['simple'] })).uri });
    const [put, get] = [
      connection.createSendClient('simple'),
      connection.createReceiveClient('simple', { prefetch: 1 }),
    ];
    expect(await get.receiveBatch({ maxMessages: 1, waitMs: 20 })).toEqual([]);
    await put.sendBatch(['one', 'two', 'three']);
    const [message] = await get.receiveBatch({ maxMessages: 1, waitMs: 4_000 });
    expect(message?.body).toBe('one');
    await message?.accept();
    await get.close();
    expect(await connection.topology.inspect('simple')).toMatchObject({ messageCount: 2 });
    expect(await connection.topology.purge('simple')).toBe(2);
  });
});

describe('a delay', () => {
  it('is in the annotation that the peer reads', async () => {
    const broker = await start({ queues: ['work'] });
    const connection = connect({ uri: broker.uri });
    const sentAt = performance.now();
    await connection.createSendClient('work').send('later', { delayMs: 1_500 });
    const inbox = connection.createReceiveClient('work');
    expect(await inbox.receiveBatch({ maxMessages: 1, waitMs: 20 })).toEqual([]);
    const [message] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 5_000 });
    expect(message?.body).toBe('later');
    expect(performance.now() - sentAt).toBeGreaterThan(1_450);
    await message?.accept();
  });
});

describe('a delay where the peer has none', () => {
  it('is refused by name, and had by a queue that holds messages until they are dead', async () => {
    const broker = await start();
    const connection = connect({ uri: broker.uri, profile: 'rabbitmq-4' });
    await connection.topology.declare({
      queues: [
        'work',
        { name: 'work.in-a-moment', messageTtlMs: 200, deadLetterExchange: '', deadLetterRoutingKey: 'work' },
      ],
    });
    const refused = await failure(connection.createSendClient('work').send('later', { delayMs: 200 }));
    expect(refused).toMatchObject({ name: 'SendError', code: 'not-supported', delivered: 'no' });
    const sentAt = performance.now();
    await connection.createSendClient('work.in-a-moment').send('later');
    const [message] = await connection.createReceiveClient('work').receiveBatch({ maxMessages: 1, waitMs: 5_000 });
    expect(message?.body).toBe('later');
    expect(performance.now() - sentAt).toBeGreaterThan(190);
    await message?.accept();
  });
});
