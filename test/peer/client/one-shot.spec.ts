// The helpers for one message, on the embedded broker.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import {
  AuthenticationError,
  InvalidOptionsError,
  receiveMessage,
  receiveMessages,
  sendMessage,
  SendError,
  type ConnectionOptions,
} from '../../../lib/client/index.js';

const logger = { log: () => undefined, warn: () => undefined, error: () => undefined };
let broker: EmbeddedBroker;
let peer: ConnectionOptions;

beforeEach(async () => {
  broker = await EmbeddedBroker.start({ queues: ['orders'], users: { guest: 'guest' }, autoCreateQueues: false });
  peer = { uri: `amqp://guest:guest@127.0.0.1:${broker.port}`, logger };
});
afterEach(() => broker.stop());

describe('one message', () => {
  it('is sent, and received accepted; nothing is left open', async () => {
    await expect(sendMessage(peer, 'orders', { id: 1 }, { subject: 's' })).resolves.toMatchObject({ ok: true });
    const message = await receiveMessage(peer, 'orders', { waitMs: 5_000 });
    expect(message).toMatchObject({ body: { id: 1 }, settled: true, outcome: { kind: 'accepted' } });
    expect(broker.queue('orders').stats()).toMatchObject({ accepted: 1, ready: 0, unsettled: 0, consumers: 0 });
  });

  it('that does not come in time is none', async () => {
    await expect(receiveMessage(peer, 'orders', { waitMs: 20 })).resolves.toBeUndefined();
  });

  it('comes from a queue that keeps the others, unless more are asked for', async () => {
    for (const value of ['a', 'b', 'c']) broker.queue('orders').publish(value);
    expect((await receiveMessages(peer, 'orders', { maxMessages: 2, waitMs: 5_000 })).map(({ body }) => body)).toEqual([
      'a',
      'b',
    ]);
    expect(broker.queue('orders').stats()).toMatchObject({ accepted: 2, ready: 1, released: 0 });
  });

  it('or its failure: each is an error of its own', async () => {
    await expect(sendMessage(peer, 'nowhere', 'x')).rejects.toBeInstanceOf(SendError);
    await expect(receiveMessage(peer, 'nowhere')).rejects.toMatchObject({ condition: 'amqp:not-found' });
    const stranger = { ...peer, uri: `amqp://guest:wrong@127.0.0.1:${broker.port}` };
    await expect(sendMessage(stranger, 'orders', 'x')).rejects.toBeInstanceOf(AuthenticationError);
    await expect(receiveMessages(peer, 'orders', { maxMessages: 0 })).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(receiveMessages(peer, 'orders', { timeout: 5 } as object)).rejects.toThrow('timeout');
  });

  it('is waited for no longer than the signal allows', async () => {
    const stop = new AbortController();
    const waiting = receiveMessage(peer, 'orders', { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
