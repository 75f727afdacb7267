// The envelope of Nest's RMQ transport, byte for byte; test/brokers/nest-rmq.spec.ts has the real thing on a RabbitMQ 4.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';

import { EmbeddedBroker } from '../../lib/broker/index.js';
import {
  AmqpClientProxy,
  AmqpConnection,
  AmqpContext,
  AmqpRecordBuilder,
  AmqpTransportStrategy,
  type ReceivedMessage,
  rmqEnvelope,
} from '../../lib/index.js';
import { gate, Seen } from './harness.js';
import { all, failure, tell } from './scenarios/stage.js';
import { Sums } from './scenarios/sums.js';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const told = new Seen<unknown>();

@Controller()
class Service extends Sums {
  @MessagePattern('record')
  record(): unknown {
    return new AmqpRecordBuilder({ ok: true }).setOptions({ applicationProperties: { tenant: 'acme' } }).build();
  }
  @MessagePattern('fails')
  fails(): never {
    throw new RpcException('no');
  }
  @EventPattern<unknown>('told')
  told(@Payload() data: unknown, @Ctx() context: AmqpContext): void {
    told.add([context.getPattern(), data]);
  }
}

let broker: EmbeddedBroker;
let connection: AmqpConnection;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  broker = await EmbeddedBroker.start({ port: false, queues: ['work', 'answers'] });
  connection = new AmqpConnection({ uri: broker.uri, dial: broker.dial, logger: quiet });
  ends.push(
    () => broker.stop(),
    () => connection.close(),
  );
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const bytes = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('a server with the envelope', () => {
  beforeEach(async () => {
    @Module({ controllers: [Service] })
    class AppModule {}
    const { uri, dial } = broker;
    const strategy = new AmqpTransportStrategy({ uri, dial, sources: 'work', ...rmqEnvelope.server });
    const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
    ends.push(() => app.close());
    await app.listen();
  });

  /** As Nest's RMQ client writes it: no subject, no content type. */
  async function send(body: Buffer, options: { replyTo?: string; correlationId?: string; subject?: string } = {}) {
    const { subject, ...properties } = options;
    const client = connection.createSendClient('work');
    await client.send(body, { ...properties, ...(subject === undefined ? {} : { subject }) });
  }

  async function answers(count: number): Promise<readonly ReceivedMessage[]> {
    const inbox = connection.createReceiveClient('answers');
    const got: ReceivedMessage[] = [];
    while (got.length < count) got.push(...(await inbox.receiveBatch({ maxMessages: count, waitMs: 4_000 })));
    for (const message of got) await message.accept();
    return got;
  }

  it.each([
    ['a value', { pattern: { cmd: 'sum' }, data: [1, 2], id: 'a' }, [{ id: 'c', response: 3, isDisposed: true }]],
    [
      'a pattern as text',
      { pattern: '{"cmd":"sum"}', data: [1], id: 'a' },
      [{ id: 'c', response: 1, isDisposed: true }],
    ],
    [
      'a stream',
      { pattern: 'stream', data: [1, 2], id: 'a' },
      [
        { id: 'c', response: 1 },
        { id: 'c', response: 2 },
        { id: 'c', isDisposed: true },
      ],
    ],
    [
      'an error',
      { pattern: 'fails', data: 0, id: 'a' },
      [{ id: 'c', err: { status: 'error', message: 'no' }, isDisposed: true }],
    ],
    ['a record', { pattern: 'record', data: 0, id: 'a' }, [{ id: 'c', response: { ok: true }, isDisposed: true }]],
  ])('answers a request as Nest does: %s', async (_what, request, expected) => {
    await send(bytes(request), { replyTo: 'answers', correlationId: 'c' });
    const replies = await answers(expected.length);
    expect(replies.map(({ body }) => body)).toEqual(expected);
    expect(replies.map(({ properties }) => properties?.correlationId)).toEqual(expected.map(() => 'c'));
    if (request.pattern === 'record') expect(replies[0]?.applicationProperties).toMatchObject({ tenant: 'acme' });
  });

  it('takes events, and what has no envelope by its subject', async () => {
    const before = told.values.length;
    await send(bytes({ pattern: 'told', data: { a: 1 } }));
    await send(bytes('no JSON'), { subject: 'told' });
    await send(bytes('[1, 2]'), { subject: 'told' });
    await send(bytes({ data: [1], total: 3 }), { subject: 'told' });
    await send(bytes({ pattern: 'x', data: [1], total: 3 }), { subject: 'told' });
    await told.count(before + 5);
    expect(told.values.slice(before)).toEqual([
      ['told', { a: 1 }],
      ['told', bytes('no JSON')],
      ['told', [1, 2]],
      ['told', { data: [1], total: 3 }],
      ['told', { pattern: 'x', data: [1], total: 3 }],
    ]);
  });

  it('takes no key that would change a prototype', async () => {
    const before = told.values.length;
    await send(bytes('{"pattern":"told","data":{"__proto__":{"admin":true},"a":1}}'));
    await told.count(before + 1);
    expect(told.values.at(-1)).toEqual(['told', { a: 1 }]);
  });
});

describe('a proxy with the envelope', () => {
  /** A service that answers as Nest's RMQ server does: bytes, no `x-reply`. */
  function respond(
    bodies: readonly unknown[],
    applicationProperties: Record<string, unknown> = {},
  ): { readonly asked: Seen<unknown>; readonly client: AmqpClientProxy } {
    const asked = new Seen<unknown>();
    const sender = connection.createSendClient(null);
    connection.createReceiveClient('work').subscribe(async ({ body, properties }) => {
      asked.add(body);
      const { replyTo: to, correlationId } = properties ?? {};
      if (to === undefined) return;
      for (const reply of bodies) await sender.send(bytes(reply), { to, correlationId, applicationProperties });
    });
    const { uri, dial } = broker;
    const client = new AmqpClientProxy({ uri, dial, target: 'work', logger: quiet, ...rmqEnvelope.client });
    ends.push(() => client.close());
    return { asked, client };
  }

  it('asks with an id, and tells without one', async () => {
    const { asked, client } = respond([{ response: 'x', isDisposed: true }]);
    await all(client, { cmd: 'sum' }, [1]);
    await tell(client, 'told', 2);
    await asked.count(2);
    expect(asked.values).toEqual([
      { pattern: '{"cmd":"sum"}', data: [1], id: expect.stringMatching(/./) },
      { pattern: 'told', data: 2 },
    ]);
  });

  it.each([
    ['one value', [{ id: 'a', response: 6, isDisposed: true }], [6]],
    ['a stream whose last value says so', [{ response: 1 }, { response: 2, isDisposed: true }], [1, 2]],
    ['a stream whose end comes by itself', [{ response: 1 }, { response: 2 }, { isDisposed: true }], [1, 2]],
    ['nothing', [{ isDisposed: true }], []],
    ['what is no envelope', [{ plain: true }], [{ plain: true }]],
    ['what is no JSON', ['text'], [bytes('text')]],
  ])('reads %s', async (_what, bodies, expected) => {
    const { client } = respond(bodies);
    expect(await all(client, 'any')).toEqual(expected);
  });

  it('fails with the error of a reply, and drops what comes after it', async () => {
    const { client } = respond([{ err: { code: 7 } }, { response: 1, isDisposed: true }]);
    expect(await failure(client, 'any')).toEqual({ code: 7 });
  });

  it('fails with an error reply that has no envelope', async () => {
    const { client } = respond([{ status: 'error', message: 'no' }], { 'x-reply': 'error' });
    expect(await failure(client, 'any')).toEqual({ status: 'error', message: 'no' });
  });

  it('is not kept waiting by a stream that does not go on', async () => {
    const gone = gate();
    respond([{ response: 1 }]);
    const heard: unknown[] = [];
    const brief = new AmqpClientProxy({
      uri: broker.uri,
      dial: broker.dial,
      target: 'work',
      logger: quiet,
      requestTimeoutMs: 1_200,
      ...rmqEnvelope.client,
    });
    ends.push(() => brief.close());
    brief
      .send('any', {})
      .subscribe({ next: (value) => heard.push(value), error: (error) => (heard.push(error), gone.open()) });
    await gone.opened;
    expect(heard).toEqual([1, expect.objectContaining({ code: 'request-timeout' })]);
  });
});
