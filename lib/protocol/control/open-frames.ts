// What both sides say in OPEN.

import type { OpenConnectionOptions, PeerOpen } from '../connection.js';
import type { OpenFrame } from '../frames/control-frames.js';
import { advertisedIdleMs } from '../socket/keep-alive.js';

export const DEFAULT_CHANNEL_MAX = 65_535;

export function ourOpen(options: OpenConnectionOptions): OpenFrame {
  const { containerId, hostname, maxFrameSize, channelMax, properties, offeredCapabilities, desiredCapabilities } =
    options;
  const idleTimeoutMs = advertisedIdleMs(options.idleTimeoutMs);
  return {
    kind: 'open',
    containerId,
    hostname,
    maxFrameSize,
    channelMax,
    idleTimeoutMs,
    properties,
    offeredCapabilities,
    desiredCapabilities,
  };
}

/** With the specification's defaults filled in. */
export function peerOpen(frame: OpenFrame): PeerOpen {
  const { containerId, maxFrameSize, channelMax, idleTimeoutMs, properties, offeredCapabilities } = frame;
  return {
    containerId,
    maxFrameSize: maxFrameSize ?? 0xffff_ffff,
    channelMax: channelMax ?? DEFAULT_CHANNEL_MAX,
    idleTimeoutMs: idleTimeoutMs === 0 ? undefined : idleTimeoutMs,
    properties: properties ?? {},
    offeredCapabilities: offeredCapabilities ?? [],
  };
}
