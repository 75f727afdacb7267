import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../../../lib/client/index.js';
import { AmqpInstrumentation, type AmqpInstrumentationOptions } from '../../../lib/telemetry/index.js';
import { resolveInstrumentationOptions } from '../../../lib/telemetry/instrumentation-options.js';

describe('options of the instrumentation', () => {
  it('have their defaults', () => {
    expect(resolveInstrumentationOptions()).toEqual({
      tracerProvider: undefined,
      meterProvider: undefined,
      spans: true,
      metrics: true,
      propagate: 'application-properties',
      consumerSpan: 'parent',
      settleSpans: 'failures',
      exceptionMessages: false,
      system: undefined,
      destinationTemplate: undefined,
      attributes: undefined,
    });
  });

  it.each<[string, unknown, string]>([
    ['no object', 5, 'AmqpInstrumentation'],
    ['an unknown name', { span: true }, 'AmqpInstrumentation.span'],
    ['a place that is none', { propagate: 'header' }, 'AmqpInstrumentation.propagate'],
    ['true for a place', { propagate: true }, 'AmqpInstrumentation.propagate'],
    ['a relation that is none', { consumerSpan: 'child' }, 'AmqpInstrumentation.consumerSpan'],
    ['settlements that are none', { settleSpans: true }, 'AmqpInstrumentation.settleSpans'],
    ['a text for a yes', { spans: 'yes' }, 'AmqpInstrumentation.spans'],
    ['no yes or no', { metrics: 1 }, 'AmqpInstrumentation.metrics'],
    ['a provider without tracers', { tracerProvider: {} }, 'AmqpInstrumentation.tracerProvider'],
    [
      'a provider without meters',
      { meterProvider: { getTracer: () => undefined } },
      'AmqpInstrumentation.meterProvider',
    ],
    ['a system without a name', { system: '' }, 'AmqpInstrumentation.system'],
    ['a template that is no function', { destinationTemplate: 'orders-*' }, 'AmqpInstrumentation.destinationTemplate'],
    ['attributes that are no function', { attributes: { a: 1 } }, 'AmqpInstrumentation.attributes'],
    ['no yes or no about messages', { exceptionMessages: 'all' }, 'AmqpInstrumentation.exceptionMessages'],
  ])('are refused by name: %s', (_name, options, path) => {
    // What a user without types may write.
    const make = (): AmqpInstrumentation => new AmqpInstrumentation(options as AmqpInstrumentationOptions);
    expect(make).toThrow(InvalidOptionsError);
    expect(make).toThrow(expect.objectContaining({ option: path }));
  });
});
