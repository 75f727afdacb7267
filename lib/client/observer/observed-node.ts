// What is known of the name of a node before anybody counts by it.

import type { Source, Target } from '../address/address.js';

/** A node that messages go to or come from, as far as its name goes. All events of one client hold the same object. */
export interface ObservedNode {
  /**
   * `named`: by the user, who knows how many there are. `temporary`: made by the peer, or the address of a reply, or where a dead letter says
   * that it came from; its name is one of very many. `anonymous`: each message names another one in `to`.
   */
  readonly kind: 'named' | 'temporary' | 'anonymous';
  /** Where messages go to an exchange. */
  readonly exchange?: string | undefined;
  /** With `exchange`. */
  readonly routingKey?: string | undefined;
}

/** @param isNamedByMessage it is a requester's own address, or where a dead letter came from */
export function nodeOfTarget(target: Target, isNamedByMessage: boolean): ObservedNode {
  if (target === null) return { kind: 'anonymous' };
  if (isNamedByMessage || (typeof target === 'object' && target.dynamic === true)) return { kind: 'temporary' };
  if (typeof target === 'string' || target.exchange === undefined) return { kind: 'named' };
  return { kind: 'named', exchange: target.exchange, routingKey: target.routingKey };
}

export function nodeOfSource(source: Source): ObservedNode {
  return { kind: typeof source === 'object' && source.dynamic === true ? 'temporary' : 'named' };
}

/** Where replies come to. */
export const REPLY_NODE: ObservedNode = Object.freeze({ kind: 'temporary' });
