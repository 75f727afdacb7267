// Bearer tokens from a function of the user's, for example an identity library's.

import { AuthenticationError } from '../../protocol/index.js';
import { checkGivenFunction, checkMs, checkObject } from '../options/check.js';
import type { Credentials } from './credentials.js';
import { placeOf, type TokenPlace } from './sas-token.js';
import { checkAudiences, tokenCredentials, type Token } from './token-source.js';

/** Options of {@link jwtToken}. */
export interface JwtTokenOptions extends TokenPlace {
  /** What the token opens: each is put with the same token. */
  readonly audience: string | readonly string[];
  /** Renewed this long before its end at least; never later than a tenth of its life before. Milliseconds. @default 0 */
  readonly refreshBeforeMs?: number | undefined;
  /** Asked at each connect and each renewal. `expiresOn` is in milliseconds of the epoch. */
  readonly getToken: () => Promise<{ readonly token: string; readonly expiresOn: number }>;
}

const NAMES = ['audience', 'refreshBeforeMs', 'getToken', 'node', 'tokenType'];
/** Any time since 2001 in milliseconds is more, any until 5138 in seconds is less. */
const LEAST_MS = 1e11;

/**
 * A JSON Web Token (or any other bearer token), put on `$cbs` before any link is attached and renewed on the open connection.
 *
 * @throws InvalidOptionsError
 */
export function jwtToken(options: JwtTokenOptions): Credentials {
  const given = checkObject(options, 'jwtToken', NAMES);
  const getToken = checkGivenFunction<() => unknown>(given['getToken'], 'jwtToken.getToken');
  return tokenCredentials({
    ...placeOf(given, 'jwtToken', 'jwt'),
    audiences: checkAudiences(given['audience'], 'jwtToken.audience'),
    refreshBeforeMs: checkMs(given['refreshBeforeMs'], 'jwtToken.refreshBeforeMs', { default: 0 }),
    isRenewable: true,
    get: () => ask(getToken),
  });
}

async function ask(getToken: () => unknown): Promise<Token> {
  let answer: unknown;
  try {
    answer = await getToken();
  } catch (cause) {
    throw unusable('the function that gives the token failed', cause);
  }
  const { token, expiresOn } = fieldsOf(answer);
  if (typeof token !== 'string' || token === '') throw unusable('the function gave no { token } that is a string');
  if (typeof expiresOn !== 'number' || !Number.isFinite(expiresOn) || expiresOn < LEAST_MS)
    throw unusable('the function gave no { expiresOn } in milliseconds of the epoch');
  return { token, expiresAt: expiresOn };
}

function fieldsOf(answer: unknown): { readonly token?: unknown; readonly expiresOn?: unknown } {
  return typeof answer === 'object' && answer !== null ? answer : {};
}

/** Somebody else's function: it may do better the next time. */
function unusable(why: string, cause?: unknown): AuthenticationError {
  return new AuthenticationError(`jwtToken.getToken: ${why}`, undefined, { retryable: true, cause });
}
