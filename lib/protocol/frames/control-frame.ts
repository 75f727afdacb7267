// The frames that open and close connections, sessions and links (sections 2.7.1 to 2.7.9), as plain values.

import type { Terminus } from '../links.js';
import type { PeerError } from '../errors.js';
import type { Coordinator } from './terminus.js';

export type { Coordinator } from './terminus.js';

/** What open, begin and attach have in common. */
export interface Capabilities {
  readonly offeredCapabilities?: readonly string[] | undefined;
  readonly desiredCapabilities?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
}

export interface OpenFrame extends Capabilities {
  readonly kind: 'open';
  readonly containerId: string;
  readonly hostname?: string | undefined;
  readonly maxFrameSize?: number | undefined;
  readonly channelMax?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
}

export interface BeginFrame extends Capabilities {
  readonly kind: 'begin';
  readonly remoteChannel?: number | undefined;
  readonly nextOutgoingId: number;
  readonly incomingWindow: number;
  readonly outgoingWindow: number;
  readonly handleMax?: number | undefined;
}

/** A peer's unsettled map is checked and ignored: deliveries are never resumed. */
export interface AttachFrame extends Capabilities {
  readonly kind: 'attach';
  readonly name: string;
  readonly handle: number;
  /** What the side that sent this frame is on the link. */
  readonly role: 'sender' | 'receiver';
  readonly senderSettleMode?: 'unsettled' | 'settled' | 'mixed' | undefined;
  readonly receiverSettleMode?: 'first' | 'second' | undefined;
  /** `undefined`: null on the wire, as in the answer to an attach that is refused. */
  readonly source?: Terminus | undefined;
  readonly target?: Terminus | undefined;
  /** In place of the target. */
  readonly coordinator?: Coordinator | undefined;
  /** Mandatory for a sender (0 is written when it is absent). */
  readonly initialDeliveryCount?: number | undefined;
  /** `undefined`: no limit; so are 0 and what no number can hold. */
  readonly maxMessageSize?: number | undefined;
}

export interface DetachFrame {
  readonly kind: 'detach';
  readonly handle: number;
  readonly closed: boolean;
  readonly error?: PeerError | undefined;
}

export interface EndFrame {
  readonly kind: 'end';
  readonly error?: PeerError | undefined;
}

export interface CloseFrame {
  readonly kind: 'close';
  readonly error?: PeerError | undefined;
}

export type ControlFrame = OpenFrame | BeginFrame | AttachFrame | DetachFrame | EndFrame | CloseFrame;

export const OPEN = 0x10;
export const BEGIN = 0x11;
export const ATTACH = 0x12;
export const DETACH = 0x16;
export const END = 0x17;
export const CLOSE = 0x18;

/** By their numbers on the wire. */
export const SENDER_SETTLE_MODES = ['unsettled', 'settled', 'mixed'] as const;
/** By their numbers on the wire. */
export const RECEIVER_SETTLE_MODES = ['first', 'second'] as const;
