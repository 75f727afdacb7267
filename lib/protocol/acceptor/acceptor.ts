// The server side of one byte stream, for lib/broker: own SASL, own control frames, the same data plane as the client. Loads no rhea.
// What a broker decides comes back through the functions of `AcceptorHandlers`.

import type { AmqpError, PeerError } from '../errors.js';
import type { PeerOpen } from '../connection.js';
import type { IncomingDelivery, OutgoingTransfer, ReceiverLink, Terminus } from '../links.js';
import type { Outcome } from '../outcome.js';

export interface AcceptorOptions {
  readonly containerId: string;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  /** Highest handle of a session; one link more than this number. */
  readonly handleMax: number;
  /** Silence after which the peer is dropped; half is advertised. 0: never. */
  readonly idleTimeoutMs: number;
  /** SASL and OPEN together. */
  readonly handshakeTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly properties?: Record<string, unknown>;
  readonly offeredCapabilities?: readonly string[];
  readonly sasl: {
    readonly mechanisms: readonly ServerSaslMechanism[];
    /** A peer that opens without a SASL layer has this identity; `undefined`: it is turned away. */
    readonly identityWithout?: string | undefined;
  };
}

/** One mechanism a server offers. Anything but an identity is a refusal with SASL code 1; no user input picks a property by name. */
export interface ServerSaslMechanism {
  readonly name: string;
  /** A peer that gives no initial response is asked for one by an empty challenge. */
  readonly needsResponse: boolean;
  /** `undefined`: refused. */
  authenticate(
    response: Buffer | undefined,
  ): Promise<{ readonly identity: string } | undefined> | { readonly identity: string } | undefined;
}

/** What the layer above decides. What one of them throws closes the connection with `amqp:internal-error`. */
export interface AcceptorHandlers {
  /** The peer's OPEN arrived. An error closes the connection with it. */
  onOpen(connection: AcceptedConnection, identity: string): PeerError | undefined;
  /** A link was asked for: accept or refuse it before this returns. */
  onAttach(request: AttachRequest): void;
  /** Once for each connection that `onOpen` was called for, however it ended; `undefined`: closed in order. All its links have ended. */
  onClosed(connection: AcceptedConnection, error: AmqpError | undefined): void;
}

export interface AcceptedConnection {
  readonly peer: PeerOpen & { readonly hostname: string | undefined };
  /** Writes CLOSE with the error, then ends the stream (destroyed after a second). Twice is harmless. */
  close(error?: PeerError): void;
  /** As a crash would: no frame at all. */
  destroy(): void;
}

interface AttachRequestBase {
  readonly connection: AcceptedConnection;
  readonly name: string;
  readonly source: Terminus | undefined;
  /** For a coordinator: `undefined`, and `coordinator` is set. */
  readonly target: Terminus | undefined;
  readonly coordinator: { readonly capabilities: readonly string[] } | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly desiredCapabilities: readonly string[];
  /** Answers ATTACH with a null terminus, then DETACH closed with the error (section 2.6.3). */
  refuse(error: PeerError): void;
  /** RabbitMQ's way: ends the whole session with the error. */
  refuseSession(error: PeerError): void;
}

/** The peer wants to receive: we send. */
export interface PeerReceives extends AttachRequestBase {
  readonly role: 'peer-receives';
  readonly settleMode: 'unsettled' | 'settled' | 'mixed';
  accept(answer: {
    readonly source: Terminus;
    readonly properties?: Record<string, unknown>;
    readonly offeredCapabilities?: readonly string[];
    /** Credit or window rose, or room in the socket again. */
    readonly onSendable: () => void;
    /** The peer drains: give what there is by `send`, synchronously; unused credit is returned afterwards. */
    readonly onDrain: () => void;
    readonly onClosed: (closed: boolean, error: PeerError | undefined) => void;
  }): ServerSender;
}

/** The peer wants to send: we receive. */
export interface PeerSends extends AttachRequestBase {
  readonly role: 'peer-sends';
  accept(answer: {
    readonly target: Terminus;
    readonly maxMessageSize?: number;
    readonly properties?: Record<string, unknown>;
    readonly offeredCapabilities?: readonly string[];
    readonly coordinator?: { readonly capabilities: readonly string[] };
    /** `payload[start, end)` is borrowed for the call. `transactionId` when it was posted within one. */
    readonly onDelivery: (delivery: ServerDelivery, payload: Buffer, start: number, end: number) => void;
    readonly onClosed: (closed: boolean, error: PeerError | undefined) => void;
  }): ReceiverLink & ServerLink;
}

export type AttachRequest = PeerReceives | PeerSends;

export interface ServerLink {
  /** DETACH closed, with the error. `onClosed` is not called. */
  close(error?: PeerError): void;
}

export interface ServerSender extends ServerLink {
  readonly name: string;
  readonly credit: number;
  /** As `SenderLink.send`. A peer's transactional-state outcome reaches `ServerTransfer.settledInTransaction`. */
  send(transfer: ServerTransfer): boolean;
}

export interface ServerTransfer extends OutgoingTransfer {
  /** The receiver settled within a transaction: keep it until discharge. */
  settledInTransaction?(transactionId: Buffer, outcome: Outcome | undefined): void;
}

export interface ServerDelivery extends IncomingDelivery {
  readonly transactionId: Buffer | undefined;
  /** For a coordinator's answer: the `declared` state with the new transaction id. */
  declared(transactionId: Buffer): void;
}
