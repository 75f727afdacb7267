import type { AnyFrame, FrameFields, FrameOf, Loose, Performative, WireState } from '../wire/frames.mjs';
import type { PeerConnection } from './peer-connection.js';
import type { PeerLink } from './peer-link.js';
import type { ReplyFault } from './reply-faults.js';

/** Answers one kind of frame in place of the peer's own answer; `byDefault()` gives that one after all. */
export type FrameHandler<P extends Performative> = (
  connection: PeerConnection,
  frame: FrameOf<P>,
  byDefault: () => void,
) => unknown;

/** A complete message that the client sent: its frames put together. */
export interface ReceivedDelivery {
  readonly link: PeerLink;
  readonly deliveryId: number;
  readonly tag: Buffer;
  readonly messageFormat: number;
  readonly settled: boolean;
  readonly state: WireState | undefined;
  readonly frames: number;
  readonly payload: Buffer;
}

/** How the peer behaves. Everything is optional; without anything it opens, attaches, grants credit and accepts. */
export interface PeerScript {
  /** Offered SASL mechanisms. @default ['PLAIN', 'ANONYMOUS'] */
  readonly mechanisms?: readonly string[];
  /** Code of the SASL outcome. @default 0 */
  readonly saslCode?: number;
  /** Fields of the answers, over the peer's own. */
  readonly open?: Loose<FrameFields['open']>;
  readonly begin?: Loose<FrameFields['begin']>;
  readonly attach?:
    Loose<FrameFields['attach']> | ((attach: FrameOf<'attach'>) => Loose<FrameFields['attach']> | undefined);
  /** Credit for each link on which the client sends. Given: exactly this, once. Not given: 100, topped up at half. */
  readonly credit?: number;
  /** Tops the credit up when half of it is used. @default true when `credit` is not given */
  readonly refill?: boolean;
  /** The state with which a complete delivery is settled; `undefined` leaves it unsettled. @default accepted */
  readonly verdict?: (delivery: ReceivedDelivery) => WireState | undefined;
  /** The peer's transfer ids start here. @default 2^32 - 4 */
  readonly nextOutgoingId?: number;
  /** The peer's delivery ids start here. @default 2^32 - 3 */
  readonly firstDeliveryId?: number;
  /** Delivery-count of links on which the peer sends. @default 2^32 - 5 */
  readonly initialDeliveryCount?: number;
  /** Transfers that a session takes before it is topped up (at half). @default 2048 */
  readonly incomingWindow?: number;
  /** Sends empty frames when the client asks for them. @default true */
  readonly heartbeats?: boolean;
  /** Everything goes out in pieces of this many bytes, one per turn of the event loop. */
  readonly chunk?: number;
  /** Reads nothing at all from the first byte on. @default false */
  readonly silent?: boolean;
  /** What happens to replies (and to every other frame of that kind which the peer sends). */
  readonly replies?: { readonly [P in Performative | 'header' | 'any']?: ReplyFault };
  /** Answers in place of the peer's own. */
  readonly on?: { readonly [P in Performative]?: FrameHandler<P> };
  /** In place of the answer to a protocol header; `id` is 3 for SASL, 0 for AMQP. */
  readonly onHeader?: (connection: PeerConnection, id: number, byDefault: () => void) => unknown;
  /** A stream was accepted; nothing was read or written yet. */
  readonly onConnection?: (connection: PeerConnection) => unknown;
}

/** One frame or header that crossed the wire, and when (milliseconds since 1970, with fractions). */
export type WireRecord = NewRecord & { readonly at: number };

export type NewRecord =
  | {
      readonly direction: 'in' | 'out';
      readonly connection: number;
      readonly kind: 'header';
      readonly protocolId: number;
    }
  | { readonly direction: 'in' | 'out'; readonly connection: number; readonly kind: 'frame'; readonly frame: AnyFrame }
  | {
      readonly direction: 'in' | 'out';
      readonly connection: number;
      readonly kind: 'bytes' | 'end' | 'closed' | 'accepted';
      readonly size: number;
    };

/** One line per record, for failure messages. */
export function describeRecord(record: WireRecord): string {
  const arrow = record.direction === 'in' ? '<-' : '->';
  const where = `#${record.connection} ${arrow}`;
  if (record.kind === 'header') return `${where} header ${record.protocolId === 3 ? 'SASL' : 'AMQP'}`;
  if (record.kind !== 'frame') return `${where} ${record.kind}${record.kind === 'bytes' ? ` ${record.size}` : ''}`;
  const { performative, channel, size, payload, ...fields } = record.frame;
  const text = JSON.stringify(fields, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  return `${where} ${performative} channel=${channel} ${text}${payload.length > 0 ? ` payload=${payload.length}` : ''}${size > 0 ? '' : ' empty'}`;
}
