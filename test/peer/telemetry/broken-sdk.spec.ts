// Whatever OpenTelemetry does, no message is lost by it.

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  INVALID_SPAN_CONTEXT,
  propagation,
  trace,
  type Meter,
  type MeterProvider,
  type TextMapPropagator,
  type TracerProvider,
} from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import { policy } from '../../../lib/client/index.js';
import { AmqpInstrumentation, type AmqpInstrumentationOptions } from '../../../lib/telemetry/index.js';
import { TestTelemetry } from '../../support/telemetry.js';
import { Stage } from './support.js';

const stage = new Stage();
afterEach(async () => {
  propagation.disable();
  await stage.stop();
});

const broken = (): never => {
  throw new Error('broken');
};

const brokenPropagator: TextMapPropagator = { inject: broken, extract: broken, fields: broken };

/** Each of its methods throws. */
const brokenSpan = new Proxy(trace.wrapSpanContext(INVALID_SPAN_CONTEXT), { get: () => broken });
const tracersWhoseSpansThrow: TracerProvider = {
  getTracer: () => ({ startSpan: () => brokenSpan, startActiveSpan: broken }),
};
const tracersThatThrow: TracerProvider = { getTracer: () => ({ startSpan: broken, startActiveSpan: broken }) };
const instrument = { add: broken, record: broken };
// Only what is used of it.
const meter = {
  createHistogram: () => instrument,
  createCounter: () => instrument,
  createUpDownCounter: () => instrument,
} as unknown as Meter;
const metersThatThrow: MeterProvider = { getMeter: () => meter };

describe('messages come through', () => {
  it.each<[string, AmqpInstrumentationOptions]>([
    ['a tracer that throws', { tracerProvider: tracersThatThrow }],
    ['spans that throw', { tracerProvider: tracersWhoseSpansThrow }],
    ['meters that throw', { meterProvider: metersThatThrow }],
    ['attributes and templates that throw', { attributes: broken, destinationTemplate: broken }],
    ['all of them', { tracerProvider: tracersWhoseSpansThrow, meterProvider: metersThatThrow, attributes: broken }],
  ])('%s, with a propagator that throws', async (_name, options) => {
    propagation.setGlobalPropagator(brokenPropagator);
    const broker = await stage.broker({ queues: ['orders', 'dead'] });
    const connection = stage.connect(broker, { observer: new AmqpInstrumentation(options) });
    const bodies: unknown[] = [];
    const errorPolicy = policy.retry({ attempts: 2, backoff: policy.fixed(1), then: policy.deadLetter('dead') });
    const handle = ({ body }: { body: unknown }): void => {
      bodies.push(body);
      if (body === 'bad') throw new Error('no');
    };
    connection.createReceiveClient('orders').subscribe(handle, { errorPolicy, concurrency: 1 });
    const orders = connection.createSendClient('orders');
    await orders.send('a', { applicationProperties: { traceparent: 'own' } });
    await orders.sendBatch(['bad', 'b']);
    await broker.idle();
    expect(bodies).toEqual(['a', 'bad', 'bad', 'b']);
    const { accepted, ready, unsettled } = broker.queue('orders').stats();
    expect([accepted, ready, unsettled]).toEqual([3, 0, 0]);
    expect(broker.queue('dead').stats().ready).toBe(1);
    await expect(connection.createRequestClient('nobody').request('x', { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'request-timeout',
    });
    const [fetched] = await connection.createReceiveClient('dead').receiveBatch({ maxMessages: 1, waitMs: 2_000 });
    expect(fetched?.body).toBe('bad');
  });
});

describe('nothing is made for nobody', () => {
  it('without an SDK: messages are what they were', async () => {
    const broker = await stage.broker({ queues: ['orders'] });
    const connection = stage.connect(broker);
    await connection.createSendClient('orders').send('x');
    const [stored] = broker.queue('orders').messages();
    expect([stored?.applicationProperties, stored?.messageAnnotations]).toEqual([undefined, undefined]);
  });

  it('of a trace that is not sampled: no attribute is worked out, and the decision goes on', async () => {
    const telemetry = stage.registered(new TestTelemetry(new AlwaysOffSampler()));
    const broker = await stage.broker({ queues: ['orders'] });
    let asked = 0;
    const attributes = (): undefined => void asked++;
    const connection = stage.connect(broker, { observer: new AmqpInstrumentation({ attributes }) });
    await connection.createSendClient('orders').send('x');
    expect(broker.queue('orders').messages()[0]?.applicationProperties?.['traceparent']).toMatch(/-00$/);
    expect([asked, telemetry.spans]).toEqual([0, []]);
  });
});
