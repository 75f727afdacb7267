// What a connection tells of its peer.

import type { ConnectedPeer } from './connect-peer.js';

/** What the other side said of itself. */
export interface PeerDescription {
  readonly product?: string;
  readonly version?: string;
  /** The profile in use: `rabbitmq-4`, `activemq` ... */
  readonly profile: string;
  /** Without user info. */
  readonly uri: string;
  readonly containerId: string;
  /** OPEN's properties, whole. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** What it can do, in its own words: `ANONYMOUS-RELAY`, `LINK_PAIR_V1_0`, `DELAYED_DELIVERY` ... */
  readonly offeredCapabilities: readonly string[];
}

export function describePeer({ product, version, profile, uri, protocol }: ConnectedPeer): PeerDescription {
  const { containerId, properties, offeredCapabilities } = protocol.peer;
  return {
    ...(product === undefined ? {} : { product }),
    ...(version === undefined ? {} : { version }),
    profile: profile.name,
    uri,
    containerId,
    properties,
    offeredCapabilities,
  };
}
