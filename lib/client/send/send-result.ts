import type { MessageId, Outcome } from '../../protocol/index.js';
import type { SendError } from '../errors.js';

/** A message that the peer has, or that was written pre-settled. */
export interface SendSuccess {
  readonly ok: true;
  readonly messageId: MessageId;
  /** Absent when the message was sent pre-settled. */
  readonly outcome?: Outcome;
  /** `false`: an exchange or topic without a taker, where `mandatory` is false. */
  readonly routed: boolean;
  /** Transfers made. */
  readonly attempts: number;
}

/** A batch message that the peer has: the facts of its transfers together, and each by itself. */
export interface BatchSuccess extends SendSuccess {
  /** More than one where the batch did not fit into one transfer of the peer's max-message-size. */
  readonly transfers: readonly SendSuccess[];
}

/** A message that failed; `error.delivered` says whether the peer may have it. */
export interface SendFailureResult {
  readonly ok: false;
  /** Absent when the message could not even be made. */
  readonly messageId?: MessageId;
  readonly error: SendError;
  readonly attempts: number;
}

/** What became of one message. */
export type SendResult = SendSuccess | SendFailureResult;
