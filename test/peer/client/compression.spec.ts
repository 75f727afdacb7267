// Compressed bodies on the embedded broker: what is written, what is read, and what is not.

import { randomBytes } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  createMessage,
  DecodeError,
  EncodeError,
  policy,
  type AmqpMessage,
  type Compression,
  type ReceivedMessage,
  type RequestClientOptions,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { failure } from '../../support/failure.js';

const brokers: EmbeddedBroker[] = [];
const connections: AmqpConnection[] = [];
const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };

async function start(maxMessageBytes?: number): Promise<{ broker: EmbeddedBroker; connection: AmqpConnection }> {
  const broker = await EmbeddedBroker.start({ port: false, queues: ['q', 'dead'] });
  brokers.push(broker);
  const { uri, dial } = broker;
  const connection = new AmqpConnection({ uri, dial, logger: quiet, ...(maxMessageBytes && { maxMessageBytes }) });
  connections.push(connection);
  await connection.open();
  return { broker, connection };
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

const hasZstd = Number(process.versions.node.split('.')[0]) >= 23;

async function received(connection: AmqpConnection, count: number): Promise<ReceivedMessage[]> {
  const client = connection.createReceiveClient('q');
  const messages: ReceivedMessage[] = [];
  while (messages.length < count)
    messages.push(...(await client.receiveBatch({ maxMessages: count - messages.length, waitMs: 3_000 })));
  return messages;
}

const zipped = (body: Buffer, sections: Partial<AmqpMessage> = {}): AmqpMessage =>
  createMessage({
    body,
    bodyType: 'data',
    ...sections,
    properties: { contentType: 'application/json', contentEncoding: 'gzip', ...sections.properties },
  });

describe('get()', () => {
  it.each([0, 1, 100])('with prefetch %d waits until what has come is decompressed', async (prefetch) => {
    const { connection } = await start();
    const body = randomBytes(100_000);
    await connection.createSendClient('q').send(body, { compress: 'gzip' });
    const client = connection.createReceiveClient('q', { prefetch });
    expect((await client.get())?.body).toEqual(body);
  });
});

describe('a body', () => {
  it.each<Compression>(['gzip', 'deflate', 'br'])(
    'is compressed with %s, said so, and read again',
    async (compress) => {
      const { broker, connection } = await start();
      const value = { text: 'x'.repeat(10_000) };
      await connection.createSendClient('q').send(value, { compress });
      const [stored] = broker.queue('q').messages();
      expect(stored?.properties).toMatchObject({ contentEncoding: compress, contentType: 'application/json' });
      expect(Buffer.isBuffer(stored?.body) && stored.body.length).toBeLessThan(200);
      const [message] = await received(connection, 1);
      expect(message?.body).toEqual(value);
    },
  );

  it('is compressed with zstd where Node has it, and refused by name where not', async () => {
    const { connection } = await start();
    const sent = failure(connection.createSendClient('q').send('x', { compress: 'zstd' }));
    if (hasZstd) expect(await sent).toBeUndefined();
    else expect(String(await sent)).toContain('zstd');
  });

  it('that is being compressed keeps its place: the order of the calls is that on the wire', async () => {
    const { connection } = await start();
    const client = connection.createSendClient('q');
    const large = randomBytes(300_000).toString('hex');
    await Promise.all([
      client.send(`0${large}`, { compress: 'br' }),
      client.send('1'),
      client.send('2', { compress: 'gzip' }),
    ]);
    const order = (await received(connection, 3)).map(({ body }) => String(body)[0]);
    expect(order).toEqual(['0', '1', '2']);
  });

  it('that is being inflated keeps its place too', async () => {
    const { broker, connection } = await start();
    const large = gzipSync(JSON.stringify(randomBytes(300_000).toString('hex')));
    broker.queue('q').publish(zipped(large));
    for (const value of [1, 2, 3]) broker.queue('q').publish(value);
    const messages = await received(connection, 4);
    expect(messages.slice(1).map(({ body }) => body)).toEqual([1, 2, 3]);
    expect(messages[0]?.body).toHaveLength(600_000);
  });

  it.each<[string, AmqpMessage]>([
    ['gzip by another name', zipped(gzipSync('{"a":1}'), { properties: { contentEncoding: 'X-GZIP' } })],
    ['deflate that is called gzip', zipped(deflateSync('{"a":1}'))],
    [
      'what kombu compressed',
      zipped(deflateSync('{"a":1}'), {
        properties: { contentEncoding: 'utf-8' },
        applicationProperties: { compression: 'application/x-gzip' },
      }),
    ],
  ])('is read that is %s', async (_name, sent) => {
    const { broker, connection } = await start();
    broker.queue('q').publish(sent);
    const [message] = await received(connection, 1);
    expect(message?.body).toEqual({ a: 1 });
  });

  it('of an encoding that nobody knows stays as it is', async () => {
    const { broker, connection } = await start();
    broker.queue('q').publish(zipped(Buffer.from('{"a":1}'), { properties: { contentEncoding: 'utf-8' } }));
    const [message] = await received(connection, 1);
    expect(message?.body).toEqual({ a: 1 });
  });

  it('goes on compressed when the message is sent on', async () => {
    const { broker, connection } = await start();
    broker.queue('q').publish(zipped(gzipSync('{"a":1}')));
    const [message] = await received(connection, 1);
    await connection.createSendClient('dead').send(message);
    const [stored] = broker.queue('dead').messages();
    expect([stored?.properties?.contentEncoding, stored?.body]).toEqual(['gzip', gzipSync('{"a":1}')]);
  });

  it.each<[string, Buffer, string]>([
    ['a bomb', gzipSync(Buffer.alloc(200_000_000)), 'message-too-large'],
    ['no such thing', Buffer.from('not zipped at all'), 'decode'],
    ['cut off', gzipSync('{"a":1}').subarray(0, 15), 'decode'],
    ['what its codec cannot read', gzipSync('{'), 'decode'],
  ])('that is %s goes to the policy, and the next message is handled', async (_name, body, code) => {
    const { broker, connection } = await start(1_000_000);
    const errors: unknown[] = [];
    const handled: unknown[] = [];
    connection.createReceiveClient('q').subscribe((message) => void handled.push(message.body), {
      errorPolicy: (error, failed) => {
        errors.push(error);
        return policy.deadLetter('dead')(error, failed);
      },
    });
    broker.queue('q').publish(zipped(body));
    broker.queue('q').publish('next');
    await eventually('both are through', () => broker.queue('q').stats().accepted === 2);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(DecodeError);
    expect(errors[0]).toMatchObject({ code });
    expect(handled).toEqual(['next']);
    // The dead letter is what came.
    expect(broker.queue('dead').messages()[0]?.body).toEqual(body);
  });

  it.each<[string, unknown, object]>([
    ['an unknown one', 'x', { compress: 'lzma' }],
    ['a value body', { a: 1 }, { compress: 'gzip', bodyType: 'value' }],
    ['a message that is encoded already', 'x', { compress: 'gzip', contentEncoding: 'gzip' }],
  ])('is not compressed: %s', async (_name, value, options) => {
    const { broker, connection } = await start();
    expect(await failure(connection.createSendClient('q').send(value, options))).toBeInstanceOf(EncodeError);
    expect(broker.queue('q').stats().enqueued).toBe(0);
  });
});

describe('compressed replies', () => {
  const large = (): Buffer => gzipSync(JSON.stringify(randomBytes(300_000).toString('hex')));
  const reply = (kind: string, body: Buffer): AmqpMessage =>
    zipped(body, { properties: { correlationId: 'c' }, applicationProperties: { 'x-reply': kind } });

  async function ask(options: RequestClientOptions, next: () => void = () => undefined) {
    const { broker, connection } = await start();
    const told: string[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      const requests = connection.createRequestClient('q', { replyTo: 'dead', ...options });
      const handler = {
        next: ({ body }: ReceivedMessage): void => {
          told.push(typeof body);
          next();
        },
        complete: () => resolve(),
        error: reject,
      };
      requests.stream('?', { correlationId: 'c' }, handler);
    });
    await eventually('the request is there', () => broker.queue('q').stats().ready === 1);
    return { answers: broker.queue('dead'), told, ended };
  }

  it('are not overtaken by the end of their stream', async () => {
    const { answers, told, ended } = await ask({});
    answers.publish(reply('next', large()));
    answers.publish(null, { correlationId: 'c', applicationProperties: { 'x-reply': 'complete' } });
    await ended;
    expect(told).toEqual(['string']);
  });

  it('take their place in the credit until they are inflated', async () => {
    const waiting: number[] = [];
    const asked = await ask({ replyPrefetch: 1 }, () => waiting.push(asked.answers.stats().ready));
    const { answers, ended } = asked;
    for (const kind of ['next', 'next', 'value']) answers.publish(reply(kind, large()));
    await ended;
    expect(waiting).toEqual([2, 1, 0]);
  });
});
