// Whether a redirect is followed, and where to. Pure: no sockets, no state.

import { isIP } from 'node:net';
import type { RedirectTarget } from '../../protocol/index.js';
import { defaultPort, showUri, type PeerUri, type UriScheme } from '../options/peer-uri.js';
import { isAllowedHost } from '../options/redirect-options.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import { isSafe, type ResolvedPeer } from '../options/resolve-peers.js';

/** So many redirects one after the other, none of which held. */
const MOST_IN_A_ROW = 5;

export type RedirectDecision =
  | {
      readonly kind: 'follow';
      /** That which redirects, where no host was named: the node has moved on it. */
      readonly peer: ResolvedPeer;
      /** The node's address there; `undefined`: the same. */
      readonly address: string | undefined;
      /** Of this place, for the chain. */
      readonly key: string;
    }
  | { readonly kind: 'refuse'; readonly why: string };

/** What a decision rests on. */
export type RedirectPolicy = Pick<ResolvedConnectionOptions, 'redirect' | 'proxy'>;

/**
 * @param from the peer that redirects
 * @param chain the keys of the redirects before, as far as none of them held
 */
export function decideRedirect(
  target: RedirectTarget,
  from: ResolvedPeer,
  policy: RedirectPolicy,
  chain: readonly string[],
): RedirectDecision {
  const { redirect, proxy } = policy;
  if (!redirect.follow) return refuse('redirects are followed only with redirect: { follow: true, allowHosts: [...] }');
  const host = target.networkHost ?? target.hostname;
  if (host === undefined) {
    if (target.address === undefined) return refuse('it says neither where to nor which address');
    return ring({ kind: 'follow', peer: from, address: target.address, key: keyOf(from, target) }, chain);
  }
  if (from.uri.scheme === 'embedded') return refuse('an embedded broker is found by its name only');
  for (const named of [target.hostname, target.networkHost]) {
    if (named === undefined) continue;
    if (!isHost(named)) return refuse(`${JSON.stringify(named.slice(0, 100))} is no host`);
    if (!isAllowedHost(named, redirect.allowHosts)) return refuse(`"${named}" is not in redirect.allowHosts`);
  }
  const scheme = schemeOf(target.scheme, from.uri.scheme);
  if (scheme === undefined) return refuse(`it leads from TLS to a plain connection, or to no known scheme`);
  const port = target.port ?? (scheme === from.uri.scheme ? from.uri.port : defaultPort(scheme));
  const peer = peerAt(from, { scheme, host, port }, target);
  if (peer.credentials.isSecret && !peer.allowInsecureCredentials && !isSafe(peer.uri, proxy))
    return refuse(`credentials go to ${host} only over TLS, or with allowInsecureCredentials: true`);
  return ring({ kind: 'follow', peer, address: target.address, key: keyOf(peer, target) }, chain);
}

/** No longer ring than this, and none that closes. */
function ring(decision: Extract<RedirectDecision, { kind: 'follow' }>, chain: readonly string[]): RedirectDecision {
  if (chain.includes(decision.key)) return refuse(`it leads in a circle, to ${decision.peer.uri.shown} again`);
  if (chain.length >= MOST_IN_A_ROW) return refuse(`it is one more after ${MOST_IN_A_ROW} in a row`);
  return decision;
}

function peerAt(
  from: ResolvedPeer,
  { scheme, host, port }: { readonly scheme: UriScheme; readonly host: string; readonly port: number },
  target: RedirectTarget,
): ResolvedPeer {
  const isWebSocket = scheme === 'ws' || scheme === 'wss';
  const path = isWebSocket && target.path?.startsWith('/') === true ? target.path : from.uri.path;
  const uri: PeerUri = { ...from.uri, scheme, host, port, path, shown: showUri(scheme, host, port, path) };
  // OPEN's hostname was the host dialled, or something of the user's, which stays unless the peer gives another.
  const kept = from.hostname === from.uri.host ? host : from.hostname;
  const servername = target.hostname !== undefined && isIP(target.hostname) === 0 ? target.hostname : from.servername;
  return { ...from, uri, hostname: target.hostname ?? kept, servername };
}

/** Without a word TLS stays TLS and plain stays plain. `undefined`: not followed. */
function schemeOf(named: string | undefined, from: UriScheme): UriScheme | undefined {
  if (named === undefined) return from;
  const isSecure = from === 'amqps' || from === 'wss';
  switch (named.toLowerCase()) {
    case 'amqps':
    case 'wss':
      return named.toLowerCase() === 'amqps' ? 'amqps' : 'wss';
    case 'amqp':
      return isSecure ? undefined : 'amqp';
    case 'ws':
      return isSecure ? undefined : 'ws';
    default:
      return undefined;
  }
}

function isHost(name: string): boolean {
  return isIP(name) !== 0 || (name.length <= 253 && /^[\p{L}\p{N}_.-]+$/u.test(name));
}

function keyOf({ uri, hostname }: ResolvedPeer, { address }: RedirectTarget): string {
  return JSON.stringify([uri.shown, hostname, address]).toLowerCase();
}

function refuse(why: string): RedirectDecision {
  return { kind: 'refuse', why };
}
