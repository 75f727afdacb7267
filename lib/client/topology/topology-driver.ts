import type { QueueFacts } from '../client-context.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import type { BindingDeclaration, Topology } from './topology.js';

/** How one kind of peer is told what shall stand. Every call is bound by the signal; none is repeated. */
export interface TopologyDriver {
  declare(peer: ConnectedPeer, topology: Topology, signal: AbortSignal): Promise<void>;
  check(peer: ConnectedPeer, topology: Topology, signal: AbortSignal): Promise<void>;
  bind(peer: ConnectedPeer, binding: BindingDeclaration, signal: AbortSignal): Promise<void>;
  unbind(peer: ConnectedPeer, binding: BindingDeclaration, signal: AbortSignal): Promise<void>;
  purge(peer: ConnectedPeer, queue: string, signal: AbortSignal): Promise<number>;
  deleteQueue(
    peer: ConnectedPeer,
    queue: string,
    conditions: { readonly ifEmpty: boolean; readonly ifUnused: boolean },
    signal: AbortSignal,
  ): Promise<number>;
  deleteExchange(peer: ConnectedPeer, exchange: string, ifUnused: boolean, signal: AbortSignal): Promise<void>;
  /** `undefined`: no such queue, or no means to tell. */
  inspect(peer: ConnectedPeer, queue: string, signal: AbortSignal): Promise<QueueFacts | undefined>;
  /** A durable queue of this name exists afterwards, whatever its definition. */
  ensureQueue(peer: ConnectedPeer, queue: string, signal: AbortSignal): Promise<void>;
}
