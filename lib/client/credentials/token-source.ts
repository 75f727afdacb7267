// Where the tokens of claims-based security come from. The connection puts them; see ../authentication.

import { AuthenticationError, InvalidOptionsError } from '../../protocol/index.js';
import { checkText, checkTexts } from '../options/check.js';
import type { Credentials } from './credentials.js';
import { tellNobody } from './secret.js';

/** A token, and when it ends. */
export interface Token {
  readonly token: string;
  /** Milliseconds of the epoch. */
  readonly expiresAt: number;
}

/** What a connection needs to know to put tokens and to renew them. One may serve any number of connections. */
export interface TokenSource {
  /** The node that takes them. */
  readonly node: string;
  readonly type: string;
  readonly audiences: readonly string[];
  /** A renewal begins this long before the end, or at a tenth of the token's life before it, whichever is earlier. */
  readonly refreshBeforeMs: number;
  /** `false`: there is this one token and no other. */
  readonly isRenewable: boolean;
  /** Asked at each connect and each renewal. @throws AuthenticationError when there is none to be had */
  get(): Promise<Token>;
}

/** The node's name where nothing else is said. */
export const CBS_NODE = '$cbs';

/**
 * SASL proves nothing here: ANONYMOUS, or MSSBCBS where only that is offered; the tokens come after OPEN.
 *
 * @param known what is secret about them from the beginning
 */
export function tokenCredentials(tokens: TokenSource, known?: string): Credentials {
  return {
    mechanism: 'ANONYMOUS',
    isSecret: true,
    tokens,
    start: (confide = tellNobody) => {
      if (known !== undefined) confide(known);
      return {
        name: 'ANONYMOUS',
        alternatives: ['MSSBCBS'],
        initialResponse: (chosen) => (chosen === 'MSSBCBS' ? undefined : Buffer.from('anonymous')),
        step: () => {
          throw new AuthenticationError('the peer sent a SASL challenge, where a token was to follow', undefined);
        },
      };
    },
  };
}

/** One or several, each once. @throws InvalidOptionsError */
export function checkAudiences(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value)) return [required(value, path)];
  const audiences = checkTexts(value, path) ?? [];
  if (audiences.length === 0) throw new InvalidOptionsError(path, 'one audience at least', value);
  return [...new Set(audiences)];
}

/** @throws InvalidOptionsError */
export function required(value: unknown, path: string, secret?: 'secret'): string {
  const text = checkText(value, path, secret);
  if (text === undefined) throw new InvalidOptionsError(path, 'a string that is not empty', value, secret);
  return text;
}
