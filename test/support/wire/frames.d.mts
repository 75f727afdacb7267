import type { Described, Raw, Typed } from './values.mjs';

/** A field may also be given as bytes or as another type: that is how wrong frames are made. */
export type Loose<T> = { [K in keyof T]?: T[K] | Typed | Described | Raw | null | undefined };

export interface WireError {
  kind: 'error';
  condition: string;
  description?: string;
  info?: Record<string, unknown>;
}
export interface WireTerminus {
  kind: 'source' | 'target' | 'coordinator';
  address?: unknown;
  durable?: number;
  expiryPolicy?: string;
  timeout?: number;
  dynamic?: boolean;
  dynamicNodeProperties?: Record<string, unknown>;
  distributionMode?: string;
  filter?: Record<string, unknown>;
  defaultOutcome?: WireState;
  outcomes?: string[];
  capabilities?: string[];
}
export type WireState =
  | { kind: 'received'; sectionNumber: number; sectionOffset: number }
  | { kind: 'accepted' }
  | { kind: 'rejected'; error?: WireError }
  | { kind: 'released' }
  | {
      kind: 'modified';
      deliveryFailed?: boolean;
      undeliverableHere?: boolean;
      messageAnnotations?: Record<string, unknown>;
    }
  | { kind: 'declared'; txnId: Buffer }
  | { kind: 'transactional'; txnId: Buffer; outcome?: WireState };
export interface FrameFields {
  open: {
    containerId: string;
    hostname?: string;
    maxFrameSize?: number;
    channelMax?: number;
    idleTimeOut?: number;
    outgoingLocales?: string[];
    incomingLocales?: string[];
    offeredCapabilities?: string[];
    desiredCapabilities?: string[];
    properties?: Record<string, unknown>;
  };
  begin: {
    remoteChannel?: number;
    nextOutgoingId: number;
    incomingWindow: number;
    outgoingWindow: number;
    handleMax?: number;
    offeredCapabilities?: string[];
    desiredCapabilities?: string[];
    properties?: Record<string, unknown>;
  };
  attach: {
    name: string;
    handle: number;
    role: boolean;
    sndSettleMode?: number;
    rcvSettleMode?: number;
    source?: WireTerminus;
    target?: WireTerminus;
    unsettled?: unknown;
    incompleteUnsettled?: boolean;
    initialDeliveryCount?: number;
    maxMessageSize?: number | bigint;
    offeredCapabilities?: string[];
    desiredCapabilities?: string[];
    properties?: Record<string, unknown>;
  };
  flow: {
    nextIncomingId?: number;
    incomingWindow: number;
    nextOutgoingId: number;
    outgoingWindow: number;
    handle?: number;
    deliveryCount?: number;
    linkCredit?: number;
    available?: number;
    drain?: boolean;
    echo?: boolean;
    properties?: Record<string, unknown>;
  };
  transfer: {
    handle: number;
    deliveryId?: number;
    deliveryTag?: Buffer;
    messageFormat?: number;
    settled?: boolean;
    more?: boolean;
    rcvSettleMode?: number;
    state?: WireState;
    resume?: boolean;
    aborted?: boolean;
    batchable?: boolean;
  };
  disposition: {
    role: boolean;
    first: number;
    last?: number;
    settled?: boolean;
    state?: WireState;
    batchable?: boolean;
  };
  detach: { handle: number; closed?: boolean; error?: WireError };
  end: { error?: WireError };
  close: { error?: WireError };
  mechanisms: { mechanisms: string[] };
  init: { mechanism: string; initialResponse?: Buffer; hostname?: string };
  challenge: { challenge: Buffer };
  response: { response: Buffer };
  outcome: { code: number; additionalData?: Buffer };
  empty: object;
}
export type Performative = keyof FrameFields;
export interface FrameHead {
  readonly channel: number;
  readonly size: number;
  readonly payload: Buffer;
}
/** A frame as it came: its fields, its channel, its size and what follows the performative. */
export type FrameOf<P extends Performative> = FrameFields[P] & FrameHead & { readonly performative: P };
export type AnyFrame = { [P in Performative]: FrameOf<P> }[Performative];

export declare const AMQP_HEADER: Buffer;
export declare const SASL_HEADER: Buffer;
export declare const EMPTY_FRAME: Buffer;
/** A described list by its name, for example `described('accepted', {})`. Trailing nulls are left out. */
export declare function described(kind: string, fields: object): Described;
/** Frame header and body. `size`, `doff`, `type` can be lies. */
export declare function rawFrame(
  body: Buffer,
  options?: { channel?: number; type?: number; doff?: number; size?: number },
): Buffer;
/** The bytes of one frame. */
export declare function encodeFrame<P extends Exclude<Performative, 'empty'>>(
  performative: P,
  channel: number,
  fields?: Loose<FrameFields[P]>,
  payload?: Buffer,
): Buffer;
/** One complete frame from its bytes. Fields that are absent or null are absent in the object. */
export declare function decodeFrame(bytes: Buffer): AnyFrame;
/** Cuts a byte stream into protocol headers and frames. */
export declare class FrameSplitter {
  push(chunk: Buffer): { kind: 'header' | 'frame'; bytes: Buffer }[];
}
