// What is said of the tokens of one connection, in errors and in the log.

import { AmqpError, AuthenticationError } from '../../protocol/index.js';
import type { TokenSource } from '../credentials/token-source.js';
import { asError } from '../deadline.js';

export class TokenWords {
  readonly #peerName: string;
  readonly #isRenewable: boolean;
  readonly #names: string;

  /** @param peerName the URI without user info */
  constructor(peerName: string, { audiences, isRenewable }: TokenSource) {
    this.#peerName = peerName;
    this.#isRenewable = isRenewable;
    this.#names = audiences.map((audience) => `"${audience}"`).join(', ');
  }

  /** A line of the log. */
  put(renewed: boolean, expiresAt: number | undefined, refreshAt: number | undefined): string {
    const next = refreshAt === undefined ? '; nothing renews it' : `, the next one is asked for at ${iso(refreshAt)}`;
    return `${this.#token} was ${renewed ? 'renewed' : 'put'}, good until ${iso(expiresAt)}${next}`;
  }

  /** A line of the log. */
  notRenewed(cause: AmqpError, pauseMs: number, expiresAt: number | undefined): string {
    const next = `the next attempt is in ${Math.round(pauseMs)} ms, the token is good until ${iso(expiresAt)}`;
    return `${this.#token} was not renewed: ${cause.message}; ${next}`;
  }

  late(timeoutMs: number): AuthenticationError {
    return this.#error(`no token was taken for ${this.#names} within ${timeoutMs} ms`, true);
  }

  /** The source gave one that the peer has already. */
  noNewer(): AuthenticationError {
    return this.#error(`there is no newer token for ${this.#names} than the one that the peer has`, true);
  }

  /** The source gave one whose time is over. */
  givenTooLate(expiresAt: number): AuthenticationError {
    return this.#error(`the token for ${this.#names} has expired at ${iso(expiresAt)}`, this.#isRenewable);
  }

  /** Whatever ended a round. */
  notTaken(thrown: unknown): AmqpError {
    if (thrown instanceof AuthenticationError) return thrown;
    const cause = asError(thrown);
    const known = cause instanceof AmqpError ? cause : undefined;
    const why = known?.message ?? 'it could not be put';
    return ownOr(
      known,
      new AuthenticationError(`${this.#peerName}: no token was taken for ${this.#names}: ${why}`, undefined, {
        cause,
        condition: known?.condition,
        retryable: known?.retryable ?? true,
      }),
    );
  }

  /** The peer has no good one any more. */
  expired(cause: AmqpError | undefined): AuthenticationError {
    const { statusCode, description } = cause instanceof AuthenticationError ? cause : {};
    const failed = cause === undefined ? ' before there was another' : ` and was not renewed: ${cause.message}`;
    const why = this.#isRenewable ? failed : ', and it was given ready-made: nothing renews it';
    return ownOr(
      cause,
      new AuthenticationError(`${this.#token} has expired${why}`, undefined, {
        retryable: cause?.retryable ?? this.#isRenewable,
        condition: cause?.condition,
        statusCode,
        description,
        cause,
      }),
    );
  }

  get #token(): string {
    return `${this.#peerName}: the token for ${this.#names}`;
  }

  #error(what: string, retryable: boolean): AuthenticationError {
    return AmqpError.inOwnWords(new AuthenticationError(`${this.#peerName}: ${what}`, undefined, { retryable }));
  }
}

/** Our words, but for those of a cause that repeats somebody else's. */
function ownOr<T extends AmqpError>(cause: AmqpError | undefined, error: T): T {
  return cause === undefined ? AmqpError.inOwnWords(error) : AmqpError.inWordsOf(cause, error);
}

/** A time that no calendar has is written as what it is. */
function iso(at: number | undefined): string {
  const date = new Date(at ?? NaN);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
