// Spans of clients on the embedded broker, as an exporter gets them.

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { propagation, SpanKind, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import {
  BatchError,
  createMessage,
  policy,
  RequestTimeoutError,
  type HandlerPolicy,
  type ReceivedMessage,
  type SendError,
} from '../../../lib/client/index.js';
import { AmqpInstrumentation } from '../../../lib/telemetry/index.js';
import { eventually } from '../../support/eventually.js';
import { FOREIGN, hasFailed, idOf, linksOf, msOf, parentOf, TestTelemetry, traceOf } from '../../support/telemetry.js';
import { rheaClose, rheaConnect, rheaSend, rheaSender } from '../broker/support/rhea-client.js';
import { Stage } from './support.js';

const stage = new Stage();
afterEach(() => stage.stop());

const firstOf = <T>([first]: readonly T[]): readonly [T] | undefined => (first === undefined ? undefined : [first]);
const failing = (): never => {
  throw new RangeError('secret 4711');
};

describe('a message', () => {
  it('carries the trace from its send through a handler to what that sends, over brokers', async () => {
    const { connection, telemetry } = await stage.start();
    const second = connection.createSendClient('second');
    connection.createReceiveClient('first').subscribe(async () => second.send('b'), { name: 'first consumer' });
    connection.createReceiveClient('second').subscribe(() => undefined);
    const { messageId } = await connection.createSendClient('first').send('a', { correlationId: 'c-1' });

    const [end] = await telemetry.named('process second');
    const [send] = await telemetry.named('send first');
    const [handle] = await telemetry.named('process first');
    const [sendOn] = await telemetry.named('send second');
    expect([parentOf(send), parentOf(handle), parentOf(sendOn), parentOf(end)]).toEqual(
      [undefined, idOf(send), idOf(handle), idOf(sendOn)], // one below the other
    );
    expect(new Set([send, handle, sendOn, end].map(traceOf)).size).toBe(1);
    expect([linksOf(send), linksOf(handle), linksOf(end)]).toEqual([[], [idOf(send)], [idOf(sendOn)]]);
    expect([send.kind, handle.kind]).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER]);
    const common = {
      'messaging.system': 'amqp',
      'messaging.destination.name': 'first',
      'messaging.client.id': 'here',
      'messaging.message.id': String(messageId),
      'messaging.message.conversation_id': 'c-1',
    };
    expect(send.attributes).toEqual({
      ...common,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
    });
    expect(handle.attributes).toEqual({
      ...common,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'amqp.consumer.name': 'first consumer',
    });
    expect([hasFailed(send), hasFailed(handle)]).toEqual([false, false]);
    expect(send.instrumentationScope.name).toBe('nestjs-amqp10');
  });

  it('that another client sent belongs to the trace that it says', async () => {
    const { connection, broker, telemetry } = await stage.start({}, { port: 0 });
    connection.createReceiveClient('orders').subscribe(() => undefined);
    const foreign = await rheaConnect(broker.port ?? 0);
    const sender = await rheaSender(foreign, 'orders');
    const state = { traceparent: FOREIGN.traceparent, tracestate: 'vendor=1', baggage: 'tenant=t1' };
    await rheaSend(sender, { body: 'x', application_properties: state });
    const [handled] = await telemetry.named('process orders');
    expect([traceOf(handled), parentOf(handled)]).toEqual([FOREIGN.traceId, FOREIGN.spanId]);
    expect(handled.spanContext().traceState?.serialize()).toBe('vendor=1');
    await rheaClose(foreign);
  });

  it('is told to another client by its application properties', async () => {
    const { connection, broker, telemetry } = await stage.start();
    await connection.createSendClient('orders').send('x', { applicationProperties: { own: 1 } });
    const [send] = await telemetry.named('send orders');
    expect(broker.queue('orders').messages()[0]?.applicationProperties).toEqual({
      own: 1,
      traceparent: `00-${traceOf(send)}-${idOf(send)}-01`,
    });
  });

  it('keeps the context that its maker gave it', async () => {
    const { connection, broker, telemetry } = await stage.start();
    const { traceparent, spanId, traceId } = FOREIGN;
    const made = createMessage({ body: 'x', applicationProperties: { traceparent } });
    const orders = connection.createSendClient('orders');
    await orders.send(made);
    const caller = await telemetry.tracerProvider.getTracer('test').startActiveSpan('caller', async (span) => {
      await orders.send('y', { applicationProperties: { traceparent } });
      span.end();
      return span;
    });
    const kept = broker.queue('orders').messages();
    expect(kept.map((one) => one.applicationProperties)).toEqual([{ traceparent }, { traceparent }]);
    const [alone, within] = await telemetry.named('send orders', 2);
    expect([alone.kind, linksOf(alone), parentOf(alone), traceOf(alone)]).toEqual([
      SpanKind.CLIENT,
      [spanId],
      spanId,
      traceId,
    ]);
    expect([within && linksOf(within), within && parentOf(within)]).toEqual([[spanId], caller.spanContext().spanId]);
  });

  it.each(['nonsense', '00-0-0-00', ''])(
    'with a malformed traceparent (%j) is handled, in a trace of its own',
    async (traceparent) => {
      const { connection, broker, telemetry } = await stage.start();
      connection.createReceiveClient('orders').subscribe(() => undefined);
      broker.queue('orders').publish('x', { applicationProperties: { traceparent } });
      const [handled] = await telemetry.named('process orders');
      expect([parentOf(handled), handled.links]).toEqual([undefined, []]);
      await broker.idle();
    },
  );

  it('brings its baggage to the handler, and on to what that sends', async () => {
    const { connection, broker } = await stage.start();
    const next = connection.createSendClient('next');
    connection.createReceiveClient('orders').subscribe(() => next.send('y'));
    broker.queue('orders').publish('x', { applicationProperties: { baggage: 'tenant=t1' } });
    const [sent] = await eventually('a message', () => firstOf(broker.queue('next').messages()));
    expect(sent.applicationProperties).toMatchObject({ baggage: 'tenant=t1' });
  });
});

describe('the handler', () => {
  it('runs within its span, whoever opened the connection', async () => {
    const telemetry = stage.registered();
    // What a socket brings, Node runs in the context in which the socket was made.
    const broker = await stage.broker({ port: 0, queues: ['orders'] });
    const connection = stage.connect(broker, { dial: undefined });
    const active: (string | undefined)[] = [];
    const tracer = telemetry.tracerProvider.getTracer('test');
    await tracer.startActiveSpan('first request of all', async (span) => {
      await connection.open();
      span.end();
    });
    connection
      .createReceiveClient('orders')
      .subscribe(() => void active.push(trace.getActiveSpan()?.spanContext().spanId));
    broker.queue('orders').publish('x');
    const [handled] = await telemetry.named('process orders');
    expect([parentOf(handled), active]).toEqual([undefined, [idOf(handled)]]);
  });

  it('begins a trace of its own where that is wanted, linked to the other', async () => {
    const { connection, telemetry } = await stage.start({ consumerSpan: 'link' });
    connection.createReceiveClient('orders').subscribe(() => undefined);
    await connection.createSendClient('orders').send('x');
    const [handled] = await telemetry.named('process orders');
    const [send] = await telemetry.named('send orders');
    expect([parentOf(handled), linksOf(handled)]).toEqual([undefined, [idOf(send)]]);
    expect(traceOf(handled)).not.toBe(traceOf(send));
  });

  it('has a span for each attempt, with the failure of that one', async () => {
    const { connection, telemetry } = await stage.start();
    let calls = 0;
    const errorPolicy = policy.retry({ attempts: 3, backoff: policy.fixed(1) });
    connection.createReceiveClient('orders').subscribe(() => ++calls < 3 && failing(), { errorPolicy });
    await connection.createSendClient('orders').send('x');
    const spans = await telemetry.named('process orders', 3);
    const [send] = await telemetry.named('send orders');
    expect(spans.map((span) => [span.attributes['amqp.delivery.attempt'], hasFailed(span), parentOf(span)])).toEqual([
      [undefined, true, idOf(send)],
      [2, true, idOf(send)],
      [3, false, idOf(send)],
    ]);
    expect(spans[0].attributes['error.type']).toBe('RangeError');
    expect(spans[0].events.map(({ name }) => name)).toEqual(['exception']);
    expect(JSON.stringify(spans[0].events)).not.toContain('secret');
  });

  it('of batches has one span, with a link to each message', async () => {
    const { connection, telemetry } = await stage.start();
    const sends = await connection.createSendClient('orders').sendBatch(['a', 'b', 'c']);
    const handler = (messages: ReceivedMessage[]): void => {
      throw new BatchError([{ message: messages[1] ?? 1, error: new RangeError('no') }]);
    };
    const batch = { maxMessages: 3, waitMs: 4_000 };
    connection.createReceiveClient('orders').subscribe(handler, { batch, errorPolicy: policy.reject('app:no') });
    const [handled] = await telemetry.named('process orders');
    const sent = await telemetry.named('send orders', 3);
    expect(linksOf(handled)).toEqual(sent.map(idOf));
    expect(handled.links.map((link) => link.attributes?.['messaging.message.id'])).toEqual(
      sends.map(({ messageId }) => String(messageId)),
    );
    expect(handled.attributes).toMatchObject({
      'messaging.batch.message_count': 3,
      'amqp.batch.failed_count': 1,
      'error.type': 'RangeError',
    });
    expect(parentOf(handled)).toBeUndefined();
    expect((await telemetry.named('reject orders')).map(parentOf)).toEqual([idOf(handled)]);
  });

  it('never sees a message that cannot be read; its span says so', async () => {
    const { connection, broker, telemetry } = await stage.start();
    connection.createReceiveClient('orders').subscribe(() => undefined, { errorPolicy: policy.reject('app:no') });
    broker
      .queue('orders')
      .publish(createMessage({ body: '{', bodyType: 'data', properties: { contentType: 'application/json' } }));
    const [handled] = await telemetry.named('process orders');
    expect([handled.attributes['error.type'], hasFailed(handled)]).toEqual(['decode', true]);
  });
});

describe('after a failure', () => {
  it('with an error whose name is no text, the message is settled, in one trace', async () => {
    const { connection, telemetry } = await stage.start();
    const fail = (): never => {
      throw Object.assign(new Error('x'), { name: Symbol('x') });
    };
    connection.createReceiveClient('orders').subscribe(fail, { errorPolicy: policy.reject('app:no') });
    await connection.createSendClient('orders').send('x');
    const [process] = await telemetry.named('process orders');
    const [reject] = await telemetry.named('reject orders');
    expect([hasFailed(process), parentOf(reject)]).toEqual([true, idOf(process)]);
  });

  it.each<[string, HandlerPolicy, string, Record<string, unknown>]>([
    ['reject', policy.reject('app:no'), 'rejected', { 'amqp.error.condition': 'app:no' }],
    ['release', policy.stop, 'released', {}],
    ['modify', policy.modify({ undeliverableHere: true }), 'modified', {}],
    ['modify', policy.redeliver({ maxDeliveries: 2, delayMs: 5 }), 'modified', {}],
  ])('the settlement (%s) has a span below the one that failed', async (name, errorPolicy, outcome, attributes) => {
    const { connection, telemetry } = await stage.start();
    connection.createReceiveClient('orders').subscribe(failing, { errorPolicy });
    await connection.createSendClient('orders').send('x');
    const [settled] = await telemetry.named(`${name} orders`);
    const [handled] = await telemetry.named('process orders');
    expect([parentOf(settled), settled.kind]).toEqual([idOf(handled), SpanKind.CLIENT]);
    expect(settled.attributes).toMatchObject({
      'messaging.operation.type': 'settle',
      'amqp.outcome': outcome,
      ...attributes,
    });
  });

  it('the dead letter is sent below it, and keeps the trace that it came with', async () => {
    const { connection, broker, telemetry } = await stage.start();
    connection.createReceiveClient('orders').subscribe(failing, { errorPolicy: policy.deadLetter('dead') });
    await connection.createSendClient('orders').send('x');
    const [dead] = await telemetry.named('send dead');
    const [handled] = await telemetry.named('process orders');
    const [send] = await telemetry.named('send orders');
    expect([parentOf(dead), linksOf(dead)]).toEqual([idOf(handled), [idOf(send)]]);
    await broker.idle();
    const { traceparent } = broker.queue('dead').messages()[0]?.applicationProperties ?? {};
    expect(traceparent).toContain(idOf(send));
  });

  it.each<['all' | 'none', number]>([
    ['all', 2],
    ['none', 0],
  ])('and after a success: settleSpans %s', async (settleSpans, expected) => {
    const { connection, broker, telemetry } = await stage.start({ settleSpans });
    const handle = (message: ReceivedMessage): void => void (message.body === 'bad' && failing());
    connection.createReceiveClient('orders').subscribe(handle, { errorPolicy: policy.reject() });
    await connection.createSendClient('orders').sendBatch(['good', 'bad']);
    await telemetry.named('process orders', 2);
    await broker.idle();
    const settled = telemetry.spans.filter((span) => span.attributes['messaging.operation.type'] === 'settle');
    expect(settled.map(({ name }) => name).toSorted()).toEqual(['accept orders', 'reject orders'].slice(0, expected));
    const handled = new Set((await telemetry.named('process orders', 2)).map(idOf));
    expect(settled.every((span) => handled.has(parentOf(span) ?? ''))).toBe(true);
  });
});

describe('a send', () => {
  it('that fails says how, and whether the peer may have it', async () => {
    const { connection, broker, telemetry } = await stage.start({}, { queues: ['orders'] });
    broker.queue('orders').inject({ kind: 'reject', condition: 'app:full', description: 'not today' });
    await connection
      .createSendClient('orders')
      .send('x')
      .catch((error: SendError) => error.code);
    const [send] = await telemetry.named('send orders');
    expect([hasFailed(send), send.attributes]).toEqual([
      true,
      expect.objectContaining({
        'error.type': 'rejected',
        'amqp.error.condition': 'app:full',
        'amqp.send.delivered': 'no',
      }),
    ]);
  });

  it('of a batch in one transfer has a span for each of its messages, which carries it', async () => {
    const { connection, broker, telemetry } = await stage.start();
    await connection.createSendClient('orders').sendBatchMessage(['a', 'b']);
    const sent = await telemetry.named('send orders', 2);
    expect(telemetry.spans).toHaveLength(2);
    const stored = broker.queue('orders').messages();
    expect(stored.map(({ applicationProperties }) => applicationProperties?.['traceparent'])).toEqual(
      sent.map((span) => expect.stringContaining(idOf(span))),
    );
  });

  it('within a span of the caller is its child', async () => {
    const { connection, telemetry } = await stage.start();
    const caller = await telemetry.tracerProvider.getTracer('test').startActiveSpan('caller', async (span) => {
      await connection.createSendClient('orders').send('x');
      span.end();
      return span.spanContext().spanId;
    });
    expect(parentOf((await telemetry.named('send orders'))[0])).toBe(caller);
  });

  it('to an exchange is called as the convention says', async () => {
    const { connection, telemetry } = await stage.start({}, { exchanges: [{ name: 'events', type: 'topic' }] });
    await connection.createSendClient({ exchange: 'events', routingKey: 'order.placed' }).send('x');
    const [send] = await telemetry.named('send events:order.placed');
    expect(send.attributes).toMatchObject({
      'messaging.destination.name': 'events:order.placed',
      'messaging.rabbitmq.destination.routing_key': 'order.placed',
      'amqp.send.routed': false,
    });
  });
});

describe('the peer on a span', () => {
  const portsOf = (spans: readonly ReadableSpan[]): unknown[] =>
    spans.map(({ attributes }) => attributes['server.port']);

  it('is the one that took the message, also of what was sent before any had answered', async () => {
    const telemetry = stage.registered();
    const gone = await stage.broker({ port: 0 });
    const broker = await stage.broker({ port: 0, queues: ['orders'] });
    const uri = [gone.uri, broker.uri];
    await gone.stop();
    const connection = stage.connect(broker, { uri, dial: undefined });
    const requested = connection.createRequestClient('orders').request('x', { timeoutMs: 4_000 });
    await connection.createSendClient('orders').send('a');
    connection.createReceiveClient('orders').subscribe(async ({ properties }) => {
      const { replyTo = '', messageId } = properties ?? {};
      if (replyTo !== '') await connection.createReplyClient(replyTo).send('y', { correlationId: messageId });
    });
    await requested;
    const spans = [...(await telemetry.named('send orders', 2)), ...(await telemetry.named('request orders'))];
    expect(portsOf(spans)).toEqual([broker.port, broker.port, broker.port]);
    const counted = await telemetry.metric('messaging.client.sent.messages');
    const durations = await telemetry.metric('messaging.client.operation.duration');
    expect(new Set([...counted, ...durations].map(({ attributes }) => attributes['server.port']))).toEqual(
      new Set([broker.port]),
    );
  });

  it('is another one when the connection has gone over to that', async () => {
    const telemetry = stage.registered();
    const first = await stage.broker({ port: 0, queues: ['orders'] });
    const second = await stage.broker({ port: 0, queues: ['orders'] });
    const connection = stage.connect(first, { uri: [first.uri, second.uri], dial: undefined });
    const ports = [first.port, second.port];
    const orders = connection.createSendClient('orders');
    await orders.send('a');
    await first.stop();
    await orders.send('b');
    expect(portsOf(await telemetry.named('send orders', 2))).toEqual(ports);
    const counted = await telemetry.metric('messaging.client.sent.messages');
    expect(counted.map(({ attributes, value }) => [attributes['server.port'], value])).toEqual(
      ports.map((port) => [port, 1]),
    );
  });
});

describe('messages that are fetched', () => {
  it('are settled in the trace that they came with, where nothing runs that has a span', async () => {
    const { connection, telemetry } = await stage.start({ settleSpans: 'all' });
    await connection.createSendClient('orders').send('x');
    const [message] = await connection.createReceiveClient('orders').receiveBatch({ maxMessages: 1, waitMs: 2_000 });
    await message?.accept();
    const [sent] = await telemetry.named('send orders');
    const [accepted] = await telemetry.named('accept orders');
    expect([parentOf(accepted), linksOf(accepted)]).toEqual([idOf(sent), [idOf(sent)]]);
  });

  it('are timed by the clock of all other spans, also when that was set since the process began', async () => {
    const { connection, telemetry } = await stage.start();
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
    try {
      await connection.createSendClient('orders').send('x');
      await connection.createReceiveClient('orders').receiveBatch({ maxMessages: 1, waitMs: 2_000 });
      const [sent] = await telemetry.named('send orders');
      const [received] = await telemetry.named('receive orders');
      expect(Math.abs(msOf(received.startTime) - msOf(sent.startTime))).toBeLessThan(60_000);
      expect(msOf(received.endTime)).toBeGreaterThanOrEqual(msOf(received.startTime));
    } finally {
      clock.mockRestore();
    }
  });

  it('have a span from the call on, with a link to each of them', async () => {
    const { connection, telemetry } = await stage.start();
    await connection.createSendClient('orders').sendBatch(['a', 'b']);
    const inbox = connection.createReceiveClient('orders');
    const messages = await inbox.receiveBatch({ maxMessages: 2, waitMs: 2_000 });
    for (const message of messages) await message.accept();
    expect(await inbox.receiveBatch({ maxMessages: 2, waitMs: 0 })).toEqual([]);
    const [received] = await telemetry.named('receive orders');
    const sent = await telemetry.named('send orders', 2);
    expect([received.kind, linksOf(received)]).toEqual([SpanKind.CLIENT, sent.map(idOf)]);
    expect(received.attributes['messaging.batch.message_count']).toBe(2);
    expect(msOf(received.duration)).toBeGreaterThanOrEqual(0);
    // What came to nothing is not told.
    expect(telemetry.spans.filter(({ name }) => name === 'receive orders')).toHaveLength(1);
  });

  it('give their context to spans of the user', async () => {
    const { connection, telemetry } = await stage.start();
    await connection.createSendClient('orders').send('a');
    for await (const message of connection.createReceiveClient('orders')) {
      const context = new AmqpInstrumentation().contextOf(message);
      expect(trace.getSpanContext(context)?.spanId).toBe(idOf((await telemetry.named('send orders'))[0]));
      await message.accept();
      break;
    }
    const [received] = await telemetry.named('receive orders');
    expect(received.attributes['messaging.message.id']).toBeDefined();
  });
});

describe('a request', () => {
  it('has a span around its message and the reply, in one trace with the one that answers', async () => {
    const { connection, telemetry } = await stage.start();
    const replies = connection.createSendClient(null);
    connection
      .createReceiveClient('prices')
      .subscribe(({ properties }: ReceivedMessage) =>
        replies.send(42, { to: properties?.replyTo ?? '', correlationId: properties?.correlationId ?? '' }),
      );
    const asked = await telemetry.tracerProvider.getTracer('test').startActiveSpan('caller', async (span) => {
      expect((await connection.createRequestClient('prices').request('apples')).body).toBe(42);
      span.end();
      return span.spanContext().spanId;
    });
    const [request] = await telemetry.named('request prices');
    const [send] = await telemetry.named('send prices');
    const [handled] = await telemetry.named('process prices');
    const [reply] = await telemetry.named('send (anonymous)');
    // Also though the request had to wait for its reply address.
    expect([parentOf(request), parentOf(send), parentOf(handled), parentOf(reply)]).toEqual([
      asked,
      idOf(request),
      idOf(send),
      idOf(handled),
    ]);
    expect(request.kind).toBe(SpanKind.CLIENT);
    expect(msOf(request.endTime)).toBeGreaterThanOrEqual(msOf(reply.startTime));
  });

  it('that nobody answers ends with its time-out', async () => {
    const { connection, telemetry } = await stage.start();
    await expect(connection.createRequestClient('prices').request('x', { timeoutMs: 30 })).rejects.toBeInstanceOf(
      RequestTimeoutError,
    );
    const [request] = await telemetry.named('request prices');
    expect([hasFailed(request), request.attributes['error.type']]).toEqual([true, 'request-timeout']);
  });

  it('that its caller gives up is no failure', async () => {
    const { connection, telemetry } = await stage.start();
    const giveUp = new AbortController();
    const asked = connection.createRequestClient('prices').request('x', { signal: giveUp.signal });
    giveUp.abort();
    await expect(asked).rejects.toMatchObject({ code: 'aborted' });
    expect(hasFailed((await telemetry.named('request prices'))[0])).toBe(false);
  });
});

describe('options', () => {
  it('spans: false makes none, and the trace goes on all the same', async () => {
    const { connection, broker, telemetry } = await stage.start({ spans: false });
    const next = connection.createSendClient('next');
    connection.createReceiveClient('orders').subscribe(() => next.send('y'));
    const { traceparent } = FOREIGN;
    broker.queue('orders').publish('x', { applicationProperties: { traceparent } });
    const [sent] = await eventually('a message', () => firstOf(broker.queue('next').messages()));
    expect(sent.applicationProperties).toEqual({ traceparent });
    expect(telemetry.spans).toEqual([]);
  });

  it('propagate: false writes and reads nothing', async () => {
    const { connection, broker, telemetry } = await stage.start({ propagate: false });
    await connection.createSendClient('orders').send('x');
    expect(broker.queue('orders').messages()[0]?.applicationProperties).toBeUndefined();
    connection.createReceiveClient('orders').subscribe(() => undefined);
    broker.queue('orders').publish('x', { applicationProperties: { traceparent: FOREIGN.traceparent } });
    const handled = await telemetry.named('process orders', 2);
    expect(handled.map((span) => [parentOf(span), span.links])).toEqual([
      [undefined, []],
      [undefined, []],
    ]);
  });

  it("propagate: 'message-annotations' writes there, and reads both", async () => {
    const { connection, broker, telemetry } = await stage.start({ propagate: 'message-annotations' });
    await connection.createSendClient('orders').send('x');
    const [send] = await telemetry.named('send orders');
    const [stored] = broker.queue('orders').messages();
    expect(stored?.applicationProperties).toBeUndefined();
    expect(stored?.messageAnnotations?.['x-opt-traceparent']).toContain(idOf(send));
    connection.createReceiveClient('orders').subscribe(() => undefined);
    expect(parentOf((await telemetry.named('process orders'))[0])).toBe(idOf(send));
  });

  it('attributes are added to every span; what they throw is not', async () => {
    const { connection, telemetry } = await stage.start({
      attributes: ({ name, message }) => {
        if (name === 'process') throw new Error('broken');
        return { 'app.subject': message?.properties?.subject ?? '' };
      },
    });
    connection.createReceiveClient('orders').subscribe(() => undefined);
    await connection.createSendClient('orders').send('x', { subject: 'order.placed' });
    expect((await telemetry.named('send orders'))[0].attributes['app.subject']).toBe('order.placed');
    expect((await telemetry.named('process orders'))[0].attributes['app.subject']).toBeUndefined();
  });

  it('system, and the providers, may be given', async () => {
    const own = new TestTelemetry();
    const { connection, telemetry } = await stage.start({ system: 'solace', tracerProvider: own.tracerProvider });
    await connection.createSendClient('orders').send('x');
    expect((await own.named('send orders'))[0].attributes['messaging.system']).toBe('solace');
    expect(telemetry.spans).toEqual([]);
  });
});

describe('names of which there are many', () => {
  it('never name a span: temporary nodes, reply addresses and what the anonymous terminus sends to', async () => {
    const { connection, telemetry } = await stage.start();
    const inbox = connection.createReceiveClient({ dynamic: true });
    inbox.subscribe(() => undefined);
    await inbox.attach();
    const { address } = inbox;
    await connection.createSendClient(null).send('x', { to: address });
    await connection.createReplyClient(address).send('y');
    const [received] = await telemetry.named('process (temporary)', 2);
    const [sent] = await telemetry.named('send (anonymous)');
    const [replied] = await telemetry.named('send (temporary)');
    expect(telemetry.spans.filter(({ name }) => name.includes(address))).toEqual([]);
    const flags = ({ attributes }: typeof sent): unknown[] => [
      attributes['messaging.destination.name'],
      attributes['messaging.destination.temporary'],
      attributes['messaging.destination.anonymous'],
    ];
    expect([received, sent, replied].map(flags)).toEqual([
      [address, true, undefined],
      [address, undefined, true],
      [address, true, undefined],
    ]);
  });

  it('are named by what they have in common, where the user says so', async () => {
    const destinationTemplate = (name: string): string | undefined =>
      name.startsWith('orders-of-') ? 'orders-of-{id}' : undefined;
    const { connection, telemetry } = await stage.start({ destinationTemplate });
    await connection.createSendClient('orders-of-4711').send('x');
    await connection.createSendClient(null).send('x', { to: 'orders-of-4712' });
    await connection.createSendClient('others').send('x');
    const spans = await telemetry.named('send orders-of-{id}', 2);
    expect(
      spans.map(({ attributes }) => [
        attributes['messaging.destination.template'],
        attributes['messaging.destination.name'],
      ]),
    ).toEqual([
      ['orders-of-{id}', 'orders-of-4711'],
      ['orders-of-{id}', 'orders-of-4712'],
    ]);
    await telemetry.named('send others');
  });
});

it('an SDK that is registered after the connection was made is used', async () => {
  const broker = await stage.broker({ queues: ['orders'] });
  const connection = stage.connect(broker);
  await connection.createSendClient('orders').send('before');
  expect(broker.queue('orders').messages()[0]?.applicationProperties).toBeUndefined();
  const telemetry = stage.registered();
  await connection.createSendClient('orders').send('after');
  expect(telemetry.spans.map(({ name }) => name)).toEqual(['send orders']);
  expect(propagation.fields()).toContain('traceparent');
});
