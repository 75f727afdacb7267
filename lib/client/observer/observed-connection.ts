import type { ConnectedPeer } from '../connection/connect-peer.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';

/** One connection, for an observer of several. Its fields are those of the moment. */
export interface ObservedConnection {
  /** Of the peer that is connected, or was last; before that of the first of the list. `undefined`: it is not on a network. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** The profile in use: `rabbitmq-4`, `activemq` ... `undefined`: no peer has answered yet. */
  readonly profile: string | undefined;
  /** What this side calls itself. */
  readonly containerId: string;
}

/** @param lastPeer the peer now, or the last one */
export function observedConnection(
  options: ResolvedConnectionOptions,
  lastPeer: () => ConnectedPeer | undefined,
): ObservedConnection {
  const peer = (): ConnectedPeer['resolved'] | undefined => lastPeer()?.resolved ?? options.peers[0];
  const networked = (): ConnectedPeer['resolved']['uri'] | undefined => {
    const uri = peer()?.uri;
    return uri?.scheme === 'embedded' ? undefined : uri;
  };
  return {
    get host() {
      return networked()?.host;
    },
    get port() {
      return networked()?.port;
    },
    get profile() {
      return lastPeer()?.profile.name ?? (options.profile === 'auto' ? undefined : options.profile);
    },
    get containerId() {
      return peer()?.containerId ?? '';
    },
  };
}
