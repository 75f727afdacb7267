import type { AmqpMessage, Outcome } from '../../protocol/index.js';
import type { AuthenticationStatus } from '../authentication/authentication-status.js';
import type { StatusEvent } from '../connection/status.js';
import type { ReceivedMessage } from '../message/received-message.js';
import type { PolicyDecision } from '../policy/handler-policy.js';
import type { SendResult } from '../send/send-result.js';
import type { ObservedConnection } from './observed-connection.js';
import type { ObservedNode } from './observed-node.js';

/** What `onSend` may hand back. */
export interface SendObservation {
  /** Comes back in `onSent`. */
  readonly token?: unknown;
  /** Added to the message, for example a trace context. */
  readonly applicationProperties?: Record<string, unknown> | undefined;
  /** The same for annotations. A peer may be particular about their names: RabbitMQ takes those that start with `x-`. */
  readonly messageAnnotations?: Record<string, unknown> | undefined;
}

/** A message that is about to be sent. */
export interface ObservedSend {
  readonly address: string;
  readonly node: ObservedNode;
  /** For looking at: what is written into the bytes of its body may reach the peer, or a part of it. */
  readonly message: AmqpMessage;
  /** What this observer's `onRequest` handed out, when the message is a request. */
  readonly request?: unknown;
}

/** A message that was received, from where, and by whom. */
export interface ObservedMessage {
  readonly address: string;
  readonly node: ObservedNode;
  readonly message: ReceivedMessage;
  /** The `name` of its subscription; in Nest the name of the consumer. `undefined`: it has none, or the message was fetched. */
  readonly consumer?: string | undefined;
}

/** A message that is about to be handled. */
export interface ObservedDelivery extends ObservedMessage {
  /** All that the handler is called with, where it takes batches: `onDelivery` is called for each of them in turn. */
  readonly batch?: readonly ReceivedMessage[] | undefined;
  /** It cannot be read, or not be put in its order: no handler is called, and `onHandled` follows at once. */
  readonly failure?: { readonly error: unknown } | undefined;
}

/** One `receiveBatch`, `get` or step of an iteration that is over. */
export interface ObservedReceive {
  readonly address: string;
  readonly node: ObservedNode;
  /** Empty when none came in time, or it failed. */
  readonly messages: readonly ReceivedMessage[];
  /** When it was called, in milliseconds of `performance.now()`. */
  readonly startedAt: number;
  readonly failure?: { readonly error: unknown } | undefined;
}

/**
 * What telemetry and the dashboard listen to. Every method is optional and costs nothing when absent. None may throw; one that
 * does is logged once and otherwise ignored.
 */
export interface Observer {
  /**
   * Called once for each connection, while it is made: what this returns listens to it in place of this observer, whose other methods
   * are not called then.
   */
  forConnection?(connection: ObservedConnection): Observer;
  onStatus?(event: StatusEvent): void;
  /** A token was put, renewed, not renewed, or is over (credentials by `sasToken` and `jwtToken`). */
  onAuthentication?(status: AuthenticationStatus): void;
  /** Before a message is encoded for the first time, in the call that sends it: of one that was queued, in `sendAllMessages`. Of a request: as soon as there is a reply address. */
  // oxlint-disable-next-line typescript/no-invalid-void-type -- a listener that hands nothing back is the usual one
  onSend?(event: ObservedSend): SendObservation | void;
  /** Once for each `onSend`, whatever became of it. */
  onSent?(token: unknown, result: SendResult): void;
  /** A request begins, in the call that makes it; what it returns comes back in `onSend` and `onReplied`. */
  onRequest?(event: { readonly address: string; readonly node: ObservedNode }): unknown;
  /** Once for each `onRequest`: its last reply came, or `error` says why there is none. */
  onReplied?(token: unknown, error?: unknown): void;
  /** Messages were fetched, or could not be. */
  onReceive?(event: ObservedReceive): void;
  /** A message is about to be handled; what it returns comes back in `runHandler`, `onHandled` and `runPolicy`. */
  onDelivery?(event: ObservedDelivery): unknown;
  /** Runs one call of the handler, for example inside a span's context. Must return what `run` returns. Of a batch: by its first token. */
  runHandler?<T>(token: unknown, run: () => T): T;
  /** The call ended; `error` is what it failed with, also when the handler answered the failure itself (`@MessagePattern`). */
  onHandled?(token: unknown, error?: unknown): void;
  /** The policy has said what becomes of a message whose handler failed, or that could not be decoded. */
  onDecision?(event: ObservedMessage & { readonly error: unknown; readonly decision: PolicyDecision }): void;
  /**
   * Runs what follows a failure: the policy, and what it sends and settles. After `onHandled`. As `runHandler` in all else.
   */
  runPolicy?<T>(token: unknown, run: () => T): T;
  /**
   * A message was settled, in a transaction when that is committed; the outcome as this peer understands it. Not where its link was gone, nor
   * where the transaction was rolled back: then it comes again.
   */
  onSettle?(event: ObservedMessage & { readonly outcome: Outcome }): void;
}
