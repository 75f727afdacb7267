// The SASL mechanisms of one message each. Lengths are counted in UTF-8 bytes, never in characters.

import type { Credentials, SecretProvider } from './credentials.js';
import { checkUser, noChallenge, passwordOf, secretSource, tellNobody, type Confide } from './secret.js';

/** No credentials: SASL ANONYMOUS. */
export function saslAnonymous(): Credentials {
  return {
    mechanism: 'ANONYMOUS',
    isSecret: false,
    start: () => ({
      name: 'ANONYMOUS',
      initialResponse: () => Buffer.from('anonymous'),
      step: () => noChallenge('ANONYMOUS'),
    }),
  };
}

/** The identity of the TLS client certificate: SASL EXTERNAL. Give `tls.cert` and `tls.key` too. */
export function saslExternal(): Credentials {
  return {
    mechanism: 'EXTERNAL',
    isSecret: false,
    start: () => ({ name: 'EXTERNAL', initialResponse: () => Buffer.alloc(0), step: () => noChallenge('EXTERNAL') }),
  };
}

/**
 * User and password: SASL PLAIN (RFC 4616). A function is asked for the password at each attempt to connect.
 *
 * @throws InvalidOptionsError when one is empty or holds NUL
 */
export function saslPlain(user: string, password: SecretProvider): Credentials {
  const name = checkUser(user, 'saslPlain.user');
  const secret = secretSource(password, 'saslPlain.password');
  return {
    mechanism: 'PLAIN',
    user: name,
    isSecret: true,
    start: (confide = tellNobody) => {
      const ask = secret(passwordOf(name, confide));
      return {
        name: 'PLAIN',
        initialResponse: async () => confided(`\0${name}\0${await ask()}`, confide),
        step: () => noChallenge('PLAIN'),
      };
    },
  };
}

/**
 * An OAuth 2 bearer token: SASL XOAUTH2. A function is asked for the token at each attempt to connect.
 *
 * @throws InvalidOptionsError when one is empty or holds NUL or the separator 0x01
 */
export function saslXoauth2(user: string, token: SecretProvider): Credentials {
  const name = checkUser(user, 'saslXoauth2.user', '\u0001');
  const secret = secretSource(token, 'saslXoauth2.token', '\u0001');
  return {
    mechanism: 'XOAUTH2',
    isSecret: true,
    start: (confide = tellNobody) => {
      const ask = secret(confide);
      return {
        name: 'XOAUTH2',
        initialResponse: async () => confided(`user=${name}\u0001auth=Bearer ${await ask()}\u0001\u0001`, confide),
        // A failure comes as a challenge with details; an empty answer makes the peer send the outcome.
        step: () => Buffer.alloc(0),
      };
    },
  };
}

/** A response with a secret in it is as good as the secret, in any encoding. */
function confided(response: string, confide: Confide): Buffer {
  confide(response);
  return Buffer.from(response, 'utf8');
}
