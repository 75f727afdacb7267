// What the protocol layer gives to the layer above: links, and what goes through them. The classes that do it are in session/; every
// upward call goes through the functions handed down here.

import type { AmqpError, PeerError } from './errors.js';
import type { AmqpMessage } from './message/amqp-message.js';
import type { Outcome } from './outcome.js';

/** A terminus on the wire; `undefined` fields are absent. */
export interface Terminus {
  readonly address?: string | null | undefined;
  readonly dynamic?: boolean | undefined;
  readonly dynamicNodeProperties?: Record<string, unknown> | undefined;
  readonly durable?: 'none' | 'configuration' | 'unsettled-state' | undefined;
  readonly expiryPolicy?: 'link-detach' | 'session-end' | 'connection-close' | 'never' | undefined;
  /** Seconds (section 3.5.3). */
  readonly timeout?: number | undefined;
  readonly capabilities?: readonly string[] | undefined;
  /** Sources only. */
  readonly distributionMode?: 'move' | 'copy' | undefined;
  /** Sources only: filter-set, name (a symbol) to value; a described filter is a `Described`. */
  readonly filters?: Record<string, unknown> | undefined;
}

interface AttachOptions {
  /** Unique for its role among the links between the two containers. */
  readonly name: string;
  readonly source: Terminus;
  readonly target: Terminus;
  readonly properties?: Record<string, unknown> | undefined;
  readonly offeredCapabilities?: readonly string[] | undefined;
  readonly desiredCapabilities?: readonly string[] | undefined;
  /** Aborts the attach; whatever the peer answers later is detached. */
  readonly signal: AbortSignal;
  /** Once, when an attached link ends for whatever reason but our own `detach()`. */
  readonly onClosed: (error: AmqpError) => void;
}

export interface AttachSenderOptions extends AttachOptions {
  readonly settleMode: 'unsettled' | 'settled' | 'mixed';
  /** The link can take messages again after `send` answered `false`, and after each flow that raised its credit. */
  readonly onSendable: () => void;
  /** The peer asked to drain and the credit was given back. */
  readonly onDrained?: () => void;
}

export interface AttachReceiverOptions extends AttachOptions {
  readonly settleMode: 'unsettled' | 'settled' | 'mixed';
  /** Accumulated bytes of one message; a larger one is discarded while it streams in. Never advertised. */
  readonly maxMessageBytes: number;
  /** New credit only when the old is used up, for peers that do not count what is on its way. @default false */
  readonly creditWhenUsedUp?: boolean | undefined;
  /** `false`: the peer cannot drain but answers each flow, so that `drain()` takes the credit back and waits for two answers. @default true */
  readonly drains?: boolean | undefined;
  /** Sent in ATTACH only when given. */
  readonly advertisedMaxMessageSize?: number | undefined;
  /**
   * One complete delivery. `payload[start, end)` is borrowed: it may be read during this call only.
   * A message over the limit comes with `oversized: true` and no bytes (start = end). Must not throw; if it does, the delivery
   * is released and the error goes to `onClosed` of nobody: it is rethrown in a task of its own, never through the socket.
   */
  readonly onDelivery: (delivery: IncomingDelivery, payload: Buffer, start: number, end: number) => void;
}

export interface AttachCoordinatorOptions {
  readonly name: string;
  readonly capabilities?: readonly string[] | undefined;
  readonly signal: AbortSignal;
  readonly onClosed: (error: AmqpError) => void;
}

/**
 * What the layer above hands over to be sent; the link keeps the object itself, so that nothing is allocated per message.
 * After `send` returned true exactly one of the two functions is called, exactly once, never during `send` itself.
 */
export interface OutgoingTransfer {
  readonly message: AmqpMessage;
  /** Already encoded sections; then `message` is not looked at (batch messages, transactional control). */
  readonly encoded?: Buffer | undefined;
  /** The bytes that are `message.body`, where nobody ever writes into them: large ones go to the stream without being copied. */
  readonly ownBody?: Buffer | undefined;
  /** 0 unless said otherwise. */
  readonly messageFormat?: number | undefined;
  /** Send this one pre-settled (where the link's mode allows): `settled(undefined)` follows when it is handed to the stream. */
  readonly presettled?: boolean | undefined;
  readonly transactionId?: Buffer | undefined;
  /**
   * The peer's outcome; `undefined`: pre-settled and written, or settled by the peer without a state. `problem` is set when the
   * state is one that this library does not know.
   */
  settled(outcome: Outcome | undefined, problem?: string): void;
  /** The link ended before an outcome came. `written` tells whether a byte of it may have reached the peer. */
  failed(error: AmqpError, written: boolean): void;
}

/** An attached link that sends. */
export interface SenderLink {
  readonly name: string;
  readonly isOpen: boolean;
  /** What the peer made of the attach: a dynamic address, its capabilities, its properties. */
  readonly remote: RemoteAttach;
  readonly credit: number;
  /** Messages sent and not yet settled by the peer. */
  readonly unsettledCount: number;
  /** The last message was taken, and frames of it wait for the session's window or for room in the stream. */
  readonly isWriting: boolean;
  /** The peer's max-message-size; `undefined`: none. */
  readonly maxMessageSize: number | undefined;
  /**
   * Encodes and writes one message. `false`: no credit, window or room in the socket; nothing was taken, `onSendable` will follow.
   * @throws {EncodingFailure} the value has no form in AMQP
   * @throws {SizeFailure} it is larger than the peer allows
   */
  send(transfer: OutgoingTransfer): boolean;
  /** Detaches (`closed: false` keeps a durable terminus); waits for the outcomes of what was sent, at most `timeoutMs`. Never rejects. */
  detach(options: { readonly closed: boolean; readonly timeoutMs: number; readonly error?: PeerError }): Promise<void>;
}

/** One delivery in hand. */
export interface IncomingDelivery {
  readonly link: ReceiverLink;
  /** A copy, made when asked for. */
  readonly tag: Buffer;
  readonly messageFormat: number;
  /** The peer sent it pre-settled. */
  readonly presettled: boolean;
  readonly oversized: boolean;
  /** Settled by us, or pre-settled. */
  readonly isSettled: boolean;
  /**
   * Settles once; dispositions are written in ranges at the end of the turn. `stale`: the link is gone and the peer will deliver
   * again. A second call changes nothing and answers what the first did. Frees the place in the prefetch window.
   */
  settle(outcome: Outcome, transactionId?: Buffer): 'settled' | 'stale';
  /** Pre-settled deliveries only: handled, its place in the prefetch window is free. Harmless otherwise. */
  done(): void;
}

/** An attached link that receives. No credit until `setPrefetch`. */
export interface ReceiverLink {
  readonly name: string;
  readonly isOpen: boolean;
  readonly remote: RemoteAttach;
  /** Credit out at the peer. */
  readonly credit: number;
  /** Deliveries in hand: unsettled, or pre-settled and not `done`. */
  readonly inHand: number;
  /**
   * From now on: credit = `prefetch` - in hand, topped up in batches, so that in hand never exceeds `prefetch`. 0 takes the
   * credit back (what is on its way still arrives). The first credit is written at once, later ones with the dispositions.
   */
  setPrefetch(prefetch: number): void;
  /** Manual credit for embedded uses: adds to the credit, the prefetch window must be 0. */
  addCredit(credit: number): void;
  /** Sends drain; resolves when the peer has used or returned all credit; rejects with the signal's reason or the link's error. Credit is 0 afterwards, until `setPrefetch`. */
  drain(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Writes the buffered dispositions now. */
  flush(): void;
  detach(options: { readonly closed: boolean; readonly timeoutMs: number; readonly error?: PeerError }): Promise<void>;
}

/** What the peer answered to an attach. */
export interface RemoteAttach {
  readonly source: Terminus | undefined;
  readonly target: Terminus | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly offeredCapabilities: readonly string[];
}

/** A link to the peer's transaction coordinator (part 4). */
export interface CoordinatorLink {
  readonly isOpen: boolean;
  readonly capabilities: readonly string[];
  declare(options: { readonly signal: AbortSignal }): Promise<Buffer>;
  /**
   * Rejects with an AmqpError that carries the peer's condition (`amqp:transaction:rollback` ...) when it was refused, and with code
   * `rolled-back` when it certainly was not done: refused, or never sent. After any other rejection nobody knows.
   */
  discharge(transactionId: Buffer, fail: boolean, options: { readonly signal: AbortSignal }): Promise<void>;
  detach(options: { readonly timeoutMs: number }): Promise<void>;
}
