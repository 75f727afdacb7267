import { describe, expect, it } from '@jest/globals';
import type { ConnectedPeer } from '../../../../lib/client/connection/connect-peer.js';
import { profileNamed } from '../../../../lib/client/profile/profiles.js';
import {
  bindingParameters,
  exchangeAttributes,
  queueAttributes,
  queueDiffers,
} from '../../../../lib/client/topology/qpid-definition.js';
import type { QueueDeclaration } from '../../../../lib/client/topology/topology.js';

// Only these are looked at, for the words of a refusal.
const peer = { product: 'Qpid', profile: profileNamed('qpid') } as ConnectedPeer;

describe('a queue in the words of Qpid Broker-J', () => {
  it.each<[Omit<QueueDeclaration, 'name'>, object]>([
    [{}, { 'qpid-type': 'standard', durable: true, lifetimePolicy: 'PERMANENT' }],
    [{ durable: false }, { durable: false }],
    [{ exclusive: true }, { exclusive: 'CONNECTION', lifetimePolicy: 'DELETE_ON_CONNECTION_CLOSE' }],
    [{ autoDelete: true }, { lifetimePolicy: 'DELETE_ON_NO_OUTBOUND_LINKS' }],
    [{ maxLength: 5 }, { maximumQueueDepthMessages: 5, overflowPolicy: 'RING' }],
    [
      { maxLengthBytes: 9, overflow: 'reject-publish' },
      { maximumQueueDepthBytes: 9, overflowPolicy: 'REJECT' },
    ],
    [{ maxPriority: 9 }, { 'qpid-type': 'priority', priorities: 10 }],
    [
      { messageTtlMs: 60_000, deliveryLimit: 3 },
      { maximumMessageTtl: 60_000, maximumDeliveryAttempts: 3 },
    ],
    [{ deadLetterExchange: '', deadLetterRoutingKey: 'dead' }, { alternateBinding: { destination: 'dead' } }],
    [{ deadLetterExchange: 'dlx' }, { alternateBinding: { destination: 'dlx' } }],
    [{ maxPriority: 9, arguments: { priorities: 4 } }, { priorities: 4 }],
  ])('%j has %j', (queue, attributes) => {
    const written = queueAttributes(peer, { name: 'q', ...queue });
    expect(written).toMatchObject(attributes);
    expect(Object.values(written)).not.toContain(undefined);
    expect(queueDiffers(peer, { name: 'q', ...queue }, { exclusive: 'NONE', ...written })).toBeUndefined();
  });

  it.each<[Omit<QueueDeclaration, 'name'>, string]>([
    [{ type: 'quorum' }, 'type of queue "q"'],
    [{ expiresMs: 5 }, 'expiresMs of queue "q"'],
    [{ deadLetterExchange: 'dlx', deadLetterRoutingKey: 'k' }, 'deadLetterRoutingKey of queue "q"'],
  ])('%j is refused by name', (queue, what) => {
    expect(() => queueAttributes(peer, { name: 'q', ...queue })).toThrow(what);
  });

  it('differs by what it states, and by nothing else', () => {
    const stands = { durable: true, maximumQueueDepthMessages: 5n, overflowPolicy: 'RING', maximumDeliveryAttempts: 9 };
    expect(queueDiffers(peer, { name: 'q', maxLength: 5 }, stands)).toBeUndefined();
    expect(queueDiffers(peer, { name: 'q', maxLength: 6 }, stands)).toBe(
      'maximumQueueDepthMessages is "5", asked was 6',
    );
    expect(queueDiffers(peer, { name: 'q', arguments: { unknown: 1 } }, stands)).toBe(
      'unknown is not set, asked was 1',
    );
  });
});

describe('exchanges and bindings in the words of Qpid Broker-J', () => {
  it('have a type, and arguments that travel as JSON', () => {
    expect(exchangeAttributes(peer, { name: 'e', type: 'topic', arguments: { x: 1 } })).toEqual({
      'qpid-type': 'topic',
      durable: true,
      lifetimePolicy: 'PERMANENT',
      x: 1,
    });
    expect(() => exchangeAttributes(peer, { name: 'e', type: 'topic', internal: true })).toThrow(
      'internal of exchange',
    );
    expect(bindingParameters({ exchange: 'e', queue: 'q', arguments: { a: 'b' } })).toEqual({
      destination: 'q',
      bindingKey: '',
      arguments: '{"a":"b"}',
    });
  });
});
