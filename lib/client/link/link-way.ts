// Where one link is attached: at the peer of its connection, on a further connection to it when that is full, or where a redirect sent it. A
// redirect counts for one attach: whatever else ends the link there brings it back to the peer that knows where it lives.

import { LinkRedirectError, AmqpError } from '../../protocol/index.js';
import { linkFailure } from '../connection/refusal.js';
import type { AmqpLogger } from '../client-context.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { addressedSession } from '../redirect/addressed-session.js';
import type { RedirectDecision, RedirectPolicy } from '../redirect/decide-redirect.js';
import type { Attach, Elsewhere } from '../redirect/elsewhere.js';
import { RedirectChain } from '../redirect/redirect-chain.js';
import { attachFurther } from './further-connections.js';
import type { LinkFailure } from './link-state.js';
import { NoPlaceError, type SessionPlace, type SessionPool, type SessionWish } from './session-pool.js';

/** The open connection of a link. */
export interface CurrentPeer {
  readonly pool: SessionPool;
  readonly profile: PeerProfile;
  readonly resolved: ResolvedPeer;
}

export interface LinkWayOptions {
  readonly redirects: RedirectPolicy;
  readonly elsewhere: Elsewhere;
  readonly stableAfterMs: number;
  readonly logger: AmqpLogger;
  /** Never on a further connection. */
  readonly isBound: boolean;
}

export class LinkWay {
  readonly #chain: RedirectChain;
  /** Where the attempt under way, or the link in hand, is. */
  #at: ResolvedPeer | undefined;
  #next: Extract<RedirectDecision, { kind: 'follow' }> | undefined;

  constructor(private readonly options: LinkWayOptions) {
    this.#chain = new RedirectChain(options.redirects);
  }

  /** The connection went down: it starts where the link lives. */
  reset(): void {
    this.#chain.end();
    this.#next = undefined;
  }

  /** @throws whatever connecting, begin, attach or the signal bring */
  async attach<Link>(
    current: CurrentPeer,
    wish: SessionWish,
    signal: AbortSignal,
    attach: Attach<Link>,
  ): Promise<{ readonly link: Link; readonly place: SessionPlace }> {
    const next = this.#next;
    this.#next = undefined;
    this.#at = next?.peer ?? current.resolved;
    const there: Attach<Link> = (session, profile) => attach(addressedSession(session, next?.address), profile);
    if (this.#at !== current.resolved) return this.options.elsewhere.attach(this.#at, wish, signal, there);
    try {
      return await current.pool.attach(wish, signal, (session) => there(session, current.profile));
    } catch (error) {
      const mayMove = !this.options.isBound && (wish === 'shared' || wish === 'own');
      if (!mayMove || !(error instanceof NoPlaceError)) throw error;
      return attachFurther(error, current.resolved, wish, signal, there, this.options);
    }
  }

  /**
   * What the end of the link, or of an attempt to attach it, means for the next attempt.
   *
   * @param heldMs how long it was attached
   */
  judge(error: AmqpError, address: string, heldMs: number): { readonly cause: AmqpError; readonly kind: LinkFailure } {
    if (!(error instanceof LinkRedirectError) || heldMs >= this.options.stableAfterMs) this.#chain.end();
    if (!(error instanceof LinkRedirectError) || this.#at === undefined)
      return { cause: error, kind: linkFailure(error) };
    const decision = this.#chain.decide(error.redirect, this.#at);
    if (decision.kind === 'follow') {
      this.#next = decision;
      const where = decision.address === undefined ? '' : `, address "${decision.address}"`;
      this.options.logger.log(`"${address}" is redirected to ${decision.peer.uri.shown}${where}`);
      return { cause: error, kind: 'redirected' };
    }
    const { condition, description, info } = error;
    const message = `${error.message}; not followed: ${decision.why}`;
    const facts = { condition, description, cause: error };
    return {
      cause: AmqpError.inWordsOf(error, new LinkRedirectError(message, error.address, error.linkName, info, facts)),
      kind: 'refused',
    };
  }
}
