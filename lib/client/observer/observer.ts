import type { AmqpMessage, Outcome } from '../../protocol/index.js';
import type { AuthenticationStatus } from '../authentication/authentication-status.js';
import type { StatusEvent } from '../connection/status.js';
import type { ReceivedMessage } from '../message/received-message.js';
import type { PolicyDecision } from '../policy/handler-policy.js';
import type { SendResult } from '../send/send-result.js';

/** What `onSend` may hand back. */
export interface SendObservation {
  /** Comes back in `onSent`. */
  readonly token?: unknown;
  /** Added to the message, for example a trace context. */
  readonly applicationProperties?: Record<string, unknown>;
}

/** A message that was received, and by whom. */
export interface ObservedMessage {
  readonly address: string;
  readonly message: ReceivedMessage;
  /** The `name` of its subscription; in Nest the name of the consumer. `undefined`: it has none, or the message was fetched. */
  readonly consumer?: string | undefined;
}

/**
 * What telemetry and the dashboard listen to. Every method is optional and costs nothing when absent. None may throw; one that
 * does is logged once and otherwise ignored.
 */
export interface Observer {
  onStatus?(event: StatusEvent): void;
  /** A token was put, renewed, not renewed, or is over (credentials by `sasToken` and `jwtToken`). */
  onAuthentication?(status: AuthenticationStatus): void;
  /** Before a message is encoded for the first time. */
  // oxlint-disable-next-line typescript/no-invalid-void-type -- a listener that hands nothing back is the usual one
  onSend?(event: { readonly address: string; readonly message: AmqpMessage }): SendObservation | void;
  /** Once for each `onSend`, whatever became of it. */
  onSent?(token: unknown, result: SendResult): void;
  /** A message is about to be handled; what it returns comes back in `runHandler` and `onHandled`. */
  onDelivery?(event: ObservedMessage): unknown;
  /** Runs one call of the handler, for example inside a span's context. Must return what `run` returns. */
  runHandler?<T>(token: unknown, run: () => T): T;
  /** The call ended; `error` is what it failed with. */
  onHandled?(token: unknown, error?: unknown): void;
  /** The policy has said what becomes of a message whose handler failed, or that could not be decoded. */
  onDecision?(event: ObservedMessage & { readonly error: unknown; readonly decision: PolicyDecision }): void;
  onSettle?(event: ObservedMessage & { readonly outcome: Outcome }): void;
}
