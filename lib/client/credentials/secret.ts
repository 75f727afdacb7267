// Asks for a secret at each attempt, and refuses what no mechanism can carry.

import { AuthenticationError, InvalidOptionsError } from '../../protocol/index.js';
import type { SecretProvider } from './credentials.js';

/** @throws InvalidOptionsError naming `path` */
export function checkUser(user: unknown, path: string): string {
  if (typeof user !== 'string' || user === '')
    throw new InvalidOptionsError(path, 'a string that is not empty', user, 'secret');
  if (user.includes('\0')) throw new InvalidOptionsError(path, 'a string without NUL', user, 'secret');
  return user;
}

/**
 * A function that gives the secret; a string is checked at once, what a function gives at each attempt.
 *
 * @throws InvalidOptionsError naming `path`
 */
export function secretSource(given: SecretProvider, path: string): () => Promise<string> {
  if (typeof given === 'string') {
    if (given === '' || given.includes('\0'))
      throw new InvalidOptionsError(path, 'a string that is not empty and has no NUL', given, 'secret');
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
    if (typeof secret !== 'string' || secret === '' || secret.includes('\0'))
      throw new AuthenticationError(
        `${path}: the function gave no usable secret (a string, not empty, without NUL)`,
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
