import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import { resolveBrokerOptions } from '../../../lib/broker/resolve-broker-options.js';
import { InvalidOptionsError, VERSION } from '../../../lib/protocol/acceptor/index.js';

const resolve = (options: object): unknown => resolveBrokerOptions(options, 'test');

function failure(options: unknown): InvalidOptionsError {
  try {
    resolve(options as object);
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('options that cannot work', () => {
  it.each<[string, object]>([
    ['prot', { prot: 5 }],
    ['name', { name: '' }],
    ['name', { name: 5 }],
    ['host', { host: '' }],
    ['port', { port: -1 }],
    ['port', { port: 65_536 }],
    ['port', { port: true }],
    ['port', { port: '5672' }],
    ['users', { users: [] }],
    ['users.guest', { users: { guest: '' } }],
    ['users.guest', { users: { guest: 5 } }],
    ['users', { users: { '': 'x' } }],
    ['allowAnonymous', { allowAnonymous: 'yes' }],
    ['allowAnonymous', { allowAnonymous: false }],
    ['queues', { queues: 'orders' }],
    ['queues[0]', { queues: [''] }],
    ['queues[0]', { queues: ['/orders'] }],
    ['queues[0]', { queues: [5] }],
    ['queues[1].name', { queues: ['a', { durable: true }] }],
    ['queues[1].name', { queues: ['a', 'a'] }],
    ['queues[0].maxLenght', { queues: [{ name: 'a', maxLenght: 1 }] }],
    ['queues[0].maxLength', { queues: [{ name: 'a', maxLength: -1 }] }],
    ['queues[0].maxDeliveries', { queues: [{ name: 'a', maxDeliveries: 0 }] }],
    ['queues[0].deliveryLimit', { queues: [{ name: 'a', deliveryLimit: 1.5 }] }],
    ['queues[0].deliveryLimit', { queues: [{ name: 'a', deliveryLimit: 3, maxDeliveries: 3 }] }],
    ['queues[0].messageTtlMs', { queues: [{ name: 'a', messageTtlMs: 'soon' }] }],
    ['queues[0].overflow', { queues: [{ name: 'a', overflow: 'explode' }] }],
    ['queues[0].type', { queues: [{ name: 'a', type: 'stream' }] }],
    ['queues[0].maxPriority', { queues: [{ name: 'a', maxPriority: 256 }] }],
    ['queues[0].exclusive', { queues: [{ name: 'a', exclusive: true }] }],
    ['queues[0].deadLetter', { queues: [{ name: 'a', deadLetter: 'b', deadLetterExchange: 'x' }] }],
    ['queues[0].deadLetterExchange', { queues: [{ name: 'a', deadLetterRoutingKey: 'k' }] }],
    ['queues[0].arguments', { queues: [{ name: 'a', arguments: 5 }] }],
    ['exchanges[0]', { exchanges: ['x'] }],
    ['exchanges[0].type', { exchanges: [{ name: 'x', type: 'queue' }] }],
    ['exchanges[0].name', { exchanges: [{ type: 'direct' }] }],
    ['bindings[0].exchange', { bindings: [{ queue: 'q' }] }],
    ['bindings[0].queue', { bindings: [{ exchange: 'x' }] }],
    ['bindings[0].queue', { bindings: [{ exchange: 'x', queue: 'q', destinationExchange: 'y' }] }],
    ['bindings[0].routingKey', { bindings: [{ exchange: 'x', queue: 'q', routingKey: 5 }] }],
    ['autoCreateQueues', { autoCreateQueues: 1 }],
    ['maxFrameSize', { maxFrameSize: 511 }],
    ['maxMessageBytes', { maxMessageBytes: 0 }],
    ['maxConnections', { maxConnections: 0 }],
    ['maxLinksPerConnection', { maxLinksPerConnection: 0.5 }],
    ['senderCredit', { senderCredit: 0 }],
    ['idleTimeoutMs', { idleTimeoutMs: -1 }],
    ['cbs', { cbs: true }],
    ['cbs.require', { cbs: { require: true } }],
    ['cbs.validate', { cbs: { validate: 'yes' } }],
  ])('name %s: %j', (option, options) => {
    expect(failure(options)).toMatchObject({ option, code: 'invalid-options', retryable: false });
    expect(failure(options).message).toContain(`${option} must be `);
  });

  it.each([[null], [[]], ['x'], [5]])('are no object: %j', (options) => {
    expect(failure(options).option).toBe('options');
  });

  it('never show a password', () => {
    const { message } = failure({ users: { guest: 'sec\0ret' } });
    expect(message).not.toContain('sec');
    expect(failure({ password: 'hunter2' }).message).not.toContain('hunter2');
  });

  it.each<[string, object]>([
    ['bindings[0].exchange', { bindings: [{ exchange: 'nope', queue: 'q' }], queues: ['q'] }],
    ['bindings[0].queue', { bindings: [{ exchange: 'amq.direct', queue: 'nope' }] }],
    ['bindings[0].destinationExchange', { bindings: [{ exchange: 'amq.direct', destinationExchange: 'nope' }] }],
    ['exchanges[0].name', { exchanges: [{ name: 'amq.topic', type: 'direct' }] }],
    [
      'exchanges[0].arguments.alternate-exchange',
      { exchanges: [{ name: 'x', type: 'direct', arguments: { 'alternate-exchange': 5 } }] },
    ],
  ])('are found at the latest when it starts: %s', async (option, options) => {
    await expect(EmbeddedBroker.start({ port: false, ...options })).rejects.toMatchObject({ option });
  });
});

describe('where NODE_ENV is production', () => {
  const before = process.env['NODE_ENV'];
  afterEach(() => {
    process.env['NODE_ENV'] = before;
  });

  it('it does not start, unless it is told to', async () => {
    process.env['NODE_ENV'] = 'production';
    await expect(EmbeddedBroker.start({ port: false })).rejects.toMatchObject({ option: 'allowInProduction' });
    const broker = await EmbeddedBroker.start({ port: false, allowInProduction: true });
    await broker.stop();
  });
});

describe('a started broker', () => {
  it('is found by its name, which is taken until it is stopped', async () => {
    const broker = await EmbeddedBroker.start({ name: 'shop', port: false });
    try {
      expect(EmbeddedBroker.find('shop')).toBe(broker);
      expect([broker.name, broker.uri, broker.port]).toEqual(['shop', 'embedded:shop', undefined]);
      await expect(EmbeddedBroker.start({ name: 'shop', port: false })).rejects.toMatchObject({ option: 'name' });
      const registry: unknown = Reflect.get(globalThis, Symbol.for('nestjs-amqp10:embedded-brokers'));
      expect(registry).toBeInstanceOf(Map);
    } finally {
      await broker.stop();
      await broker.stop();
    }
    expect(EmbeddedBroker.find('shop')).toBeUndefined();
    const again = await EmbeddedBroker.start({ name: 'shop', port: false });
    await again.stop();
  });

  it('of one name starts once, however close two calls come', async () => {
    const results = await Promise.allSettled([
      EmbeddedBroker.start({ name: 'twin' }),
      EmbeddedBroker.start({ name: 'twin' }),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    for (const result of results) if (result.status === 'fulfilled') await result.value.stop();
  });

  it('leaves its name free when its port was taken', async () => {
    const first = await EmbeddedBroker.start();
    await expect(EmbeddedBroker.start({ name: 'late', port: first.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    expect(EmbeddedBroker.find('late')).toBeUndefined();
    const second = await EmbeddedBroker.start({ name: 'late', port: false });
    await Promise.all([first.stop(), second.stop()]);
  });

  it('has the queues of its options, those that dead letters need, and no others', async () => {
    const broker = await EmbeddedBroker.start({
      port: false,
      queues: ['a', { name: 'b', deadLetter: 'b.dead', maxDeliveries: 3 }],
      exchanges: [{ name: 'x', type: 'fanout' }],
      bindings: [{ exchange: 'x', queue: 'a' }],
    });
    expect(broker.queues().map(({ name }) => name)).toEqual(['a', 'b', 'b.dead']);
    expect(() => broker.queue('c')).toThrow('there is no queue "c"; there is "a", "b", "b.dead"');
    await broker.stop();
  });

  it('is idle although a queue that nobody consumes holds messages', async () => {
    const broker = await EmbeddedBroker.start({ port: false, queues: ['a'] });
    broker.queue('a').publish('x');
    await broker.idle({ timeoutMs: 1_000 });
    await broker.stop();
  });

  it('takes no more byte streams once it is stopped', async () => {
    const broker = await EmbeddedBroker.start({ port: false });
    await broker.stop();
    await expect(broker.dial({ uri: broker.uri, signal: AbortSignal.timeout(1_000) })).rejects.toMatchObject({
      code: 'connect-failed',
    });
  });

  it('says the version of its package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(VERSION).toBe(version);
  });
});

describe('what a queue is given by hand', () => {
  it.each<[string, unknown, object, object]>([
    [
      'an object',
      { id: 1 },
      {},
      { body: { id: 1 }, bodyType: 'data', properties: { contentType: 'application/json' } },
    ],
    ['a text', 'hello', {}, { body: 'hello', properties: { contentType: 'text/plain; charset=utf-8' } }],
    [
      'bytes',
      Buffer.from([1, 2]),
      {},
      { body: Buffer.from([1, 2]), properties: { contentType: 'application/octet-stream' } },
    ],
    ['a value', { a: 1 }, { bodyType: 'value' }, { body: { a: 1 }, bodyType: 'value' }],
    [
      'options',
      'x',
      { subject: 's', messageId: 'm', priority: 7, ttlMs: 60_000, applicationProperties: { a: 1 }, durable: false },
      {
        header: { priority: 7, ttl: 60_000 },
        properties: { subject: 's', messageId: 'm' },
        applicationProperties: { a: 1 },
      },
    ],
    [
      'a whole message',
      { body: { id: 2 }, bodyType: 'value', properties: { messageId: 'own' } },
      {},
      { body: { id: 2 }, bodyType: 'value', properties: { messageId: 'own' } },
    ],
  ])('comes back as %s', async (_name, value, options, expected) => {
    const broker = await EmbeddedBroker.start({ port: false, queues: ['a'] });
    broker.queue('a').publish(value, options);
    expect(broker.queue('a').messages()).toMatchObject([{ deliveryCount: 0, ...expected }]);
    await broker.stop();
  });

  it.each<[string, (queue: ReturnType<EmbeddedBroker['queue']>) => void]>([
    ['mandatory', (queue) => queue.publish('x', { mandatory: true })],
    ['value', (queue) => queue.publish(undefined)],
    ['fault.kind', (queue) => queue.inject({ kind: 'explode' as 'reject' })],
    ['fault.times', (queue) => queue.inject({ kind: 'reject', times: 0 })],
    ['fault.after', (queue) => queue.inject({ kind: 'reject', after: -1 })],
    ['fault.time', (queue) => queue.inject({ kind: 'reject', time: 1 } as { kind: 'reject' })],
  ])('is refused with the name of what cannot be: %s', async (option, act) => {
    const broker = await EmbeddedBroker.start({ port: false, queues: ['a'] });
    expect(() => act(broker.queue('a'))).toThrow(expect.objectContaining({ option }));
    await broker.stop();
  });

  it('is shown as bytes when it cannot be read', async () => {
    const broker = await EmbeddedBroker.start({ port: false, queues: ['a'] });
    broker.queue('a').publish('{ no json', { contentType: 'application/json; charset=utf-8', bodyType: 'data' });
    const [message] = broker.queue('a').messages();
    expect(message?.body).toBe('{ no json');
    broker.queue('a').publish(Buffer.from('{ no json'), { contentType: 'application/json' });
    expect(broker.queue('a').messages()[1]?.body).toEqual(Buffer.from('{ no json'));
    await broker.stop();
  });
});
