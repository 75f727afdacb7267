import { describe, expect, it } from '@jest/globals';
import type { ConnectedPeer } from '../../../../lib/client/connection/connect-peer.js';
import { profileNamed } from '../../../../lib/client/profile/profiles.js';
import { TopologyService } from '../../../../lib/client/topology/topology-service.js';
import { ConnectionError } from '../../../../lib/protocol/index.js';

/** A peer whose management never answers. */
function silentPeer(): { readonly peer: ConnectedPeer; readonly begun: AbortSignal[] } {
  const begun: AbortSignal[] = [];
  const beginSession = ({ signal }: { signal: AbortSignal }): Promise<never> => {
    begun.push(signal);
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new ConnectionError('connection-lost', 'given up')), {
        once: true,
      });
    });
  };
  const peer = { name: 'peer', profile: profileNamed('rabbitmq-4'), protocol: { beginSession } };
  return { peer: peer as unknown as ConnectedPeer, begun }; // all that is asked of it
}

describe('a question about a queue', () => {
  it('that is given up while it waits for its turn ends at once, and never goes out', async () => {
    const { peer, begun } = silentPeer();
    const service = new TopologyService({ connected: () => Promise.resolve(peer), timeoutMs: 60_000, warn: () => {} });
    const [first, second] = [new AbortController(), new AbortController()];
    const running = service.queues.inspect('a', first.signal).catch((error: unknown) => error);
    const waiting = service.queues.inspect('b', second.signal);
    await new Promise(setImmediate); // the first one has its turn, the second waits for it
    expect(begun).toHaveLength(1);
    second.abort(new Error('no longer wanted'));
    await expect(waiting).rejects.toThrow('no longer wanted');
    first.abort(new Error('nor this one'));
    expect(await running).toBeInstanceOf(Error);
    await new Promise(setImmediate);
    expect(begun).toHaveLength(1);
  });
});
