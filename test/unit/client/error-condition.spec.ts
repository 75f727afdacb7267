import { describe, expect, it } from '@jest/globals';
import * as client from '../../../lib/client/index.js';
import { errorCondition } from '../../../lib/client/error-condition.js';
import { linkDetached } from '../../../lib/protocol/amqp-error.js';

describe('the conditions of the specification', () => {
  it('are all there, those of transactions and sessions too, each once', () => {
    const names = Object.values(errorCondition);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name.startsWith('amqp:transaction:'))).toEqual([
      'amqp:transaction:unknown-id',
      'amqp:transaction:rollback',
      'amqp:transaction:timeout',
    ]);
    expect(names.filter((name) => name.startsWith('amqp:session:'))).toHaveLength(4);
    expect(names).toHaveLength(28);
    expect(Object.isFrozen(errorCondition)).toBe(true);
  });
});

describe('every error', () => {
  const classes = Object.entries(client).filter(([name]) => name.endsWith('Error'));

  it.each(classes)('%s is an AmqpError', (name, errorClass) => {
    expect(typeof errorClass).toBe('function');
    if (name === 'AmqpError') return;
    expect(Object.create((errorClass as { prototype: object }).prototype)).toBeInstanceOf(client.AmqpError);
  });

  it('is of one tree: sends and links under what they are a kind of', () => {
    const { AmqpError, AuthenticationError, LinkError, SendError } = client;
    const kinds: readonly [{ prototype: object }, { prototype: object }][] = [
      [client.EncodeError, SendError],
      [client.MessageTooLargeError, SendError],
      [client.SendQueueFullError, SendError],
      [client.BatchSendError, SendError],
      [client.LinkDetachedError, LinkError],
      [client.LinkRedirectError, LinkError],
      [client.LinkStolenError, LinkError],
      [AuthenticationError, AmqpError],
    ];
    for (const [special, general] of kinds)
      expect(Object.prototype.isPrototypeOf.call(general.prototype, special.prototype)).toBe(true);
  });

  it('carries condition, description, info, retryable and cause of what the peer said', () => {
    const info = { 'network-host': 'b' };
    const error = linkDetached(
      { name: 'l', address: 'orders' },
      { condition: 'amqp:resource-locked', description: 'in use', info },
    );
    expect(error).toMatchObject({ condition: 'amqp:resource-locked', description: 'in use', info, retryable: true });
    const wrapped = new client.SendError('link-closed', 'failed', {
      address: 'orders',
      delivered: 'unknown',
      attempts: 1,
      condition: error.condition,
      description: error.description,
      info: error.info,
      cause: error,
    });
    expect(wrapped).toMatchObject({ condition: 'amqp:resource-locked', description: 'in use', info, cause: error });
  });
});
