// One attempt to connect, to the end: the byte stream, SASL and OPEN, then the tokens where the credentials are such.

import type { ProtocolConnection } from '../../protocol/index.js';
import type { AuthenticationStatus } from '../authentication/authentication-status.js';
import { TokenKeeper } from '../authentication/token-keeper.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import { connectPeer, type AttemptHandlers, type ConnectedPeer } from './connect-peer.js';
import type { Network } from './network.js';

/** Of a close that nobody waits for. */
const CLOSE_MS = 1_000;

export interface TokenHandlers {
  /** In [0, 1): the jitter. */
  readonly random: () => number;
  /** The keeper of this attempt, before it has done anything. */
  readonly kept: (keeper: TokenKeeper) => void;
  readonly changed: (status: AuthenticationStatus) => void;
  readonly renewed: () => void;
}

/** @throws AmqpError; nothing is left open then */
export async function establishPeer(
  peer: ResolvedPeer,
  options: ResolvedConnectionOptions,
  network: Network,
  attempt: AttemptHandlers,
  tokens: TokenHandlers,
): Promise<ConnectedPeer> {
  const source = peer.credentials.tokens;
  if (source === undefined) return connectPeer(peer, options, network, attempt);
  let protocol: ProtocolConnection | undefined;
  const keeper = new TokenKeeper({
    source,
    peerName: peer.uri.shown,
    timeoutMs: options.attachTimeoutMs,
    doubtMs: options.refusedRetryMs,
    secrets: attempt.secrets,
    logger: options.logger,
    random: tokens.random,
    now: () => Date.now(),
    changed: tokens.changed,
    renewed: tokens.renewed,
    expired: (error) => {
      attempt.onLost(error);
      // What is under way may still be settled on it; nobody waits for that.
      void protocol?.close({ timeoutMs: CLOSE_MS });
    },
  });
  tokens.kept(keeper);
  const connected = await connectPeer(peer, options, network, {
    ...attempt,
    onLost: (error) => {
      keeper.stop(error);
      attempt.onLost(error);
    },
  });
  protocol = connected.protocol;
  try {
    await keeper.start(protocol, attempt.signal);
  } catch (error) {
    // An attempt that was given up waits for nobody.
    await protocol.close({ timeoutMs: attempt.signal.aborted ? 1 : CLOSE_MS });
    throw error;
  }
  return { ...connected, protocol: endingWith(protocol, () => keeper.stop()) };
}

/** The same connection; however it is ended here, `ended` hears of it first. */
function endingWith(protocol: ProtocolConnection, ended: () => void): ProtocolConnection {
  return {
    get peer() {
      return protocol.peer;
    },
    get sessionCount() {
      return protocol.sessionCount;
    },
    get sessionLimit() {
      return protocol.sessionLimit;
    },
    beginSession: (options) => protocol.beginSession(options),
    close: (options) => {
      ended();
      return protocol.close(options);
    },
    destroy: (error) => {
      ended();
      protocol.destroy(error);
    },
  };
}
