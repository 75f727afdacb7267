import type { ConnectedPeer } from '../connection/connect-peer.js';
import type { BindingDeclaration, QueueInfo, Topology } from './topology.js';

/** How one kind of peer is told what shall stand. Every call is bound by the signal; none is repeated. */
export interface TopologyDriver {
  readonly declare: (peer: ConnectedPeer, topology: Topology, signal: AbortSignal) => Promise<void>;
  readonly check: (peer: ConnectedPeer, topology: Topology, signal: AbortSignal) => Promise<void>;
  readonly bind: (peer: ConnectedPeer, binding: BindingDeclaration, signal: AbortSignal) => Promise<void>;
  readonly unbind: (peer: ConnectedPeer, binding: BindingDeclaration, signal: AbortSignal) => Promise<void>;
  readonly purge: (peer: ConnectedPeer, queue: string, signal: AbortSignal) => Promise<number>;
  readonly deleteQueue: (
    peer: ConnectedPeer,
    queue: string,
    conditions: { readonly ifEmpty: boolean; readonly ifUnused: boolean },
    signal: AbortSignal,
  ) => Promise<number>;
  readonly deleteExchange: (
    peer: ConnectedPeer,
    exchange: string,
    ifUnused: boolean,
    signal: AbortSignal,
  ) => Promise<void>;
  /** `undefined`: no such queue. */
  readonly inspect: (peer: ConnectedPeer, queue: string, signal: AbortSignal) => Promise<QueueInfo | undefined>;
  /** A durable queue of this name exists afterwards, whatever its definition. */
  readonly ensureQueue: (peer: ConnectedPeer, queue: string, signal: AbortSignal) => Promise<void>;
}
