// Request clients on the embedded broker: requests, replies, and what becomes of them when something breaks.

import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  createMessage,
  RequestError,
  SendError,
  type ConnectionOptions,
  type ReceivedMessage,
  type SendOptions,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { decodeMessage, ScriptedPeer } from '../../support/scripted-peer.js';
import { LATE_MS } from '../../support/time.js';

const brokers: EmbeddedBroker[] = [];
const connections: AmqpConnection[] = [];
const peers: ScriptedPeer[] = [];
const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };

async function start(): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ port: false, queues: ['prices'] });
  brokers.push(broker);
  return broker;
}

async function connect(broker: EmbeddedBroker, options: Partial<ConnectionOptions> = {}): Promise<AmqpConnection> {
  const reconnect = { initialDelayMs: 2, maxDelayMs: 10 };
  const { uri, dial } = broker;
  const connection = new AmqpConnection({ uri, dial, reconnect, logger: quiet, ...options });
  connections.push(connection);
  await connection.open();
  return connection;
}

type Answer = readonly [value: unknown, kind?: string];

/** Answers each request with what `answers` makes of it, as a peer without this library would: plain sends. */
async function responder(
  connection: AmqpConnection,
  answers: (message: ReceivedMessage) => readonly Answer[],
): Promise<ReceivedMessage[]> {
  const seen: ReceivedMessage[] = [];
  const reply = connection.createSendClient(null);
  const subscription = connection.createReceiveClient('prices').subscribe(
    async (message) => {
      seen.push(message);
      const { replyTo = '', correlationId, messageId } = message.properties ?? {};
      for (const [value, kind] of answers(message)) {
        const options: SendOptions = { to: replyTo, ...(kind && { applicationProperties: { 'x-reply': kind } }) };
        const id = correlationId ?? messageId;
        await reply.send(value, id === undefined ? options : { ...options, correlationId: id });
      }
    },
    { concurrency: 64 },
  );
  await subscription.ready();
  return seen;
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

describe('a request', () => {
  it('fails with RequestTimeoutError when nobody answers, and the late reply goes to nobody', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const requests = connection.createRequestClient('prices');
    await expect(requests.request('?', { timeoutMs: 400, ttlMs: 10_000 })).rejects.toMatchObject({
      code: 'request-timeout',
      retryable: true,
    });
    const seen = await responder(connection, ({ body }) => [[body]]);
    expect((await requests.request('b')).body).toBe('b');
    expect(seen.map(({ body }) => body)).toEqual(['?', 'b']);
  });

  it('fails with RequestError and the body of an error reply', async () => {
    const connection = await connect(await start());
    await responder(connection, () => [[{ status: 'error', message: 'no such price' }, 'error']]);
    const failed = connection.createRequestClient('prices').request({ id: 1 });
    await expect(failed).rejects.toBeInstanceOf(RequestError);
    await expect(failed).rejects.toMatchObject({
      code: 'request-failed',
      body: { status: 'error', message: 'no such price' },
    });
  });

  it('fails at once when the broker has no such place for it', async () => {
    const connection = await connect(await start());
    const requests = connection.createRequestClient({ exchange: 'amq.direct', routingKey: 'nobody' });
    await expect(requests.request('?')).rejects.toMatchObject({ name: 'SendError', code: 'released', delivered: 'no' });
  });

  it('fails at once and typed when the connection is lost, and the next one is answered', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const requests = connection.createRequestClient('prices');
    const asked = requests.request('?');
    await eventually('the request is there', () => broker.queue('prices').stats().ready === 1);
    const startedAt = performance.now();
    broker.dropConnections();
    await expect(asked).rejects.toMatchObject({ code: 'connection-lost', retryable: true });
    expect(performance.now() - startedAt).toBeLessThan(LATE_MS);
    broker.queue('prices').purge();
    await responder(connection, () => [['again']]);
    expect((await requests.request('?')).body).toBe('again');
  });

  it('is given up by its signal', async () => {
    const connection = await connect(await start());
    const requests = connection.createRequestClient('prices');
    const aborted = requests.request('?', { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'aborted', delivered: 'no' });
    const controller = new AbortController();
    const asked = requests.request('?', { signal: controller.signal });
    controller.abort();
    await expect(asked).rejects.toBeInstanceOf(SendError);
  });

  it('fails when its client or its connection is closed', async () => {
    const connection = await connect(await start());
    const [one, two] = [connection.createRequestClient('prices'), connection.createRequestClient('prices')];
    const asked = [one.request('?'), two.request('?')].map((request) => request.catch((error: unknown) => error));
    await one.close();
    await one.close();
    await connection.close();
    expect(await Promise.all(asked)).toMatchObject([{ code: 'client-closed' }, { code: 'client-closed' }]);
    await expect(one.request('?')).rejects.toMatchObject({ code: 'client-closed' });
  });

  it.each<[string, SendOptions | undefined, string]>([
    ['an unknown option', { ttl: 1 } as SendOptions, 'invalid-options'],
    ['a value without a form', undefined, 'encode'],
  ])('is refused for %s', async (_name, options, code) => {
    const connection = await connect(await start());
    const circular: { self?: unknown } = {};
    circular.self = circular;
    await expect(connection.createRequestClient('prices').request(circular, options)).rejects.toMatchObject({ code });
  });

  it('is not durable, lives as long as its time-out and says where replies go', async () => {
    const connection = await connect(await start());
    const seen = await responder(connection, ({ body }) => [[body]]);
    const reply = await connection.createRequestClient('prices', { timeoutMs: 4_000 }).request({ id: 7 });
    expect(reply.body).toEqual({ id: 7 });
    expect(seen[0]?.header?.durable).toBe(false);
    // The broker takes off what passed while it had the message.
    expect(Math.round((seen[0]?.header?.ttl ?? 0) / 1_000)).toBe(4);
    expect(seen[0]?.properties?.replyTo).toMatch(/./);
  });

  it('takes a reply to a message made by hand, whatever the kind of its id', async () => {
    const connection = await connect(await start());
    await responder(connection, ({ body }) => [[body]]);
    const requests = connection.createRequestClient('prices');
    const message = createMessage({ body: 'x', bodyType: 'value' });
    for (const messageId of ['1', 1n, Buffer.from('1')])
      expect((await requests.request(message, { messageId })).body).toBe('x');
  });

  it('takes the first of a stream of replies', async () => {
    const connection = await connect(await start());
    await responder(connection, () => [
      ['first', 'next'],
      ['second', 'next'],
      [null, 'complete'],
    ]);
    expect((await connection.createRequestClient('prices').request('?')).body).toBe('first');
  });

  it('gets its own reply, as each of a thousand at once does', async () => {
    const connection = await connect(await start());
    await responder(connection, ({ body }) => [[{ to: body }]]);
    const requests = connection.createRequestClient('prices');
    const replies = await Promise.all(Array.from({ length: 1_000 }, (_, id) => requests.request(id)));
    expect(replies.map(({ body }) => body)).toEqual(Array.from({ length: 1_000 }, (_, to) => ({ to })));
  });

  it('gets its own reply, as each of a hundred clients does where channels are short', async () => {
    const connection = await connect(await start(), { channelMax: 15 });
    await responder(connection, ({ body }) => [[{ to: body }]]);
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, id) => connection.createRequestClient('prices').request(id)),
    );
    expect(replies.map(({ body }) => body)).toEqual(Array.from({ length: 100 }, (_, to) => ({ to })));
  });

  it('gets replies on a queue that was set up for them', async () => {
    const connection = await connect(await start());
    const seen = await responder(connection, ({ body }) => [[body]]);
    const requests = connection.createRequestClient('prices', { replyTo: 'answers' });
    expect((await requests.request('?')).body).toBe('?');
    expect(seen[0]?.properties?.replyTo).toBe('answers');
  });

  it("goes out with its queue's bare name where that is asked for, or with an address that names none as it is", async () => {
    const peer = await ScriptedPeer.listen();
    peers.push(peer);
    const lines: string[] = [];
    const logger = { ...quiet, warn: (line: string) => void lines.push(line) };
    const connection = new AmqpConnection({ uri: peer.uri, logger, profile: 'rabbitmq-3' });
    connections.push(connection);
    for (const replyTo of ['/amq/queue/my%20replies', '/amq/queue/100%']) {
      const asked = connection.createRequestClient('prices', { replyTo, replyToAs: 'queue' }).request('?');
      asked.catch(() => undefined); // nobody answers
      await peer.nextDelivery();
    }
    const sent = peer.deliveries.map(({ payload }) => decodeMessage(payload).properties?.['replyTo']);
    expect(sent).toEqual(['my replies', '/amq/queue/100%']);
    expect(lines).toEqual([expect.stringContaining('"/amq/queue/100%" is no queue\'s address')]);
  });

  it('gets replies on an exclusive queue where that is what the peer has', async () => {
    const broker = await start();
    const connection = await connect(broker, { profile: 'rabbitmq-4', topology: { queues: ['prices'] } });
    const seen = await responder(connection, ({ body }) => [[body]]);
    const requests = connection.createRequestClient('prices');
    expect((await requests.request('?')).body).toBe('?');
    expect(seen[0]?.properties?.replyTo).toMatch(/^\/queues\/reply-/);
  });

  it('says what to set where the peer makes no reply address', async () => {
    const connection = await connect(await start(), { profile: 'azure' });
    await expect(connection.createRequestClient('prices').request('?')).rejects.toMatchObject({
      name: 'LinkError',
      message: expect.stringContaining('replyTo'),
    });
  });
});

describe('a stream of replies', () => {
  it('hands on every reply, then the end', async () => {
    const connection = await connect(await start());
    await responder(connection, () => [
      [1, 'next'],
      [2, 'next'],
      [null, 'complete'],
      [3, 'next'],
    ]);
    const told: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      connection.createRequestClient('prices').stream('?', undefined, {
        next: ({ body }) => told.push(body),
        complete: () => resolve(),
        error: reject,
      });
    });
    expect(told).toEqual([1, 2]);
  });

  it('times out when the next reply does not come', async () => {
    const connection = await connect(await start());
    await responder(connection, () => [[1, 'next']]);
    const told: unknown[] = [];
    const error = await new Promise((resolve) => {
      connection.createRequestClient('prices', { timeoutMs: 1_500 }).stream('?', undefined, {
        next: ({ body }) => told.push(body),
        complete: () => resolve(undefined),
        error: resolve,
      });
    });
    expect([told, error]).toMatchObject([[1], { code: 'request-timeout' }]);
  });
});
