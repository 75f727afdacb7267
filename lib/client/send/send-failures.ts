// What a send client says when a send fails: every reason, one place for the words.

import {
  AmqpError,
  ConnectionError,
  EncodingFailure,
  InvalidOptionsError,
  SizeFailure,
  type AmqpErrorFacts,
  type Outcome,
} from '../../protocol/index.js';
import { ClientClosedError, EncodeError, MessageTooLargeError, SendError, type SendErrorCode } from '../errors.js';
import type { PendingSend } from './pending-send.js';

/** What an error says of the send itself. */
export type FailingSend = Pick<PendingSend, 'attempts' | 'inDoubt' | 'timeoutMs' | 'signal' | 'transaction'>;

/** Makes the errors of one client. */
export class SendFailures {
  constructor(
    private readonly address: string,
    private readonly peerName: () => string,
    private readonly connectionFailure: () => AmqpError | undefined,
    /** A rejection with this condition speaks of the peer's load. */
    private readonly passes: (condition: string) => boolean = () => false,
  ) {}

  /** The value, or an option beside it, cannot be sent. */
  encode(cause: unknown): SendError {
    if (cause instanceof SendError) return cause;
    if (cause instanceof SizeFailure)
      return AmqpError.inOwnWords(new MessageTooLargeError(this.#text(cause.message), this.address, { cause }));
    // A codec's own words may quote the value.
    const isOurs = cause instanceof EncodingFailure || AmqpError.hasOwnWords(cause);
    const known = isOurs || cause instanceof TypeError || cause instanceof InvalidOptionsError;
    const why = known ? cause.message : 'the codec cannot encode the value';
    const error = new EncodeError(this.#text(why), this.address, { cause });
    return known && !isOurs ? error : AmqpError.inOwnWords(error);
  }

  /** The peer's outcome was not a success. */
  outcome(pending: FailingSend, outcome: Exclude<Outcome, { kind: 'accepted' }>): SendError {
    const said = outcome.kind === 'rejected' ? [outcome.condition, outcome.description] : [];
    const details = said.filter((part) => part !== undefined && part !== '').join(', ');
    const condition = outcome.kind === 'rejected' ? outcome.condition : undefined;
    const why = `${this.peerName()} ${outcome.kind} the message${details === '' ? '' : ` (${details})`}`;
    return this.#make(outcome.kind, why, pending, pending.inDoubt, {
      condition,
      ...(outcome.kind === 'rejected' && { description: outcome.description, info: outcome.info }),
      // Without a condition a rejection speaks of the queue (RabbitMQ: it is full), not of the message.
      retryable: outcome.kind !== 'rejected' || condition === undefined || this.passes(condition),
      outcome,
    });
  }

  /** The peer settled it without an outcome, or with one that nobody knows. */
  withoutOutcome(pending: FailingSend, problem: string | undefined): SendError {
    const why = `${this.peerName()} settled the message ${problem === undefined ? 'without an outcome' : `with ${problem}`}`;
    return this.#make('unknown-outcome', why, pending, true, {});
  }

  /** The link or connection went down, or could not be had. */
  link(pending: FailingSend, cause: unknown, written: boolean): SendError {
    const known = cause instanceof AmqpError ? cause : undefined;
    const { condition, description, info, retryable = true } = known ?? {};
    const facts = { cause, condition, description, info, retryable };
    const why = known?.message ?? 'the link ended';
    return this.#make(linkCode(cause), why, pending, written || pending.inDoubt, facts);
  }

  timeout(pending: FailingSend, waitedFor: string, written: boolean, last: AmqpError | undefined): SendError {
    const cause = this.connectionFailure() ?? last;
    const because = cause === undefined ? '' : `; last: ${cause.message}`;
    const why = `no ${waitedFor} within ${pending.timeoutMs} ms${because}`;
    const facts = { cause, condition: cause?.condition, retryable: true };
    return this.#make('timeout', why, pending, written || pending.inDoubt, facts);
  }

  aborted(pending: FailingSend, written: boolean): SendError {
    if (pending.transaction !== undefined && pending.signal?.aborted !== true) return this.inTransaction(pending);
    const cause: unknown = pending.signal?.reason;
    return this.#make('aborted', 'its signal was aborted', pending, written || pending.inDoubt, { cause });
  }

  closed(pending: FailingSend, written: boolean): SendError {
    return this.#make('client-closed', 'the client is closed', pending, written || pending.inDoubt, {});
  }

  notSupported(pending: FailingSend, what: string): SendError {
    return this.#make('not-supported', `${this.peerName()} ${what}`, pending, false, {});
  }

  /** Its transaction is over, or will not commit: whatever the peer has of the message, nobody will see it. */
  inTransaction(pending: FailingSend): SendError {
    const { state, failure: cause } = pending.transaction ?? {};
    const now = state === 'active' ? (cause === undefined ? 'about to end' : 'rolled back') : state;
    return this.#make('aborted', `its transaction is ${now}`, pending, state === 'in-doubt', { cause });
  }

  #make(
    code: SendErrorCode,
    why: string,
    pending: FailingSend,
    mayHaveIt: boolean,
    facts: AmqpErrorFacts & { readonly outcome?: Outcome },
  ): SendError {
    const delivered = mayHaveIt ? 'unknown' : 'no';
    const { address } = this;
    const error = new SendError(code, this.#text(why), { ...facts, address, delivered, attempts: pending.attempts });
    // What a link failed with stands in the words, and may have come from credentials or a dialler of the user's.
    const { cause } = facts;
    const isOurs = !(cause instanceof AmqpError) || code === 'aborted' || AmqpError.hasOwnWords(cause);
    return isOurs ? AmqpError.inOwnWords(error) : error;
  }

  #text(why: string): string {
    return `a send to "${this.address}" failed: ${why}`;
  }
}

function linkCode(cause: unknown): SendErrorCode {
  if (cause instanceof ClientClosedError) return 'client-closed';
  return cause instanceof ConnectionError ? 'connection-lost' : 'link-closed';
}
