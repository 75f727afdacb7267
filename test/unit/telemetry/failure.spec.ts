import { describe, expect, it } from '@jest/globals';
import { SendError } from '../../../lib/client/index.js';
import { errorType, recordFailure } from '../../../lib/telemetry/failure.js';
import { TestTelemetry } from '../../support/telemetry.js';

class OrderError extends Error {}

const facts = { address: 'orders', delivered: 'no', attempts: 1, condition: 'app:no' } as const;
const ours = new SendError('rejected', 'a send to "orders" failed', facts);

function unreadable(error: Error, ...properties: readonly string[]): Error {
  const get = (): never => {
    throw new Error('no');
  };
  for (const property of properties) Object.defineProperty(error, property, { get });
  return error;
}

function recorded(error: unknown, withMessage: boolean): Record<string, unknown> {
  const telemetry = new TestTelemetry();
  const span = telemetry.tracerProvider.getTracer('test').startSpan('x');
  recordFailure(span, error, withMessage);
  span.end();
  const [ended] = telemetry.spans;
  return { ...ended?.attributes, ...ended?.events[0]?.attributes, status: ended?.status.message };
}

describe('the type of an error', () => {
  it.each<[string, unknown, string]>([
    ['the code of ours', ours, 'rejected'],
    ['the class of any other', new OrderError('id 4711'), 'OrderError'],
    ['its name where it has one', Object.assign(new Error('x'), { name: 'TimeoutError' }), 'TimeoutError'],
    ['no name made up at run time', Object.assign(new Error('x'), { name: 'order 4711 failed' }), '_OTHER'],
    ['nothing of what is no error', 'order 4711', '_OTHER'],
    ['nothing of a name that is no text', Object.assign(new Error('x'), { name: Symbol('x') }), '_OTHER'],
    ['nothing of a name that cannot be read', unreadable(new Error('x'), 'name'), '_OTHER'],
    ['nothing of a code that cannot be read', unreadable(new SendError('rejected', 'x', facts), 'code'), '_OTHER'],
  ])('is %s', (_what, error, expected) => {
    expect(errorType(error)).toBe(expected);
  });
});

describe('an error on a span', () => {
  it('tells all of ours, with its condition', () => {
    expect(recorded(ours, false)).toMatchObject({
      'error.type': 'rejected',
      'amqp.error.condition': 'app:no',
      'exception.type': 'SendError',
      'exception.message': 'a send to "orders" failed',
      status: 'a send to "orders" failed',
    });
  });

  it('tells nothing of the words of any other, also not in its stack', () => {
    const all = recorded(new OrderError('secret\n    at secret'), false);
    expect(all).toMatchObject({ 'error.type': 'OrderError', 'exception.type': 'OrderError', status: 'OrderError' });
    expect(all['exception.stacktrace']).toMatch(/^at .*failure\.spec/);
    expect(JSON.stringify(all)).not.toContain('secret');
  });

  it('has no stack where the words cannot be told from it', () => {
    const error = new OrderError('secret and more');
    error.message = 'secret';
    expect(JSON.stringify(recorded(error, false))).not.toContain('more');
  });

  it.each([new Error('x'), new SendError('rejected', 'x', facts)])(
    'says that it failed, whatever can be read: %s',
    (error) => {
      const hostile = unreadable(error, 'name', 'code', 'condition', 'message', 'stack');
      expect(recorded(hostile, true)).toEqual({ 'error.type': '_OTHER', 'exception.type': '_OTHER', status: '_OTHER' });
    },
  );

  it('tells them where that is asked for', () => {
    expect(recorded(new OrderError('id 4711'), true)).toMatchObject({
      'exception.message': 'id 4711',
      status: 'id 4711',
    });
  });
});
