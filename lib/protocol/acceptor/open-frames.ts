// The two OPEN frames of an accepted connection.

import type { OpenFrame } from '../frames/control-frames.js';
import type { AcceptedConnection, AcceptorOptions } from './acceptor.js';

const MIN_ADVERTISED_IDLE_MS = 1_000;

/** Ours. */
export function openAnswer(options: AcceptorOptions): OpenFrame {
  const { containerId, maxFrameSize, channelMax, idleTimeoutMs, properties, offeredCapabilities } = options;
  return {
    kind: 'open',
    containerId,
    maxFrameSize,
    channelMax,
    idleTimeoutMs: idleTimeoutMs === 0 ? undefined : Math.max(MIN_ADVERTISED_IDLE_MS, Math.floor(idleTimeoutMs / 2)),
    properties,
    offeredCapabilities,
  };
}

/** Before the peer's came. */
export const NO_PEER: AcceptedConnection['peer'] = Object.freeze({
  containerId: '',
  hostname: undefined,
  maxFrameSize: 0,
  channelMax: 0,
  idleTimeoutMs: undefined,
  properties: Object.freeze({}),
  offeredCapabilities: Object.freeze([]),
});

const UINT_MAX = 0xffff_ffff;

/** What the peer said in its own. */
export function peerOf(frame: OpenFrame): AcceptedConnection['peer'] {
  return {
    containerId: frame.containerId,
    hostname: frame.hostname,
    maxFrameSize: frame.maxFrameSize ?? UINT_MAX,
    channelMax: frame.channelMax ?? 65_535,
    idleTimeoutMs: frame.idleTimeoutMs,
    properties: frame.properties ?? {},
    offeredCapabilities: frame.offeredCapabilities ?? [],
  };
}
