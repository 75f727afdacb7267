import { InvalidOptionsError, type HttpProxy } from '../../protocol/index.js';
import { parseAuthority } from './uri-authority.js';

/** `http://[user:password@]host:port`; `undefined` stays `undefined`. @throws InvalidOptionsError */
export function checkProxy(value: unknown, path: string): HttpProxy | undefined {
  if (value === undefined) return undefined;
  const fail = (expected: string): never => {
    throw new InvalidOptionsError(path, expected, value, 'secret');
  };
  const expected = "a URI such as 'http://user:password@proxy.example:3128'";
  if (typeof value !== 'string') return fail(expected);
  // A '/' or '?' of a password that is not encoded cuts the authority short: what follows is then no path.
  const [, authority] = /^http:\/\/([^/?#]+)\/?$/i.exec(value) ?? fail(expected);
  return parseAuthority(authority ?? '', undefined, fail);
}
