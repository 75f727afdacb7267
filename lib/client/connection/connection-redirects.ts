// Where a peer sent the connection: for the next attempt only. Whatever else ends the connection there brings it back to the URIs of the
// options.

import { ConnectionRedirectError, AmqpError } from '../../protocol/index.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import { RedirectChain } from '../redirect/redirect-chain.js';

export class ConnectionRedirects {
  readonly #chain: RedirectChain;
  /** What the latest attempt dialled. */
  #at: ResolvedPeer | undefined;
  #next: ResolvedPeer | undefined;
  #upAt: number | undefined;

  constructor(private readonly options: ResolvedConnectionOptions) {
    this.#chain = new RedirectChain(options);
  }

  /** The peer of the next attempt: where the last one was sent, else `otherwise`. @throws whatever `otherwise` throws */
  take(otherwise: () => ResolvedPeer): ResolvedPeer {
    const next = this.#next;
    this.#next = undefined;
    this.#upAt = undefined;
    this.#at = next ?? otherwise();
    return this.#at;
  }

  up(): void {
    this.#upAt = performance.now();
  }

  /** The connection ended for another reason. */
  end(): void {
    this.#chain.end();
  }

  /** What the redirect that ended the latest attempt, or its connection, leads to. */
  judge(error: ConnectionRedirectError): { readonly followed: boolean; readonly cause: AmqpError } {
    const { reconnect, logger } = this.options;
    if (this.#upAt !== undefined && performance.now() - this.#upAt >= reconnect.stableAfterMs) this.#chain.end();
    if (this.#at === undefined) return { followed: false, cause: error };
    const from = this.#at.uri.shown;
    const decision = this.#chain.decide(error.redirect, this.#at);
    if (decision.kind === 'follow') {
      this.#next = decision.peer;
      logger.log(`${from} redirects to ${decision.peer.uri.shown}`);
      return { followed: true, cause: error };
    }
    const { condition, description, info } = error;
    const facts = { condition, description, info, cause: error };
    return {
      followed: false,
      cause: AmqpError.inWordsOf(
        error,
        new ConnectionRedirectError(`${error.message}; not followed: ${decision.why}`, facts),
      ),
    };
  }
}
