import { describe, expect, it } from '@jest/globals';
import { parseAddress } from '../../../lib/broker/nodes/address.js';

describe('an address', () => {
  it.each<[string | null, object]>([
    [null, { kind: 'anonymous' }],
    ['orders', { kind: 'queue', name: 'orders', autoCreate: true }],
    ['a/b c', { kind: 'queue', name: 'a/b c', autoCreate: true }],
    ['temp.orders', { kind: 'queue', name: 'temp.orders', autoCreate: true }],
    // a dynamic node that is gone
    [
      'temp.85bb1c3e-0d3c-4a52-9d4e-2f6a1b7c8d90',
      { kind: 'queue', name: 'temp.85bb1c3e-0d3c-4a52-9d4e-2f6a1b7c8d90', autoCreate: false },
    ],
    ['/queues/orders', { kind: 'queue', name: 'orders', autoCreate: false }],
    ['/queues/a%2Fb%20%C3%BC', { kind: 'queue', name: 'a/b ü', autoCreate: false }],
    ['/exchanges/e/key.one', { kind: 'exchange', name: 'e', routingKey: 'key.one' }],
    ['/exchanges/e%2F/k%2F', { kind: 'exchange', name: 'e/', routingKey: 'k/' }],
    ['/exchanges/e', { kind: 'exchange', name: 'e', routingKey: '' }],
    ['/management', { kind: 'service', name: '/management' }],
    ['$management', { kind: 'service', name: '$management' }],
    ['$cbs', { kind: 'service', name: '$cbs' }],
    ['', { kind: 'unknown' }],
    ['/', { kind: 'unknown' }],
    ['/queue/v1', { kind: 'unknown' }],
    ['/queues', { kind: 'unknown' }],
    ['/queues/', { kind: 'unknown' }],
    ['/queues/a/b', { kind: 'unknown' }],
    ['/queues/%E0%A4%A', { kind: 'unknown' }],
    ['/queues/%', { kind: 'unknown' }],
    ['/exchanges//k', { kind: 'unknown' }],
    ['/exchanges/e/k/more', { kind: 'unknown' }],
    ['amqps://host/orders', { kind: 'queue', name: 'orders', autoCreate: true }],
    ['amqp://host:5672/a/b', { kind: 'queue', name: 'a/b', autoCreate: true }],
    ['amqps://host/$management', { kind: 'service', name: '$management' }],
    ['amqps://host', { kind: 'unknown' }],
    ['amqps://host/', { kind: 'unknown' }],
    ['amqps:///orders', { kind: 'unknown' }],
    ['amqps://host//queues/orders', { kind: 'unknown' }],
    ['amqps://host/orders?ttl=1', { kind: 'unknown' }],
    ['amqps://host/amqps://host/orders', { kind: 'unknown' }],
    ['topic://x', { kind: 'unknown' }],
    ['x'.repeat(256), { kind: 'unknown' }],
    ['__proto__', { kind: 'queue', name: '__proto__' }],
  ])('%j', (address, expected) => {
    expect(parseAddress(address, true)).toMatchObject(expected);
  });

  it('of a bare name makes no queue where queues are not made by themselves', () => {
    expect(parseAddress('orders', false)).toEqual({ kind: 'queue', name: 'orders', autoCreate: false });
  });
});
