import { describe, expect, it } from '@jest/globals';
import { resolveConnectionOptions } from '../../../lib/client/options/resolve-connection-options.js';
import type { ConnectionOptions } from '../../../lib/client/options/connection-options.js';
import { decideRedirect, type RedirectDecision } from '../../../lib/client/redirect/decide-redirect.js';
import { saslPlain } from '../../../lib/client/credentials/sasl.js';
import { linkDetached } from '../../../lib/protocol/amqp-error.js';
import { LinkRedirectError } from '../../../lib/protocol/errors.js';
import { InvalidOptionsError } from '../../../lib/protocol/invalid-options-error.js';
import { redirectOf, type RedirectTarget } from '../../../lib/protocol/redirect.js';

const FOLLOW = { follow: true, allowHosts: ['b', '10.0.0.2', '*.example.com'] };

function decide(
  target: RedirectTarget,
  given: Partial<ConnectionOptions> = {},
  chain: readonly string[] = [],
): RedirectDecision {
  const options = resolveConnectionOptions({ uri: 'amqps://a', redirect: FOLLOW, ...given });
  const [peer] = options.peers;
  if (peer === undefined) throw new Error('no peer');
  return decideRedirect(target, peer, options, chain);
}

const whyNot = (decision: RedirectDecision): string | undefined =>
  decision.kind === 'refuse' ? decision.why : undefined;

describe('a redirect is not followed', () => {
  it.each<[string, RedirectTarget, Partial<ConnectionOptions>, string]>([
    ['unless asked', { hostname: 'b' }, { redirect: undefined }, 'only with redirect: { follow: true'],
    ['when switched off', { hostname: 'b' }, { redirect: { follow: false, allowHosts: ['b'] } }, 'only with redirect'],
    ['to a host that is not allowed', { hostname: 'evil' }, {}, '"evil" is not in redirect.allowHosts'],
    ['by way of such a host', { hostname: 'b', networkHost: 'evil' }, {}, '"evil" is not in redirect.allowHosts'],
    ['to a name that such a host dials for', { hostname: 'evil', networkHost: 'b' }, {}, '"evil" is not in'],
    ['to the domain that stands for its hosts', { hostname: 'example.com' }, {}, '"example.com" is not in'],
    ['to a name that only ends so', { hostname: 'evilexample.com' }, {}, '"evilexample.com" is not in'],
    ['to what is no host', { hostname: 'b/../c' }, {}, '"b/../c" is no host'],
    ['to a host with user info', { hostname: 'user@b' }, {}, 'is no host'],
    ['from TLS to plain', { hostname: 'b', scheme: 'amqp' }, {}, 'from TLS to a plain connection'],
    ['from TLS to a plain WebSocket', { hostname: 'b', scheme: 'ws' }, {}, 'from TLS to a plain connection'],
    ['to an unknown scheme', { hostname: 'b', scheme: 'http' }, {}, 'no known scheme'],
    ['to nowhere', {}, {}, 'neither where to nor which address'],
    ['to a port of nothing', { port: 1 }, {}, 'neither where to'],
    [
      'with credentials over a plain connection',
      { hostname: 'b' },
      { uri: 'amqp://localhost', credentials: saslPlain('u', 'p') },
      'only over TLS',
    ],
    ['from an embedded broker', { hostname: 'b' }, { uri: 'embedded:x' }, 'embedded'],
  ])('%s', (_name, target, options, why) => {
    expect(whyNot(decide(target, options))).toContain(why);
  });

  it('in a circle, or for ever', () => {
    const first = decide({ hostname: 'b' });
    const key = first.kind === 'follow' ? first.key : '';
    expect(whyNot(decide({ hostname: 'B' }, {}, [key]))).toContain('in a circle, to amqps://');
    expect(whyNot(decide({ hostname: 'b', port: 1 }, {}, [key]))).toBeUndefined();
    expect(whyNot(decide({ hostname: 'b' }, {}, ['1', '2', '3', '4', '5']))).toContain('5 in a row');
  });
});

describe('a redirect that is followed', () => {
  it.each<[string, RedirectTarget, Partial<ConnectionOptions>, object]>([
    ['to a name', { hostname: 'b' }, {}, { uri: { host: 'b', port: 5671 }, hostname: 'b', servername: 'b' }],
    [
      'dials network-host and port; hostname is for OPEN and the certificate',
      { hostname: 'x.example.com', networkHost: '10.0.0.2', port: 5_999 },
      {},
      {
        uri: { scheme: 'amqps', host: '10.0.0.2', port: 5_999, shown: 'amqps://10.0.0.2:5999/' },
        hostname: 'x.example.com',
        servername: 'x.example.com',
      },
    ],
    ['to network-host alone', { networkHost: '10.0.0.2' }, {}, { uri: { host: '10.0.0.2' }, hostname: '10.0.0.2' }],
    [
      'keeps a hostname of the options where the peer gives none',
      { networkHost: '10.0.0.2' },
      { hostname: 'mine' },
      { hostname: 'mine', servername: undefined },
    ],
    ['keeps the port where none is given', { hostname: 'b' }, { uri: 'amqps://a:1234' }, { uri: { port: 1_234 } }],
    ['in any case', { hostname: 'X.Example.COM.' }, {}, { hostname: 'X.Example.COM.' }],
    [
      'from plain to TLS',
      { hostname: 'b', scheme: 'amqps' },
      { uri: 'amqp://a' },
      { uri: { scheme: 'amqps', port: 5_671 } },
    ],
    ['from plain to plain', { hostname: 'b' }, { uri: 'amqp://a' }, { uri: { scheme: 'amqp', port: 5_672 } }],
    [
      'with credentials in the clear where the options allow them',
      { hostname: 'b' },
      { uri: 'amqp://a', credentials: saslPlain('u', 'p'), allowInsecureCredentials: true },
      { uri: { host: 'b' } },
    ],
    [
      'to a WebSocket at another path',
      { hostname: 'b', path: '/$servicebus/websocket' },
      { uri: 'wss://a/x' },
      { uri: { path: '/$servicebus/websocket', scheme: 'wss' } },
    ],
  ])('%s', (_name, target, options, peer) => {
    expect(decide(target, options)).toMatchObject({ kind: 'follow', peer });
  });

  it('to an address alone stays with the peer', () => {
    expect(decide({ address: 'other' }, { uri: 'amqp://a' })).toMatchObject({
      kind: 'follow',
      address: 'other',
      peer: { uri: { host: 'a' } },
    });
  });
});

describe('what the peer says of a redirect', () => {
  it.each<[string, Record<string, unknown> | undefined, RedirectTarget]>([
    ['nothing', undefined, {}],
    ['an empty map', {}, {}],
    [
      'everything',
      { hostname: 'h', 'network-host': 'n', port: 5671, address: 'q', scheme: 'amqps', path: '/p' },
      { hostname: 'h', networkHost: 'n', port: 5671, address: 'q', scheme: 'amqps', path: '/p' },
    ],
    [
      'bytes for text, and a long for a port',
      { hostname: Buffer.from('h'), port: 5671n },
      { hostname: 'h', port: 5671 },
    ],
    ['what is no text and no port', { hostname: 5, 'network-host': null, port: 'x', address: {} }, {}],
    ['a port that is none', { port: 70_000 }, {}],
    ['text that is too long for anything', { hostname: 'x'.repeat(5_000) }, {}],
  ])('is read where it says %s', (_name, info, expected) => {
    expect(redirectOf(info)).toEqual(expected);
    const error = linkDetached(
      { name: 'l', address: 'orders' },
      {
        condition: 'amqp:link:redirect',
        ...(info === undefined ? {} : { info }),
      },
    );
    expect(error).toBeInstanceOf(LinkRedirectError);
    expect(error).toMatchObject({ code: 'redirect', retryable: false, address: 'orders', redirect: expected });
  });
});

describe('the option redirect', () => {
  it.each<[string, unknown, string]>([
    ['that is no object', true, 'redirect must be an object'],
    ['with an unknown name', { follow: true, hosts: [] }, 'redirect.hosts'],
    [
      'that follows without saying where to',
      { follow: true },
      'redirect.allowHosts must be a list of one host at least',
    ],
    ['that follows to nowhere', { follow: true, allowHosts: [] }, 'redirect.allowHosts'],
    ['with a URI for a host', { follow: true, allowHosts: ['amqps://b'] }, 'redirect.allowHosts[0]'],
    ['with a port', { follow: true, allowHosts: ['b', 'c:5671'] }, 'redirect.allowHosts[1]'],
    ['that allows everything', { follow: true, allowHosts: ['*'] }, 'redirect.allowHosts[0]'],
    ['that allows a part of a name', { follow: true, allowHosts: ['*b.example'] }, 'redirect.allowHosts[0]'],
  ])('%s is refused', (_name, redirect, message) => {
    const resolve = (): unknown => resolveConnectionOptions({ uri: 'amqps://a', redirect: redirect as never });
    expect(resolve).toThrow(InvalidOptionsError);
    expect(resolve).toThrow(message);
  });

  it('is off by default', () => {
    expect(resolveConnectionOptions('amqps://a').redirect).toEqual({ follow: false, allowHosts: [] });
  });
});
