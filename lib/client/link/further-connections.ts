// More connections to the same peer, for links that found no place on the first one.

import type { AmqpLogger } from '../client-context.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import type { Attach, Elsewhere } from '../redirect/elsewhere.js';
import { NoPlaceError, type SessionPlace, type SessionWish } from './session-pool.js';

/** With the first one. A peer that is full beyond them is asked for too much. */
const MOST_CONNECTIONS = 64;

export interface FurtherConnectionsOptions {
  readonly elsewhere: Elsewhere;
  readonly logger: AmqpLogger;
}

/**
 * Attaches on the first further connection that has a place, and opens it where there is none yet. Each has the options of the first one and
 * the container-id with its number, since some peers want it once; it closes with its last link.
 *
 * @param full what the first connection said
 * @throws `full` when all that may be opened are full; whatever connecting, attaching or the signal bring
 */
export async function attachFurther<Link>(
  full: NoPlaceError,
  first: ResolvedPeer,
  wish: SessionWish,
  signal: AbortSignal,
  attach: Attach<Link>,
  { elsewhere, logger }: FurtherConnectionsOptions,
): Promise<{ readonly link: Link; readonly place: SessionPlace }> {
  for (let number = 2; number <= MOST_CONNECTIONS; number++) {
    const peer: ResolvedPeer = { ...first, containerId: `${first.containerId}-${number}` };
    if (!elsewhere.has(peer)) logger.warn(`${first.uri.shown}: ${full.message}; connection ${number} is opened`);
    try {
      const { link, place } = await elsewhere.attach(peer, wish, signal, attach);
      return { link, place: besides(first, place) };
    } catch (error) {
      if (!(error instanceof NoPlaceError)) throw error;
    }
  }
  throw full;
}

function besides(first: ResolvedPeer, place: SessionPlace): SessionPlace {
  return {
    session: place.session,
    get isShared() {
      return place.isShared;
    },
    besides: first,
    release: () => place.release(),
  };
}
