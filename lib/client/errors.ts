// The errors that the client layer adds. Those of the protocol layer have the same brand and are re-exported by index.ts.

import { AmqpError, type AmqpErrorFacts, type Outcome } from '../protocol/index.js';
import type { SendResult } from './send/send-result.js';

const BRAND = Symbol.for('nestjs-amqp10:error');

/** Why a send failed. `encode`, `message-too-large`, `queue-full` and `batch` are the codes of
 * the subclasses. */
export type SendErrorCode =
  | 'rejected'
  | 'released'
  | 'modified'
  | 'unknown-outcome'
  | 'timeout'
  | 'connection-lost'
  | 'link-closed'
  | 'aborted'
  | 'client-closed'
  | 'not-supported'
  | 'encode'
  | 'message-too-large'
  | 'queue-full'
  | 'batch';

/** What a {@link SendError} carries besides its code and message. */
export interface SendFailure extends AmqpErrorFacts {
  readonly address: string;
  /**
   * Whether the peer has the message.
   *
   * `no`: it does not, so sending again cannot duplicate it. `unknown`: it may, so sending again may duplicate it.
   */
  readonly delivered: 'no' | 'unknown';
  /** Transfers made so far. */
  readonly attempts: number;
  /** What the peer answered. */
  readonly outcome?: Outcome | undefined;
}

/** A message was not confirmed by the peer. Look at `delivered` before sending it again. */
export class SendError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'SendError';

  readonly address: string;
  readonly delivered: 'no' | 'unknown';
  readonly outcome: Outcome | undefined;
  readonly attempts: number;

  constructor(code: SendErrorCode, message: string, failure: SendFailure) {
    super(code, message, { ...failure, scope: 'message' });
    this.address = failure.address;
    this.delivered = failure.delivered;
    this.outcome = failure.outcome;
    this.attempts = failure.attempts;
  }
}

/** The value has no form in AMQP, or the codec refused it. Nothing was sent. */
export class EncodeError extends SendError {
  /** @internal */
  static override readonly [BRAND]: string = 'EncodeError';

  constructor(message: string, address: string, facts: AmqpErrorFacts = {}) {
    super('encode', message, { ...facts, address, delivered: 'no', attempts: 0 });
  }
}

/** The encoded message is larger than the peer takes on this link. Nothing was sent. */
export class MessageTooLargeError extends SendError {
  /** @internal */
  static override readonly [BRAND]: string = 'MessageTooLargeError';

  constructor(message: string, address: string, facts: AmqpErrorFacts = {}) {
    super('message-too-large', message, { ...facts, address, delivered: 'no', attempts: 0 });
  }
}

/**
 * One or more of several messages failed; `results` says what became of each, in the order in which they were given. Its `cause` is an
 * AggregateError of all failures, its `condition` that of the last one.
 *
 * `delivered` is `no` only when the peer has none of them.
 */
export class BatchSendError extends SendError {
  /** @internal */
  static override readonly [BRAND]: string = 'BatchSendError';

  constructor(readonly results: readonly SendResult[]) {
    const failures = results.flatMap((result) => (result.ok ? [] : [result.error]));
    const counted = `${failures.length} of ${results.length} messages failed`;
    super('batch', `${counted}: ${[...new Set(failures.map(({ message }) => message))].slice(0, SHOWN).join('; ')}`, {
      address: failures[0]?.address ?? '',
      delivered:
        failures.length === results.length && failures.every(({ delivered }) => delivered === 'no') ? 'no' : 'unknown',
      attempts: results.reduce((sum, { attempts }) => sum + attempts, 0),
      retryable: failures.every(({ retryable }) => retryable),
      condition: failures.at(-1)?.condition,
      cause: new AggregateError(failures, counted),
    });
    if (failures.every((failure) => AmqpError.hasOwnWords(failure))) AmqpError.inOwnWords(this);
  }
}

/** Different failures that a {@link BatchSendError} puts into its message. */
const SHOWN = 3;

/** The send client holds as many pending messages or bytes as it may. Nothing was sent. */
export class SendQueueFullError extends SendError {
  /** @internal */
  static override readonly [BRAND]: string = 'SendQueueFullError';

  constructor(message: string, address: string, facts: AmqpErrorFacts = {}) {
    super('queue-full', message, { retryable: true, ...facts, address, delivered: 'no', attempts: 0 });
  }
}

/** A delivery cannot be settled this way: settled otherwise before, pre-settled by the peer, or left unsettled by a handler. */
export class SettlementError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'SettlementError';

  constructor(code: 'already-settled' | 'not-settled' | 'pre-settled', message: string, facts: AmqpErrorFacts = {}) {
    super(code, message, { scope: 'message', ...facts });
  }
}

/** No reply came in time. Whether the request was handled is not known. */
export class RequestTimeoutError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'RequestTimeoutError';

  constructor(message: string, facts: AmqpErrorFacts = {}) {
    super('request-timeout', message, { retryable: true, ...facts });
  }
}

/** The other side answered with an error reply; `body` is what it said. */
export class RequestError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'RequestError';

  constructor(
    message: string,
    readonly body: unknown,
    facts: AmqpErrorFacts = {},
  ) {
    super('request-failed', message, facts);
  }
}

/** Something took longer than its options allow. */
export class AmqpTimeoutError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'AmqpTimeoutError';

  constructor(message: string, facts: AmqpErrorFacts = {}) {
    super('timeout', message, { retryable: true, ...facts });
  }
}

/** A management node answered with a status other than success. */
export class ManagementError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'ManagementError';

  constructor(
    message: string,
    readonly statusCode: number,
    override readonly description: string | undefined,
    readonly body: unknown,
    facts: AmqpErrorFacts = {},
  ) {
    super('management', message, { retryable: statusCode >= 500, ...facts });
  }
}

/** A {@link TopologyError}'s further facts. */
export interface TopologyFailure extends AmqpErrorFacts {
  /** With `conflict`: the definition that was asked for. */
  readonly declared?: unknown;
  /** With `conflict`: what stands at the peer, as far as it told. */
  readonly existing?: unknown;
}

/** A queue, exchange or binding could not be declared, checked or deleted. */
export class TopologyError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'TopologyError';

  readonly declared: unknown;
  readonly existing: unknown;

  constructor(
    code: 'conflict' | 'not-found' | 'unsupported' | 'in-use',
    message: string,
    { declared, existing, ...facts }: TopologyFailure = {},
  ) {
    super(code, message, facts);
    this.declared = declared;
    this.existing = existing;
  }
}

/** A transaction did not commit, or nobody knows whether it did. */
export class TransactionError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'TransactionError';

  constructor(code: 'rolled-back' | 'in-doubt' | 'unsupported', message: string, facts: AmqpErrorFacts = {}) {
    super(code, message, facts);
  }
}

/** The client or its connection was closed before, or while, this was called. */
export class ClientClosedError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'ClientClosedError';

  constructor(message: string, facts: AmqpErrorFacts = {}) {
    super('client-closed', message, facts);
  }
}

/** One failed member of a batch: the message itself, or its index in the batch. */
export interface BatchFailure {
  readonly message: object | number;
  readonly error: unknown;
}

/**
 * Thrown by a batch handler: these members failed, each goes to the policy with its own error; the other unsettled ones are
 * accepted.
 */
export class BatchError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'BatchError';

  constructor(readonly failures: readonly BatchFailure[]) {
    super('batch', `${failures.length} of the batch failed`);
  }
}
