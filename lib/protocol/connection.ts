// What the protocol layer gives to the layer above: one open connection and its sessions. The classes that do it are in control/;
// every upward call goes through the functions handed down here.

import type { Duplex } from 'node:stream';
import type { AmqpError } from './errors.js';
import type {
  AttachCoordinatorOptions,
  AttachReceiverOptions,
  AttachSenderOptions,
  CoordinatorLink,
  ReceiverLink,
  SenderLink,
} from './links.js';
import type { Secrets } from './secrets.js';

/** One SASL mechanism of a client. `step` answers a challenge; the first response is given at once. */
export interface SaslMechanism {
  readonly name: string;
  /** Also accepted in place of `name` when only these are offered, in this order (for example MSSBCBS). */
  readonly alternatives?: readonly string[];
  /** @param chosen `name` (as without it), or the alternative that the peer offers */
  initialResponse(chosen?: string): Buffer | undefined | Promise<Buffer | undefined>;
  /**
   * Also asked, after at least one challenge, with the additional data of a successful outcome: the last word of a mechanism in
   * which the peer proves itself too. What it answers then is not sent; a throw or rejection ends the attempt.
   */
  step(challenge: Buffer): Buffer | Promise<Buffer>;
  /** The peer says that it has succeeded: a mechanism in which it proves itself too throws where it has not. */
  concluded?(): void;
}

export interface OpenConnectionOptions {
  /** A connected byte stream: TCP, TLS (after its handshake), WebSocket or in-memory. Owned from here on. */
  readonly stream: Duplex;
  readonly containerId: string;
  readonly hostname?: string | undefined;
  readonly sasl: SaslMechanism;
  /** What the peer is told in confidence: nothing that it says shows it again. @default none */
  readonly secrets?: Secrets | undefined;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  /** Silence from the peer after which the connection is given up; half of it is advertised, at least 1 000. 0: never. */
  readonly idleTimeoutMs: number;
  /** Longest time between two frames of ours; `undefined`: by `heartbeatRatio` alone. */
  readonly heartbeatMs?: number | undefined;
  /** Part of the time that the peer asked for, over 0 and up to 1, after which we write. @default 0.5 */
  readonly heartbeatRatio?: number | undefined;
  /** Frames that the peer may send on a session before we renew its window, 2 at least. @default 16_384 */
  readonly incomingWindow?: number | undefined;
  /** Highest handle that the peer may use on a session, and that we use ourselves. @default 65_535 */
  readonly handleMax?: number | undefined;
  readonly properties?: Record<string, unknown> | undefined;
  readonly offeredCapabilities?: readonly string[] | undefined;
  readonly desiredCapabilities?: readonly string[] | undefined;
  /** Aborts SASL and OPEN (the connect time-out); the stream is then destroyed. */
  readonly signal: AbortSignal;
  /** Once, when an open connection ends for whatever reason but `close()`. Never called before the promise resolved. */
  readonly onLost: (error: AmqpError) => void;
  /** A line for each frame in both directions, without secrets and bodies. */
  readonly trace?: ((line: string) => void) | undefined;
  /** The peer stopped (`true`) or resumed (`false`) taking transfers on every session, as RabbitMQ does under an alarm. */
  readonly onBlocked?: (blocked: boolean) => void;
}

/** What the peer said in its OPEN. */
export interface PeerOpen {
  readonly containerId: string;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  readonly idleTimeoutMs: number | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly offeredCapabilities: readonly string[];
}

/** An open AMQP connection. */
export interface ProtocolConnection {
  readonly peer: PeerOpen;
  /** Sessions in use, of at most `min(channelMax of both sides) + 1`. */
  readonly sessionCount: number;
  readonly sessionLimit: number;
  /** @throws ConnectionError, AmqpError (aborted: the signal's reason) */
  beginSession(options: { readonly signal: AbortSignal }): Promise<ProtocolSession>;
  /** Flushes, closes and destroys; resolves within `timeoutMs`, never rejects. Open links and sessions end with it. */
  close(options: { readonly timeoutMs: number }): Promise<void>;
  /** Drops the stream without a word. `onLost` is not called. */
  destroy(error: AmqpError): void;
}

/** One session. When it ends, each of its links is told through `onClosed`. */
export interface ProtocolSession {
  readonly isOpen: boolean;
  /** The smaller of both sides' handle-max: links of at most this number + 1. */
  readonly handleMax: number;
  readonly linkCount: number;
  attachSender(options: AttachSenderOptions): Promise<SenderLink>;
  attachReceiver(options: AttachReceiverOptions): Promise<ReceiverLink>;
  attachCoordinator(options: AttachCoordinatorOptions): Promise<CoordinatorLink>;
  /** Flushes settlements and ends it; resolves when the peer answered or `timeoutMs` passed. Never rejects. */
  end(options: { readonly timeoutMs: number }): Promise<void>;
}
