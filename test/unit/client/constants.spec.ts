import { describe, expect, it } from '@jest/globals';
import { amqpConstants, errorCondition } from '../../../lib/client/index.js';
import { parseUri } from '../../../lib/client/options/peer-uri.js';
import { resolveConnectionOptions } from '../../../lib/client/options/resolve-connection-options.js';

describe('the constants', () => {
  it('have the numbers of the specification and of uamqp', () => {
    expect(amqpConstants).toEqual({
      defaultPorts: { amqp: 5672, amqps: 5671, ws: 80, wss: 443 },
      maxFrameSize: 65_536,
      minMaxFrameSize: 512,
      maxMessageBytes: 16_777_216,
      idleTimeoutMs: 30_000,
      batchMessageFormat: 0x8001_3700,
    });
    expect(Object.isFrozen(amqpConstants) && Object.isFrozen(amqpConstants.defaultPorts)).toBe(true);
    expect(errorCondition.notFound).toBe('amqp:not-found');
  });

  it('are what a connection takes without options', () => {
    const { maxFrameSize, maxMessageBytes, peers } = resolveConnectionOptions('amqp://h');
    expect({ maxFrameSize, maxMessageBytes }).toEqual({
      maxFrameSize: amqpConstants.maxFrameSize,
      maxMessageBytes: amqpConstants.maxMessageBytes,
    });
    expect(peers[0]?.idleTimeoutMs).toBe(amqpConstants.idleTimeoutMs);
    for (const [scheme, port] of Object.entries(amqpConstants.defaultPorts))
      expect(parseUri(`${scheme}://h`, 'uri').port).toBe(port);
  });
});
