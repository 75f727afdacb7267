import type { ProtocolSession } from '../../protocol/index.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';

export const END_TIMEOUT_MS = 1_000;

/** A session per piece of work, and for it alone: whatever the peer thinks of it, nobody else is hurt. */
export async function withSession<T>(
  peer: ConnectedPeer,
  signal: AbortSignal,
  work: (session: ProtocolSession) => Promise<T>,
): Promise<T> {
  const session = await peer.protocol.beginSession({ signal });
  try {
    return await work(session);
  } finally {
    await session.end({ timeoutMs: END_TIMEOUT_MS });
  }
}
