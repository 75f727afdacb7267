import { describe, expect, it } from '@jest/globals';
import { DEFAULT_POLICY, policy } from '../../../../lib/client/policy/policy.js';
import { resolveReceiveClientOptions } from '../../../../lib/client/receive/receive-client-options.js';
import { resolveSubscribeOptions, type SubscribeOptions } from '../../../../lib/client/receive/subscribe-options.js';
import { resolveSendClientOptions } from '../../../../lib/client/send/send-client-options.js';
import { InvalidOptionsError } from '../../../../lib/protocol/index.js';

describe('options of a receive client', () => {
  it.each<[string, unknown]>([
    ['prefetch', -1],
    ['idleTimeoutMs', 0],
    ['prefetch', 1.5],
    ['prefetch', '10'],
    ['prefetch', Infinity],
    ['settlement', 'manually'],
    ['autoAccept', 1],
    ['maxMessageBytes', 0],
    ['queues', 'create'],
    ['errorPolicy', 'reject'],
    ['codec', { encode: () => Buffer.alloc(0) }],
    ['transactional', 'yes'],
    ['prefetchCount', 5],
  ])('refuse %s = %p by its path', (name, value) => {
    const resolve = (): unknown => resolveReceiveClientOptions({ [name]: value }, 'receivers[0]');
    expect(resolve).toThrow(InvalidOptionsError);
    expect(resolve).toThrow(`receivers[0].${name}`);
  });

  it('have their defaults', () => {
    expect(resolveReceiveClientOptions()).toEqual({
      transactional: false,
      prefetch: undefined,
      settlement: 'auto',
      autoAccept: false,
      idleTimeoutMs: 0,
      maxMessageBytes: 16_777_216,
      queues: 'must-exist',
      errorPolicy: DEFAULT_POLICY,
      codec: undefined,
    });
  });
});

describe('options of a subscription', () => {
  it.each<[unknown, string]>([
    [{ concurrency: 0 }, 'concurrency'],
    [{ concurrency: -1 }, 'concurrency'],
    [{ concurrency: Infinity }, 'concurrency'],
    [{ autoStart: 'no' }, 'autoStart'],
    [{ handlerTimeoutMs: 0 }, 'handlerTimeoutMs'],
    [{ handlerTimeoutMs: 2 ** 31 }, 'handlerTimeoutMs'],
    [{ orderBy: 'groupId' }, "orderBy must be 'group-id' or a function"],
    [{ orderBy: 5 }, 'orderBy'],
    [{ batch: 10 }, 'batch'],
    [{ batch: {} }, 'batch.maxMessages'],
    [{ batch: { maxMessages: 1 } }, 'batch.waitMs'],
    [{ batch: { maxMessages: 0, waitMs: 1 } }, 'batch.maxMessages'],
    [{ batch: { maxMessages: 11, waitMs: 1 }, prefetch: 10 }, 'batch.maxMessages must be at most the prefetch, 10'],
    [{ batch: { maxMessages: 1, waitMs: 1, maxBytes: 1 } }, 'batch.maxBytes'],
    [{ batch: { maxMessages: 1, waitMs: 1 }, orderBy: 'group-id' }, 'orderBy must be left out with batch'],
    [{ batch: { maxMessages: 1, waitMs: 1 }, idempotency: {} }, 'idempotency must be left out with batch'],
    [{ idempotency: { key: 'message-id' } }, 'idempotency.key'],
    [{ idempotency: { store: {} } }, 'idempotency.store'],
    [{ idempotency: { ttlMs: 0 } }, 'idempotency.ttlMs'],
    [{ idempotency: true }, 'idempotency'],
    [{ concurency: 5 }, "did you mean 'concurrency'"],
    ['fast', 'options'],
  ])('refuse %j', (options, words) => {
    expect(() => resolveSubscribeOptions(options as SubscribeOptions)).toThrow(InvalidOptionsError);
    expect(() => resolveSubscribeOptions(options as SubscribeOptions)).toThrow(words);
  });

  it('win over those of their client, which win over the defaults', () => {
    const client = resolveReceiveClientOptions({ prefetch: 50, settlement: 'manual', errorPolicy: policy.release });
    expect(resolveSubscribeOptions({ settlement: 'auto' }, client)).toMatchObject({
      prefetch: 50,
      settlement: 'auto',
      errorPolicy: policy.release,
      concurrency: 10,
      autoStart: true,
      handlerTimeoutMs: 0,
    });
    expect(resolveSubscribeOptions({ prefetch: 5, errorPolicy: policy.accept }, client)).toMatchObject({
      prefetch: 5,
      errorPolicy: policy.accept,
    });
  });

  it('have room for two batches by default', () => {
    const batch = { maxMessages: 100, waitMs: 10 };
    expect(resolveSubscribeOptions({ batch }).prefetch).toBe(200);
    expect(resolveSubscribeOptions({ batch, prefetch: 100 }).prefetch).toBe(100);
  });
});

describe('options of a send client', () => {
  it.each<[string, unknown]>([
    ['settleMode', 'second'],
    ['impersonate', 'yes'],
    ['errorPolicy', { maxRetries: 3 }],
    ['errorPolicy', () => undefined],
    ['onConnectionLost', 'ignore'],
    ['whenFull', 'drop'],
    ['maxPendingMessages', 0],
    ['maxPendingMessages', Infinity],
    ['maxPendingBytes', -1],
    ['maxWaitingSends', -1],
    ['sendTimeoutMs', 0],
    ['sendTimeoutMs', 2 ** 31],
    ['codec', 'json'],
    ['defaults', { ttl: 5 }],
    ['sendTimeout', 5],
  ])('refuse %s = %p by its path', (name, value) => {
    const resolve = (): unknown => resolveSendClientOptions({ [name]: value }, 'senders[1]');
    expect(resolve).toThrow(InvalidOptionsError);
    expect(resolve).toThrow(`senders[1].${name}`);
  });

  it('have their defaults', () => {
    expect(resolveSendClientOptions()).toMatchObject({
      settleMode: 'unsettled',
      onConnectionLost: 'retry',
      whenFull: 'fail',
      maxPendingMessages: 10_000,
      maxPendingBytes: 64 * 1024 * 1024,
      maxWaitingSends: 1_000,
      sendTimeoutMs: 30_000,
      errorPolicy: { maxRetries: 3 },
    });
  });
});
