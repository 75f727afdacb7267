import { randomUUID } from 'node:crypto';
import { AmqpError } from '../../protocol/index.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import { END_TIMEOUT_MS, withSession } from './with-session.js';

/**
 * RabbitMQ's management cannot be asked for an exchange (an unknown path ends the session), but a sender to one that is not there is
 * refused.
 */
export async function exchangeExists(peer: ConnectedPeer, name: string, signal: AbortSignal): Promise<boolean> {
  const address = peer.profile.exchangeAddress?.(name, undefined);
  if (address === undefined) return false;
  try {
    await withSession(peer, signal, async (session) => {
      const link = await session.attachSender({
        name: `look-for-exchange-${randomUUID()}`,
        source: {},
        target: { address },
        settleMode: 'settled',
        signal,
        onClosed: () => undefined,
        onSendable: () => undefined,
      });
      await link.detach({ closed: true, timeoutMs: END_TIMEOUT_MS });
    });
    return true;
  } catch (error) {
    if (error instanceof AmqpError && error.condition === 'amqp:not-found') return false;
    throw error;
  }
}
