// `user:password@host:port` of a URI. What fails is said without what was written, which may hold a password.

import { isIPv6 } from 'node:net';

export interface UserInfo {
  readonly name: string;
  readonly password: string;
}

/** Throws with what was expected. */
export type Fail = (expected: string) => never;

/** @param defaultPort `undefined`: a port must be there */
export function parseAuthority(
  authority: string,
  defaultPort: number | undefined,
  fail: Fail,
): { readonly user: UserInfo | undefined; readonly host: string; readonly port: number } {
  const at = authority.lastIndexOf('@');
  const user = at < 0 ? undefined : parseUser(authority.slice(0, at), fail);
  return { user, ...parseHost(authority.slice(at + 1), defaultPort, fail) };
}

function parseUser(text: string, fail: Fail): UserInfo {
  if (text.includes('@')) fail("a URI whose user and password are percent-encoded ('@' is %40)");
  const colon = text.indexOf(':');
  const name = decode(colon < 0 ? text : text.slice(0, colon), fail);
  const password = colon < 0 ? '' : decode(text.slice(colon + 1), fail);
  if (name === '') fail('a URI with a user before the password, or with neither');
  if (password === '') fail('a URI with a password beside the user (user:password@host)');
  if (name.includes('\0') || password.includes('\0')) fail('a URI without NUL in user or password');
  return { name, password };
}

function parseHost(
  text: string,
  defaultPort: number | undefined,
  fail: Fail,
): { readonly host: string; readonly port: number } {
  const [, bracketed, plain = '', portText] =
    /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(text) ??
    fail('a URI with host:port, the port in digits, an IPv6 address in brackets');
  const host = decode(bracketed ?? plain, fail);
  if (bracketed !== undefined && !isIPv6(host)) fail('a URI with an IPv6 address between the brackets');
  if (bracketed === undefined && !/^[\p{L}\p{N}_.-]+$/u.test(host)) fail('a URI with a host name or address');
  const port = portText === undefined || portText === '' ? defaultPort : Number(portText);
  if (port === undefined || port < 1 || port > 65_535) return fail('a URI with a port from 1 to 65535');
  return { host, port };
}

/** Percent-decoding only: a `+` stays a plus. */
export function decode(text: string, fail: Fail): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // decodeURIComponent throws for one reason only.
    return fail('a URI whose percent-encoding is complete (a percent sign itself is %25)');
  }
}
