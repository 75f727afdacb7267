import { describe, expect, it } from '@jest/globals';
import { parseUris, type PeerUri } from '../../../../lib/client/options/peer-uri.js';
import { InvalidOptionsError } from '../../../../lib/protocol/invalid-options-error.js';

const parse = (value: unknown): readonly PeerUri[] => parseUris(value, 'uri').map(({ uri }) => uri);
const failure = (value: unknown): InvalidOptionsError => {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('a URI that cannot work', () => {
  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'environment variable'],
    ['null', null, 'environment variable'],
    ['empty', '', 'environment variable'],
    ['an empty list', [], 'amqp://user:password@host:5672/vhost'],
    ['a number', 5672, 'amqp://user:password@host:5672/vhost'],
    ['an object', {}, 'amqp://user:password@host:5672/vhost'],
    ['an unknown scheme', 'ftp://h', 'amqp://, amqps://, ws://, wss:// or embedded:'],
    ["kombu's scheme", 'pyamqp://guest:secret@h', 'did you mean amqp://?'],
    ['the scheme of a browser', 'HTTPS://h', 'did you mean wss://?'],
    ['a scheme that is a property of every object', 'constructor://h', 'amqp://, amqps://'],
    ['a user without a password', 'amqp://user@h', 'a password beside the user'],
    ['a user with an empty password', 'amqp://user:@h', 'a password beside the user'],
    ['a password without a user', 'amqp://:secret@h', 'a user before the password'],
    ['an @ in the password', 'amqp://user:sec@ret@h', "'@' is %40"],
    ['a slash in the password', 'amqp://user:sec/ret@h', "'/' is %2F"],
    ['a question mark in the password', 'amqp://user:sec?ret@h', "'?' is %3F"],
    ['a hash', 'amqp://user:sec#ret@h', '%23'],
    ['broken percent-encoding', 'amqp://user:100%@h', '%25'],
    ['NUL in the password', 'amqp://user:a%00b@h', 'NUL'],
    ['no host', 'amqp://', 'host name'],
    ['no host before the port', 'amqp://:5672', 'host name'],
    ['a space in the host', 'amqp://my host', 'host name'],
    ['a port in words', 'amqp://h:amqp', 'the port in digits'],
    ['port 0', 'amqp://h:0', 'from 1 to 65535'],
    ['port 65536', 'amqp://h:65536', 'from 1 to 65535'],
    ['IPv6 without brackets', 'amqp://::1:5672', 'brackets'],
    ['something else in brackets', 'amqp://[host]', 'IPv6 address between the brackets'],
    ['two virtual hosts', 'amqp://h/a/b', '%2F'],
    ['an unknown parameter', 'amqp://h?heartbeat=30', 'connectTimeoutMs, idleTimeoutMs, containerId'],
    ['a parameter twice', 'amqp://h?containerId=a&containerId=b', 'once'],
    ['a parameter that is no number', 'amqp://h?connectTimeoutMs=3s', 'a whole number'],
    ['a parameter without a value', 'amqp://h?connectTimeoutMs', 'a whole number'],
    ['an idle time-out under a second', 'amqp://h?idleTimeoutMs=999', 'from 1000'],
    ['an empty container id', 'amqp://h?containerId=', 'containerId'],
    ['an empty entry', 'amqp://a;;amqp://b', 'empty entries'],
    ['a name for an embedded broker that is none', 'embedded:a b', 'embedded:NAME'],
  ])('%s', (_name, value, expected) => {
    const error = failure(value);
    expect(error.code).toBe('invalid-options');
    expect(error.message).toContain(expected);
  });

  it('is named by its place in the list', () => {
    expect(failure(['amqp://a', 'amqp://user@b']).option).toBe('uri[1]');
    expect(failure('amqp://a?nonsense=1').option).toBe('uri?nonsense');
  });

  it.each([
    'amqp://user:hunter2@',
    'amqp://user:hunter2@h:x',
    'amqp://us@er:hunter2@h',
    'amqp://user:hun/ter2hunter2@h',
    'amqp://user:x;hunter2@h',
    'amqp://h/v/w?password=hunter2',
    'amqp://h?hunter2',
    'amqp://user:hunter2%@h',
    'hunter2 hunter2',
    'embedded:hunter2 x',
    'amqp://h?containerId=hunter2&containerId=hunter2',
  ])('never shows what may be a secret: %s', (uri) => {
    expect(failure(uri).message).not.toContain('hunter2');
  });
});

describe('a URI', () => {
  it.each<[string, Partial<PeerUri>]>([
    ['amqp://h', { scheme: 'amqp', host: 'h', port: 5672, user: undefined, vhost: undefined, shown: 'amqp://h:5672' }],
    ['amqps://h', { scheme: 'amqps', port: 5671 }],
    ['amqp+tls://h', { scheme: 'amqps', port: 5671 }],
    ['AMQP+SSL://h', { scheme: 'amqps', port: 5671 }],
    ['ws://h', { scheme: 'ws', port: 80, path: '/', vhost: undefined }],
    ['wss://h/$servicebus/websocket', { scheme: 'wss', port: 443, path: '/$servicebus/websocket', vhost: undefined }],
    ['h', { scheme: 'amqp', host: 'h', port: 5672 }],
    ['h:5673', { scheme: 'amqp', host: 'h', port: 5673 }],
    ['user:pw@h:5673/v', { user: { name: 'user', password: 'pw' }, host: 'h', port: 5673, vhost: 'v' }],
    ['amqp://h:', { port: 5672 }],
    ['amqp://h/', { vhost: undefined }],
    ['amqp://h/%2F', { vhost: '/' }],
    ['amqp://h/a%20b', { vhost: 'a b' }],
    ['amqp://us%40er:p%3Aa%2Fs%23s+w%C3%B6rd@h', { user: { name: 'us@er', password: 'p:a/s#s+wörd' } }],
    ['amqp://user:a:b@h', { user: { name: 'user', password: 'a:b' } }],
    ['amqp://[::1]:5673/v', { host: '::1', port: 5673, vhost: 'v', shown: 'amqp://[::1]:5673/v' }],
    ['[::1]', { scheme: 'amqp', host: '::1', port: 5672 }],
    ['amqp://127.0.0.1', { host: '127.0.0.1' }],
    [
      'amqp://h/v?connectTimeoutMs=500&idleTimeoutMs=2000&containerId=a%20b',
      { connectTimeoutMs: 500, idleTimeoutMs: 2_000, containerId: 'a b', shown: 'amqp://h:5672/v' },
    ],
    ['embedded:orders', { scheme: 'embedded', host: 'orders', shown: 'embedded:orders' }],
    ['embedded://orders', { scheme: 'embedded', host: 'orders' }],
    ['embedded:', { scheme: 'embedded', host: '' }],
  ])('%s', (uri, expected) => {
    expect(parse(uri)).toEqual([expect.objectContaining(expected)]);
  });

  it('is shown without user, password and query', () => {
    expect(parse('amqps://user:secret@h:1/v?containerId=c')[0]?.shown).toBe('amqps://h:1/v');
  });

  it('may be a list, or several with semicolons between them', () => {
    const hosts = (value: unknown): readonly string[] => parse(value).map(({ host }) => host);
    expect(hosts('a;b')).toEqual(['a', 'b']);
    expect(hosts(' amqp://a ; amqp://b:1 ')).toEqual(['a', 'b']);
    expect(hosts(['a', 'b;c'])).toEqual(['a', 'b', 'c']);
  });

  it('that is in the list twice is tried once in a round', () => {
    const uris = parseUris('amqp://a;a:5672;amqp://a/v;amqps://a', 'uri');
    expect(uris.map(({ given }) => given)).toEqual(['amqp://a', 'amqp://a/v', 'amqps://a']);
  });

  it('without a scheme takes that of the entry before it, so that TLS stays TLS', () => {
    expect(parse('amqps://a;b;c:1').map(({ scheme, port }) => [scheme, port])).toEqual([
      ['amqps', 5671],
      ['amqps', 5671],
      ['amqps', 1],
    ]);
  });
});
