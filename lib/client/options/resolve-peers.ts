// Each URI of the list with everything that an attempt at it needs.

import { randomUUID } from 'node:crypto';
import { InvalidOptionsError, type HttpProxy } from '../../protocol/index.js';
import { amqpConstants } from '../constants.js';
import type { Credentials } from '../credentials/credentials.js';
import { saslAnonymous, saslPlain } from '../credentials/sasl.js';
import { checkBoolean, checkText } from './check.js';
import { isLoopback } from './loopback.js';
import { parseUris, type PeerUri } from './peer-uri.js';

/** One peer of the failover list, with everything that its attempt needs. */
export interface ResolvedPeer {
  /** As the user wrote it: the key for a failover function. Not to be shown. */
  readonly given: string;
  readonly uri: PeerUri;
  readonly credentials: Credentials;
  readonly hostname: string | undefined;
  /** The name in its certificate, where a redirect gave one. */
  readonly servername?: string | undefined;
  readonly allowInsecureCredentials: boolean;
  readonly containerId: string;
  readonly connectTimeoutMs: number;
  /** 0: none. */
  readonly idleTimeoutMs: number;
}

/** What options say of all peers alike, where they do. */
export interface ForAllPeers {
  readonly connectTimeoutMs: number | undefined;
  readonly idleTimeoutMs: number | undefined;
  readonly proxy: HttpProxy | undefined;
}

/** @throws InvalidOptionsError */
export function resolvePeers(
  options: Readonly<Record<string, unknown>>,
  at: (name: string) => string,
  { connectTimeoutMs, idleTimeoutMs, proxy }: ForAllPeers,
): readonly ResolvedPeer[] {
  const credentials = checkCredentials(options['credentials'], at('credentials'));
  const allowInsecure = checkBoolean(options['allowInsecureCredentials'], at('allowInsecureCredentials'), false);
  const containerId = checkText(options['containerId'], at('containerId')) ?? `nestjs-amqp10-${randomUUID()}`;
  const hostname = checkText(options['hostname'], at('hostname'));
  return parseUris(options['uri'], at('uri')).map(({ given, uri }) => {
    if (uri.scheme === 'embedded' && uri.host === '' && options['dial'] === undefined)
      throw new InvalidOptionsError(
        at('uri'),
        "'embedded:NAME', or given with dial ('embedded:' alone is for AmqpModule)",
        given,
      );
    const own = uri.user === undefined ? saslAnonymous() : saslPlain(uri.user.name, uri.user.password);
    const used = credentials ?? own;
    if (used.isSecret && !allowInsecure && !isSafe(uri, proxy))
      throw new InvalidOptionsError(
        at('uri'),
        `amqps:// or wss:// for credentials to ${uri.host}, or given with allowInsecureCredentials: true`,
        uri.shown,
      );
    return {
      given,
      uri,
      credentials: used,
      allowInsecureCredentials: allowInsecure,
      hostname: hostname ?? (uri.vhost !== undefined ? `vhost:${uri.vhost}` : uri.host === '' ? undefined : uri.host),
      containerId: options['containerId'] === undefined ? (uri.containerId ?? containerId) : containerId,
      connectTimeoutMs: connectTimeoutMs ?? uri.connectTimeoutMs ?? 10_000,
      idleTimeoutMs: idleTimeoutMs ?? uri.idleTimeoutMs ?? amqpConstants.idleTimeoutMs,
    };
  });
}

/** TLS, this machine, or not a network at all. Behind a proxy elsewhere, `localhost` is that machine, and the way there is open. */
export function isSafe(uri: PeerUri, proxy: HttpProxy | undefined): boolean {
  if (uri.scheme === 'amqps' || uri.scheme === 'wss' || uri.scheme === 'embedded') return true;
  return isLoopback(uri.host) && (proxy === undefined || isLoopback(proxy.host));
}

function checkCredentials(value: unknown, path: string): Credentials | undefined {
  if (value === undefined) return undefined;
  const fits =
    typeof value === 'object' && value !== null && 'mechanism' in value && 'start' in value && 'isSecret' in value;
  // Without isSecret nobody would know that they must not go over an open network.
  const complete = fits && typeof value.mechanism === 'string' && typeof value.isSecret === 'boolean';
  if (!complete || typeof value.start !== 'function')
    throw new InvalidOptionsError(path, 'made by saslPlain(), saslExternal() or one of the others', value, 'secret');
  // True: what is used of it was checked.
  return value as unknown as Credentials;
}
