// Which peer comes next.

import { AmqpError, ConnectionError } from '../../protocol/index.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';

/** Hands out one peer per attempt, for ever. */
export interface PeerOrder {
  /** @throws ConnectionError when the user's function gives none, or one that is not in the list */
  next(): ResolvedPeer;
  /** The last one was reached. */
  reached(): void;
}

/** @param random in [0, 1) */
export function peerOrder(
  { peers, failover }: Pick<ResolvedConnectionOptions, 'peers' | 'failover'>,
  random: () => number,
): PeerOrder {
  if (failover === 'round-robin') return new Rounds(() => peers);
  if (failover === 'in-order') return new Rounds(() => peers, 'anew');
  if (failover === 'shuffle') return new Rounds((last) => shuffled(peers, last, random));
  return new Chosen(peers, failover);
}

/** One round after the other. */
class Rounds implements PeerOrder {
  #round: readonly ResolvedPeer[] = [];
  #index = 0;
  #last: ResolvedPeer | undefined;

  /** @param afterSuccess `anew`: the next attempt begins a round */
  constructor(
    private readonly start: (last: ResolvedPeer | undefined) => readonly ResolvedPeer[],
    private readonly afterSuccess: 'on' | 'anew' = 'on',
  ) {}

  reached(): void {
    if (this.afterSuccess === 'anew') this.#index = this.#round.length;
  }

  next(): ResolvedPeer {
    if (this.#index >= this.#round.length) {
      this.#round = this.start(this.#last);
      this.#index = 0;
    }
    const peer = this.#round[this.#index++];
    if (peer === undefined)
      throw AmqpError.inOwnWords(new ConnectionError('connect-failed', 'there is no URI to connect to'));
    this.#last = peer;
    return peer;
  }
}

/** In the order of the user's function. */
class Chosen implements PeerOrder {
  #iterator: Iterator<string> | undefined;

  constructor(
    private readonly peers: readonly ResolvedPeer[],
    private readonly choose: (uris: string[]) => Iterator<string>,
  ) {}

  next(): ResolvedPeer {
    const uri = this.#ask();
    const peer = this.peers.find(({ given }) => given === uri);
    if (peer !== undefined) return peer;
    this.#iterator = undefined;
    throw AmqpError.inOwnWords(new ConnectionError('connect-failed', 'the failover function gave no URI of the list'));
  }

  /** What an order makes of it is up to the function, which is not told. */
  reached(): void {
    return undefined;
  }

  /** A finished iterator is made anew, once. */
  #ask(): unknown {
    try {
      for (const fresh of [false, true]) {
        if (fresh || this.#iterator === undefined) this.#iterator = this.choose(this.peers.map(({ given }) => given));
        const result = this.#iterator.next();
        if (result.done !== true) return result.value;
      }
      return undefined;
    } catch (cause) {
      this.#iterator = undefined;
      throw AmqpError.inOwnWords(new ConnectionError('connect-failed', 'the failover function threw', { cause }));
    }
  }
}

/** Fisher and Yates; the peer that was last does not come first again where there is another. */
function shuffled(
  peers: readonly ResolvedPeer[],
  last: ResolvedPeer | undefined,
  random: () => number,
): readonly ResolvedPeer[] {
  const order: { readonly peer: ResolvedPeer; readonly rank: number }[] = peers.map((peer) => ({
    peer,
    rank: random(),
  }));
  const sorted = order.toSorted((left, right) => left.rank - right.rank).map(({ peer }) => peer);
  if (sorted.length > 1 && sorted[0] === last) sorted.push(...sorted.splice(0, 1));
  return sorted;
}
