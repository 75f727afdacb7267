// Asks for a secret at each attempt, and refuses what no mechanism can carry.

import { AuthenticationError, InvalidOptionsError } from '../../protocol/index.js';
import type { SecretProvider } from './credentials.js';

/** What separates the fields of a mechanism, beside NUL. */
export type Separator = '\u0001' | undefined;

/** @throws InvalidOptionsError naming `path` */
export function checkUser(user: unknown, path: string, separator?: Separator): string {
  if (typeof user !== 'string' || user === '')
    throw new InvalidOptionsError(path, 'a string that is not empty', user, 'secret');
  if (isSplit(user, separator))
    throw new InvalidOptionsError(path, `a string without ${named(separator)}`, user, 'secret');
  return user;
}

/** Is told a secret before it goes out. */
export type Confide = (secret: string) => void;

/**
 * What begins an attempt: it gives the function that gives the secret. A string is checked at once, what a function gives at each
 * attempt.
 *
 * @throws InvalidOptionsError naming `path`
 */
export function secretSource(
  given: SecretProvider,
  path: string,
  separator?: Separator,
): (confide: Confide) => () => Promise<string> {
  const ask = askedFor(given, path, separator);
  return (confide) => {
    // A peer that knows it from before may repeat it before it is asked for.
    if (typeof given === 'string') confide(given);
    return async () => {
      const secret = await ask();
      confide(secret);
      return secret;
    };
  };
}

/** A password that is the user's name is no secret, and masking it would hide whom a peer speaks of (guest, guest). */
export function passwordOf(user: string, confide: Confide): Confide {
  return (secret) => {
    if (secret !== user) confide(secret);
  };
}

/** For who has nobody to tell. */
export const tellNobody: Confide = () => undefined;

function askedFor(given: SecretProvider, path: string, separator: Separator): () => Promise<string> {
  if (typeof given === 'string') {
    if (given === '' || isSplit(given, separator))
      throw new InvalidOptionsError(path, `a string that is not empty, without ${named(separator)}`, given, 'secret');
    return () => Promise.resolve(given);
  }
  if (typeof given !== 'function')
    throw new InvalidOptionsError(
      path,
      'a string, or a function that returns one or a promise of one',
      given,
      'secret',
    );
  return async () => {
    let secret: unknown;
    try {
      secret = await given();
    } catch (cause) {
      throw new AuthenticationError(`${path}: the function that gives the secret failed`, undefined, {
        retryable: true,
        cause,
      });
    }
    if (typeof secret !== 'string' || secret === '' || isSplit(secret, separator))
      throw new AuthenticationError(
        `${path}: the function gave no usable secret (a string, not empty, without ${named(separator)})`,
        undefined,
        {
          retryable: true,
        },
      );
    return secret;
  };
}

/** For a mechanism that the peer may not challenge. */
export function noChallenge(mechanism: string): never {
  throw new AuthenticationError(`the peer sent a SASL challenge, which ${mechanism} does not know`, undefined);
}

function isSplit(text: string, separator: Separator): boolean {
  return text.includes('\0') || (separator !== undefined && text.includes(separator));
}

function named(separator: Separator): string {
  return separator === undefined ? 'NUL' : 'NUL and 0x01';
}
