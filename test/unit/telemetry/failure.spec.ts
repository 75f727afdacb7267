import { describe, expect, it } from '@jest/globals';
import { AmqpError, RequestError, SendError } from '../../../lib/client/index.js';
import { errorType, recordFailure } from '../../../lib/telemetry/failure.js';
import { TestTelemetry } from '../../support/telemetry.js';

class OrderError extends Error {}
class OwnError extends AmqpError {}

const facts = { address: 'orders', delivered: 'no', attempts: 1, condition: 'app:no' } as const;
const ours = AmqpError.inOwnWords(new SendError('rejected', 'a send to "orders" failed', facts));
/** With a message that a user put in place of ours. */
const changed = AmqpError.inOwnWords(new SendError('rejected', 'a send failed', facts));

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

  it.each<[string, Error, string]>([
    ['what a responder said', new RequestError('"prices" answered with an error: secret', {}), 'request-failed'],
    ['an error that a user made', new AmqpError('order-refused', 'secret'), 'order-refused'],
    ['a class of a user', new OwnError('order-refused', 'secret'), 'order-refused'],
    ['an error of a class of ours that a user made', new SendError('rejected', 'secret', facts), 'rejected'],
    ['an error of ours with other words', changed, 'rejected'],
    ['a code that is none', new AmqpError('order of secret', 'secret'), '_OTHER'],
  ])('tells nothing of the words of %s', (_what, error, type) => {
    if (error === changed) changed.message = 'secret';
    const all = recorded(error, false);
    expect(all).toMatchObject({ 'error.type': type, 'exception.type': error.name, status: type });
    expect(all['exception.stacktrace']).toMatch(/^at .*failure\.spec/);
    expect(JSON.stringify(all)).not.toContain('secret');
    expect(recorded(error, true)).toMatchObject({ 'exception.message': error.message });
  });

  it.each(['secret', ''])('has no stack where the words cannot be told from it: %p', (message) => {
    const error = new OrderError('secret and more');
    // Made when it is first looked at.
    expect(error.stack).toContain('and more');
    error.message = message;
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
