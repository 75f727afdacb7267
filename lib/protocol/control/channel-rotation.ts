// RabbitMQ 4 forgets a channel only some milliseconds after it has answered END. A BEGIN on it before that is never answered: one in
// about two hundred, when sessions follow each other. rhea always takes the lowest free channel, which is that very one.

import type { RheaConnection } from './rhea.js';

/** Few numbers, so that neither side's tables grow where the peer allows many. */
const WINDOW = 256;

interface RheaSession {
  readonly local: { readonly channel: number };
}

/** The two members of rhea's own connection, under that of rhea-promise, that this rests on. */
interface RheaChannels {
  readonly local_channel_map: Record<number, unknown>;
  create_session(): RheaSession;
}

/**
 * From now on a new session takes the free channel after the last one that was taken, and begins again at 0 at the end.
 *
 * @param limit how many channels there may be
 */
export function rotateChannels(connection: RheaConnection, limit: () => number): void {
  // True for rhea 3.0.5 and rhea-promise 3.0.3: control-contract.spec.ts begins sessions through it.
  const rhea = Reflect.get(connection, '_connection') as RheaChannels;
  const create = rhea.create_session.bind(rhea);
  let next = 0;
  rhea.create_session = (): RheaSession => {
    const map = rhea.local_channel_map;
    const end = Math.min(limit(), WINDOW);
    let first = next;
    while (first < end && map[first] !== undefined) first += 1;
    // rhea passes over what is taken: until it has chosen, so is everything below.
    const taken = first < end ? below(first).filter((channel) => map[channel] === undefined) : [];
    for (const channel of taken) map[channel] = connection;
    try {
      const session = create();
      next = session.local.channel + 1;
      return session;
    } finally {
      for (const channel of taken) delete map[channel];
    }
  };
}

function below(end: number): readonly number[] {
  return Array.from({ length: end }, (_, channel) => channel);
}
