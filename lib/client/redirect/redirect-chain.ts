import type { RedirectTarget } from '../../protocol/index.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import { decideRedirect, type RedirectDecision, type RedirectPolicy } from './decide-redirect.js';

/** The redirects that one connection or link has followed in a row. */
export class RedirectChain {
  #keys: readonly string[] = [];

  constructor(private readonly policy: RedirectPolicy) {}

  /** @param from the peer that redirects */
  decide(target: RedirectTarget, from: ResolvedPeer): RedirectDecision {
    const decision = decideRedirect(target, from, this.policy, this.#keys);
    // What was refused is asked again later, at the peer where it began.
    this.#keys = decision.kind === 'follow' ? [...this.#keys, decision.key] : [];
    return decision;
  }

  /** It held, or ended for another reason. */
  end(): void {
    this.#keys = [];
  }
}
