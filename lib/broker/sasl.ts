// How peers of the embedded broker say who they are.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { ServerSaslMechanism } from '../protocol/acceptor/index.js';

export const ANONYMOUS_IDENTITY = 'anonymous';

const anonymous: ServerSaslMechanism = {
  name: 'ANONYMOUS',
  needsResponse: false,
  authenticate: () => ({ identity: ANONYMOUS_IDENTITY }),
};

/** Claims-based security: the token comes later, on `$cbs`. */
const claimsBased: ServerSaslMechanism = { ...anonymous, name: 'MSSBCBS' };

/** PLAIN (RFC 4616). Takes the same time whether the user or the password is wrong. */
function plain(users: ReadonlyMap<string, string>): ServerSaslMechanism {
  return {
    name: 'PLAIN',
    needsResponse: true,
    authenticate: (response) => {
      const parts = response?.toString('utf8').split('\0') ?? [];
      const [, user, password] = parts;
      if (parts.length !== 3 || user === undefined || password === undefined) return undefined;
      const expected = users.get(user);
      const isEqual = timingSafeEqual(digest(password), digest(expected ?? ''));
      return isEqual && expected !== undefined ? { identity: user } : undefined;
    },
  };
}

/** In the order of preference. */
export function saslMechanisms(options: {
  readonly users: ReadonlyMap<string, string>;
  readonly allowAnonymous: boolean;
  readonly claimsBased: boolean;
}): readonly ServerSaslMechanism[] {
  return [
    ...(options.users.size > 0 ? [plain(options.users)] : []),
    ...(options.allowAnonymous ? [anonymous] : []),
    ...(options.claimsBased ? [claimsBased] : []),
  ];
}

/** Of one length whatever the text. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
