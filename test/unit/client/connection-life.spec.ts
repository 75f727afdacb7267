import { describe, expect, it } from '@jest/globals';
import type { ConnectedPeer } from '../../../lib/client/connection/connect-peer.js';
import { ConnectionLife, type LifeHandlers } from '../../../lib/client/connection/connection-life.js';
import type { StatusEvent } from '../../../lib/client/connection/status.js';
import { ConnectionError } from '../../../lib/protocol/errors.js';

type Attempt = Parameters<LifeHandlers['connect']>[0];

/** @param connect what happens in each attempt before it succeeds */
function live(connect: (attempt: Attempt, number: number) => void) {
  const statuses: StatusEvent['status'][] = [];
  const attempts: Attempt[] = [];
  const policy = {
    delayMs: () => 1,
    maxAttempts: Infinity,
    stableAfterMs: 0,
    refusedRetryMs: 1,
    onRefused: 'retry',
  } as const;
  const life = new ConnectionLife(policy, {
    connect: (attempt) => {
      attempts.push(attempt);
      connect(attempt, attempts.length);
      // Nothing else of the peer is used here.
      return Promise.resolve({ protocol: { destroy: () => undefined } } as unknown as ConnectedPeer);
    },
    redirected: (cause) => ({ followed: false, cause }),
    up: () => undefined,
    down: () => undefined,
    waiting: () => undefined,
    givenUp: () => undefined,
    status: ({ status }) => void statuses.push(status),
  });
  return { life, statuses, attempts };
}

describe('a peer that takes no messages', () => {
  it('while tokens are put or the topology is declared is told of when the connection is open', async () => {
    const { life, statuses, attempts } = live(({ onBlocked }) => onBlocked(true));
    await life.open();
    expect(life.status).toBe('blocked');
    attempts[0]?.onBlocked(false);
    expect(statuses).toEqual(['connecting', 'blocked', 'connected']);
  });

  it('at an attempt that failed says nothing of the next one', async () => {
    const { life, statuses } = live(({ onBlocked, onLost }, number) => {
      if (number > 1) return;
      onBlocked(true);
      queueMicrotask(() => onLost(new ConnectionError('connection-lost', 'gone')));
    });
    await life.open();
    expect(life.status).toBe('connected');
    expect(statuses).not.toContain('blocked');
  });
});
