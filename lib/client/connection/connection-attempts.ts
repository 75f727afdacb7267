// The attempts of one connection: which peer is next, what it is told in confidence, and what is declared before it counts as open.

import { ConnectionError, Secrets, AmqpError, type ConnectionRedirectError } from '../../protocol/index.js';
import { idleStatus, type AuthenticationStatus } from '../authentication/authentication-status.js';
import type { TokenKeeper } from '../authentication/token-keeper.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import type { ConnectedPeer } from './connect-peer.js';
import type { LifeHandlers } from './connection-life.js';
import { ConnectionRedirects } from './connection-redirects.js';
import { establishPeer, type TokenHandlers } from './establish-peer.js';
import { peerOrder, type PeerOrder } from './failover.js';
import type { Network } from './network.js';

/** Of the close of an attempt whose topology failed. */
const CLOSE_MS = 1_000;

/** What an attempt is given by its connection. None of the functions but `declare` may throw. */
export interface AttemptSurroundings {
  /** In [0, 1): the jitter. */
  readonly random: () => number;
  /** Before any link. @throws whatever keeps the peer from being used */
  readonly declare: (peer: ConnectedPeer, signal: AbortSignal) => Promise<void>;
  readonly authentication: (status: AuthenticationStatus) => void;
  /** The peer has a new token. */
  readonly authorized: () => void;
}

export class ConnectionAttempts {
  readonly #order: PeerOrder;
  readonly #redirects: ConnectionRedirects;
  readonly #tokens: TokenHandlers;
  /** What peers are told in confidence, over all attempts. */
  readonly secrets = new Secrets();
  /** Of the latest attempt. */
  #keeper: TokenKeeper | undefined;
  #count = 0;

  constructor(
    private readonly options: ResolvedConnectionOptions,
    private readonly network: Network,
    private readonly surroundings: AttemptSurroundings,
  ) {
    const { random, authentication, authorized } = surroundings;
    this.#order = peerOrder(options, random);
    this.#redirects = new ConnectionRedirects(options);
    this.#tokens = { random, kept: (keeper) => (this.#keeper = keeper), changed: authentication, renewed: authorized };
  }

  /** Since the last success. */
  get count(): number {
    return this.#count;
  }

  /** `undefined` where the credentials are no tokens. */
  get authentication(): AuthenticationStatus | undefined {
    if (this.#keeper !== undefined) return this.#keeper.status;
    const tokens = this.options.peers[0]?.credentials.tokens;
    return tokens === undefined ? undefined : idleStatus(tokens.audiences);
  }

  /** A link was refused for want of a good token. `true`: a new one is on its way, or the connection ends for want of one. */
  doubtToken(): boolean {
    return this.#keeper?.doubt() ?? false;
  }

  /** @throws AmqpError; nothing is left open then */
  async connect(attempt: Parameters<LifeHandlers['connect']>[0]): Promise<ConnectedPeer> {
    this.#count += 1;
    const next = this.#redirects.take(() => this.#order.next());
    const handlers = { ...attempt, secrets: this.secrets };
    const peer = await establishPeer(next, this.options, this.network, handlers, this.#tokens);
    try {
      await this.surroundings.declare(peer, attempt.signal);
    } catch (error) {
      // An attempt that was given up waits for nobody.
      if (attempt.signal.aborted)
        peer.protocol.destroy(AmqpError.inOwnWords(new ConnectionError('connection-lost', 'the attempt was given up')));
      else await peer.protocol.close({ timeoutMs: CLOSE_MS });
      throw error;
    }
    return peer;
  }

  /** For links that were redirected: with the credentials of this connection, and without its topology. */
  connectElsewhere(
    peer: ResolvedPeer,
    attempt: { readonly signal: AbortSignal; readonly onLost: (error: AmqpError) => void },
  ): Promise<ConnectedPeer> {
    const tokens = { ...this.#tokens, kept: () => undefined, changed: () => undefined, renewed: () => undefined };
    const handlers = { ...attempt, secrets: this.secrets, onBlocked: () => undefined };
    return establishPeer(peer, this.options, this.network, handlers, tokens);
  }

  /** Whether the next attempt goes where the peer sends us, and what is said of it. */
  redirected(cause: ConnectionRedirectError): { readonly followed: boolean; readonly cause: AmqpError } {
    return this.#redirects.judge(cause);
  }

  /** The latest one is a success. */
  succeeded(): void {
    this.#count = 0;
    this.#order.reached();
    this.#redirects.up();
  }

  /** The next one comes after a pause, and begins with the list of peers again. */
  paused(): void {
    this.#redirects.end();
  }
}
