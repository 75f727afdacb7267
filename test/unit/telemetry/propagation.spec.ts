import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { propagation, ROOT_CONTEXT, trace, type TextMapPropagator } from '@opentelemetry/api';
import { createMessage, type AmqpMessage } from '../../../lib/client/index.js';
import { carriesContext, contextOf, entriesFor } from '../../../lib/telemetry/propagation.js';
import { FOREIGN, w3c } from '../../support/telemetry.js';

const { traceparent, traceId, spanId } = FOREIGN;
const OTHER = '00-11111111111111111111111111111111-2222222222222222-01';

beforeEach(() => void propagation.setGlobalPropagator(w3c));
afterEach(() => propagation.disable());

const message = (sections: Partial<AmqpMessage>): AmqpMessage => createMessage({ body: 1, ...sections });

describe('the context that a message carries', () => {
  it.each<[string, Partial<AmqpMessage>]>([
    ['application properties', { applicationProperties: { traceparent } }],
    ['annotations', { messageAnnotations: { traceparent } }],
    ['annotations with a prefix', { messageAnnotations: { 'x-opt-traceparent': traceparent } }],
    ["Azure's Diagnostic-Id", { applicationProperties: { 'Diagnostic-Id': traceparent } }],
    [
      'annotations before properties',
      { messageAnnotations: { traceparent }, applicationProperties: { traceparent: OTHER } },
    ],
    ['traceparent before Diagnostic-Id', { applicationProperties: { traceparent, 'Diagnostic-Id': OTHER } }],
  ])('is read from %s', (_where, sections) => {
    expect(trace.getSpanContext(contextOf(message(sections)))).toMatchObject({ traceId, spanId, isRemote: true });
  });

  it('has the state that stands beside its traceparent, not one from elsewhere', () => {
    const state = (sections: Partial<AmqpMessage>): string | undefined =>
      trace.getSpanContext(contextOf(message(sections)))?.traceState?.serialize();
    expect(state({ applicationProperties: { traceparent, tracestate: 'a=1' } })).toBe('a=1');
    expect(
      state({ messageAnnotations: { traceparent }, applicationProperties: { tracestate: 'a=1' } }),
    ).toBeUndefined();
  });

  it('has the baggage', () => {
    const context = contextOf(message({ applicationProperties: { baggage: 'tenant=t1' } }));
    expect(propagation.getBaggage(context)?.getEntry('tenant')?.value).toBe('t1');
  });

  it.each<[string, unknown]>([
    ['cut short', traceparent.slice(0, -1)],
    ['without a trace', '00-00000000000000000000000000000000-b7ad6b7169203331-01'],
    ['of a hierarchical id', '|4bf92f35.1.'],
    ['of another type', 5],
    ['of bytes', Buffer.from(traceparent)],
    ['empty', ''],
  ])('is none when the traceparent is malformed: %s', (_name, malformed) => {
    const context = contextOf(message({ applicationProperties: { traceparent: malformed } }));
    expect(trace.getSpanContext(context)).toBeUndefined();
  });

  it('is none, and no error, when the propagator throws', () => {
    propagation.disable();
    const broken: TextMapPropagator = {
      inject: () => {
        throw new Error('broken');
      },
      extract: () => {
        throw new Error('broken');
      },
      fields: () => [],
    };
    propagation.setGlobalPropagator(broken);
    expect(contextOf(message({ applicationProperties: { traceparent } }))).toBe(ROOT_CONTEXT);
    expect(entriesFor(ROOT_CONTEXT, 'application-properties')).toBeUndefined();
  });
});

describe('a context on its way to a message', () => {
  const context = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1 });

  it('is written under its own names, or as annotations that every peer takes', () => {
    expect(entriesFor(context, 'application-properties')).toEqual({ traceparent });
    expect(entriesFor(context, 'message-annotations')).toEqual({ 'x-opt-traceparent': traceparent });
    expect(entriesFor(ROOT_CONTEXT, 'application-properties')).toBeUndefined();
  });

  it.each<[string, Partial<AmqpMessage>, boolean]>([
    ['nothing', {}, false],
    ['properties of its own', { applicationProperties: { a: 1 } }, false],
    ['baggage', { applicationProperties: { baggage: 'a=1' } }, false],
    ['a traceparent', { applicationProperties: { traceparent } }, true],
    ['a traceparent in annotations', { messageAnnotations: { 'x-opt-traceparent': traceparent } }, true],
  ])('is kept off a message that has one: %s', (_name, sections, expected) => {
    expect(carriesContext(message(sections))).toBe(expected);
  });
});
