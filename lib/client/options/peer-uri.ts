// A connection URI taken apart. What the user wrote may hold a password: no error here shows more than scheme and host.

import { isIPv6 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { InvalidOptionsError } from '../../protocol/index.js';
import { amqpConstants } from '../constants.js';
import { checkWhole, MAX_TIMER_MS } from './check.js';
import { decode, parseAuthority, type Fail, type UserInfo } from './uri-authority.js';

export type UriScheme = 'amqp' | 'amqps' | 'ws' | 'wss' | 'embedded';

/** One peer of the failover list. */
export interface PeerUri {
  readonly scheme: UriScheme;
  /** Without brackets. For `embedded`: the broker's name, or empty. */
  readonly host: string;
  /** 0 for `embedded`. */
  readonly port: number;
  readonly user: UserInfo | undefined;
  /** AMQP only: the path without its slash. */
  readonly vhost: string | undefined;
  /** WebSocket only: path and what the server shall see of it; `/` at least. */
  readonly path: string;
  readonly connectTimeoutMs: number | undefined;
  readonly idleTimeoutMs: number | undefined;
  readonly containerId: string | undefined;
  /** What may be shown and logged: no user info, no query. */
  readonly shown: string;
}

const SCHEMES: Readonly<Record<string, UriScheme>> = {
  amqp: 'amqp',
  amqps: 'amqps',
  'amqp+tls': 'amqps',
  'amqp+ssl': 'amqps',
  ws: 'ws',
  wss: 'wss',
};
const PORTS: Readonly<Record<UriScheme, number>> = { ...amqpConstants.defaultPorts, embedded: 0 };
const QUERY = ['connectTimeoutMs', 'idleTimeoutMs', 'containerId'];

/**
 * All peers of one URI, a list of URIs, or one string with `;` between them. An entry without a scheme takes that of the entry
 * before it, so that a list that starts with TLS stays with TLS; the first one is `amqp`.
 *
 * @throws InvalidOptionsError
 */
export function parseUris(value: unknown, path: string): readonly { readonly given: string; readonly uri: PeerUri }[] {
  const expected = "a URI such as 'amqp://user:password@host:5672/vhost', or a list of them";
  if (value === undefined || value === null || value === '')
    throw new InvalidOptionsError(path, `${expected} (is the environment variable set?)`, value);
  const listed: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (listed.length === 0) throw new InvalidOptionsError(path, expected, value);
  const parsed: { given: string; uri: PeerUri }[] = [];
  let scheme: UriScheme = 'amqp';
  listed.forEach((entry, index) => {
    const place = Array.isArray(value) ? `${path}[${index}]` : path;
    if (typeof entry !== 'string') throw new InvalidOptionsError(place, expected, entry, 'secret');
    for (const given of entry.split(';').map((text) => text.trim())) {
      if (given === '') throw new InvalidOptionsError(place, 'a list without empty entries', entry, 'secret');
      const uri = parseUri(given, place, scheme);
      scheme = uri.scheme;
      // Written twice it would be tried twice in a round.
      if (!parsed.some((other) => isDeepStrictEqual(other.uri, uri))) parsed.push({ given, uri });
    }
  });
  return parsed;
}

/** @throws InvalidOptionsError */
export function parseUri(text: string, path: string, withoutScheme: UriScheme = 'amqp'): PeerUri {
  const embedded = /^embedded:(.*)$/is.exec(text);
  if (embedded !== null) return embeddedUri(embedded[1] ?? '', path);
  const [, named, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  const scheme = named === undefined ? withoutScheme : SCHEMES[named.toLowerCase()];
  if (scheme === undefined || (named !== undefined && !Object.hasOwn(SCHEMES, named.toLowerCase())))
    throw new InvalidOptionsError(
      path,
      `amqp://, amqps://, ws://, wss:// or embedded:${meant(named)}`,
      `${named ?? ''}://`,
    );
  const fail = (expected: string): never => {
    throw new InvalidOptionsError(path, expected, text, 'secret');
  };
  if (rest.includes('#')) fail("a URI without '#' (in a password it is written %23)");
  const [, authority = '', pathname = '', query = ''] = /^([^/?]*)(\/[^?]*)?(?:\?(.*))?$/s.exec(rest) ?? [];
  // An '@' in path or query means that the authority was cut short by a '/' or '?' of a password.
  if (pathname.includes('@') || query.includes('@'))
    fail("a URI whose user and password are percent-encoded ('/' is %2F, '?' is %3F, '@' is %40)");
  const { user, host, port } = parseAuthority(authority, PORTS[scheme], fail);
  return {
    scheme,
    host,
    port,
    user,
    vhost: scheme === 'amqp' || scheme === 'amqps' ? parseVhost(pathname, fail) : undefined,
    path: pathname === '' ? '/' : pathname,
    ...parseQuery(query, path, fail),
    shown: showUri(scheme, host, port, pathname),
  };
}

/** What may be shown and logged. */
export function showUri(scheme: UriScheme, host: string, port: number, pathname: string): string {
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}${pathname}`;
}

/** What the scheme has for its own. */
export function defaultPort(scheme: UriScheme): number {
  return PORTS[scheme];
}

/** Schemes of kombu and others, for the same peers as ours but over another protocol. */
const MEANT: Readonly<Record<string, string>> = {
  pyamqp: 'amqp',
  librabbitmq: 'amqp',
  rabbitmq: 'amqp',
  tls: 'amqps',
  http: 'ws',
  https: 'wss',
};

function meant(scheme: string | undefined): string {
  const name = scheme?.toLowerCase() ?? '';
  const ours = Object.hasOwn(MEANT, name) ? MEANT[name] : undefined;
  return ours === undefined ? '' : ` (did you mean ${ours}://?)`;
}

function embeddedUri(name: string, path: string): PeerUri {
  const host = name.replace(/^\/\//, '');
  if (!/^[\w.-]*$/.test(host))
    throw new InvalidOptionsError(
      path,
      "'embedded:NAME', the name of letters, digits, '.', '_' and '-'",
      name,
      'secret',
    );
  const none = { user: undefined, vhost: undefined, connectTimeoutMs: undefined, idleTimeoutMs: undefined };
  return { ...none, scheme: 'embedded', host, port: 0, path: '/', containerId: undefined, shown: `embedded:${host}` };
}

function parseVhost(pathname: string, fail: Fail): string | undefined {
  const encoded = pathname.slice(1);
  if (encoded.includes('/')) fail("a URI with one virtual host ('/' in its name is %2F)");
  return encoded === '' ? undefined : decode(encoded, fail);
}

function parseQuery(
  query: string,
  path: string,
  fail: Fail,
): Pick<PeerUri, 'connectTimeoutMs' | 'idleTimeoutMs' | 'containerId'> {
  const found = new Map<string, string>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals), fail);
    if (!QUERY.includes(name)) {
      // Without a value it may as well be the end of a password with a question mark in it.
      const shown = equals > 0 && /^[a-z_-]{1,40}$/i.test(name) ? name : '?';
      throw new InvalidOptionsError(`${path}?${shown}`, `one of the parameters ${QUERY.join(', ')}`, pair, 'secret');
    }
    if (found.has(name)) fail(`a URI with the parameter ${name} once`);
    found.set(name, equals < 0 ? '' : decode(pair.slice(equals + 1), fail));
  }
  const containerId = found.get('containerId');
  if (containerId === '') fail('a URI with a containerId that is not empty');
  return {
    connectTimeoutMs: duration(found.get('connectTimeoutMs'), `${path}?connectTimeoutMs`, 1),
    idleTimeoutMs: duration(found.get('idleTimeoutMs'), `${path}?idleTimeoutMs`, 1_000),
    containerId,
  };
}

function duration(text: string | undefined, path: string, min: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : text;
  return checkWhole(value, path, { min, max: MAX_TIMER_MS, default: undefined });
}
