// What goes wrong with a topology, in the same words for every kind of peer.

import { AmqpError } from '../../protocol/index.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import { TopologyError } from '../errors.js';
import type { BindingDeclaration } from './topology.js';

/** `instead` says how it is done there. */
export function unsupported(peer: ConnectedPeer, what: string, instead: string): TopologyError {
  const name = peer.product ?? `a peer of the profile '${peer.profile.name}'`;
  return AmqpError.inOwnWords(
    new TopologyError('unsupported', `${name} cannot do this over AMQP: ${what}; ${instead}`),
  );
}

/** @param said the peer's own words */
export function notFound(what: string, said?: string): TopologyError {
  return AmqpError.inOwnWords(
    new TopologyError('not-found', `${what} is not there${said === undefined ? '' : `: ${said}`}`),
  );
}

export function conflict(
  what: string,
  difference: string | undefined,
  declared: unknown,
  existing: unknown,
): TopologyError {
  const message = `${what} stands with another definition${difference === undefined ? '' : `: ${difference}`}`;
  return AmqpError.inOwnWords(new TopologyError('conflict', message, { declared, existing }));
}

export function inUse(what: string, why: string): TopologyError {
  return AmqpError.inOwnWords(new TopologyError('in-use', `${what} was not deleted: ${why}`));
}

export function describeBinding({ exchange, queue, destinationExchange, routingKey = '' }: BindingDeclaration): string {
  const end = queue === undefined ? `exchange "${destinationExchange ?? ''}"` : `queue "${queue}"`;
  return `binding from exchange "${exchange}" to ${end} with key "${routingKey}"`;
}
