import { describe, expect, it } from '@jest/globals';
import { saslAnonymous, saslExternal, saslPlain } from '../../../../lib/client/credentials/sasl.js';
import { resolveConnectionOptions } from '../../../../lib/client/options/resolve-connection-options.js';
import { InvalidOptionsError } from '../../../../lib/protocol/invalid-options-error.js';

const failure = (options: unknown): InvalidOptionsError => {
  try {
    resolveConnectionOptions(options);
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};
const uri = 'amqp://localhost';

describe('an option that cannot work', () => {
  it.each<[string, unknown, string, string]>([
    ['no options', undefined, 'uri', 'is the environment variable set'],
    ['options that are a number', 5, 'options', 'an object of options'],
    ['no uri', {}, 'uri', 'is the environment variable set'],
    ['a misspelt name', { uri, reconect: {} }, 'reconect', "did you mean 'reconnect'"],
    ['an unknown name', { uri, zzz: 1 }, 'zzz', 'known are allowInsecureCredentials, bootTimeoutMs, channelMax, '],
    ['failover', { uri, failover: 'nearest' }, 'failover', "'round-robin', 'shuffle', 'in-order' or a function"],
    ['credentials of another kind', { uri, credentials: { user: 'a', password: 'b' } }, 'credentials', 'saslPlain()'],
    ['allowInsecureCredentials', { uri, allowInsecureCredentials: 'yes' }, 'allowInsecureCredentials', 'true or false'],
    ['dial', { uri, dial: 'tcp' }, 'dial', 'a function'],
    ['tls', { uri, tls: true }, 'tls', 'an object'],
    ['tls.ca', { uri, tls: { ca: 5 } }, 'tls.ca', 'PEM'],
    ['tls.cert alone', { uri, tls: { cert: 'x' } }, 'tls.key', 'given'],
    ['tls.key alone', { uri, tls: { key: 'x' } }, 'tls.cert', 'given'],
    ['tls.servername', { uri, tls: { servername: '' } }, 'tls.servername', 'not empty'],
    ['an unknown tls name', { uri, tls: { verify: false } }, 'tls.verify', 'there is no such option'],
    ['tls.alpnProtocols', { uri, tls: { alpnProtocols: 'amqp' } }, 'tls.alpnProtocols', 'an array of strings'],
    ['tls.minVersion', { uri, tls: { minVersion: 'TLSv1.1' } }, 'tls.minVersion', "'TLSv1.2', 'TLSv1.3'"],
    ['a proxy that is no URI', { uri, proxy: 5 }, 'proxy', 'http://user:password@proxy.example:3128'],
    ['a proxy of another scheme', { uri, proxy: 'socks5://h:1' }, 'proxy', 'http://user:password@'],
    ['a proxy without a port', { uri, proxy: 'http://h' }, 'proxy', 'a port from 1 to 65535'],
    ['a proxy with a path', { uri, proxy: 'http://h:1/a' }, 'proxy', 'http://user:password@'],
    ['a proxy beside dial', { uri, proxy: 'http://h:1', dial: () => 1 }, 'proxy', 'left out where dial'],
    ['a proxy to nowhere', { uri: 'embedded:a', proxy: 'http://h:1' }, 'proxy', "beside 'embedded:'"],
    ['webSocket', { uri, webSocket: 'amqp' }, 'webSocket', 'an object'],
    ['webSocket.subprotocol', { uri, webSocket: { subprotocol: 'a b' } }, 'webSocket.subprotocol', 'a token'],
    ['containerId', { uri, containerId: '' }, 'containerId', 'not empty'],
    ['hostname', { uri, hostname: 5 }, 'hostname', 'a string'],
    ['properties', { uri, properties: [] }, 'properties', 'a plain object'],
    ['connectTimeoutMs 0', { uri, connectTimeoutMs: 0 }, 'connectTimeoutMs', 'from 1 to 2147483647'],
    ['connectTimeoutMs with a fraction', { uri, connectTimeoutMs: 1.5 }, 'connectTimeoutMs', 'a whole number'],
    ['connectTimeoutMs as text', { uri, connectTimeoutMs: '10' }, 'connectTimeoutMs', 'received "10"'],
    ['connectTimeoutMs beyond a timer', { uri, connectTimeoutMs: 2 ** 31 }, 'connectTimeoutMs', 'from 1 to 2147483647'],
    ['bootTimeoutMs', { uri, bootTimeoutMs: -1 }, 'bootTimeoutMs', 'or Infinity'],
    ['bootTimeoutMs NaN', { uri, bootTimeoutMs: Number.NaN }, 'bootTimeoutMs', 'received NaN'],
    ['closeTimeoutMs', { uri, closeTimeoutMs: Infinity }, 'closeTimeoutMs', 'a whole number'],
    ['keepAlive', { uri, keepAlive: true }, 'keepAlive', 'an object'],
    ['keepAlive under a second', { uri, keepAlive: { idleTimeoutMs: 999 } }, 'keepAlive.idleTimeoutMs', 'from 1000'],
    ['keepAlive.intervalMs', { uri, keepAlive: { intervalMs: 1 } }, 'keepAlive.intervalMs', 'from 100'],
    ...[0, -0.5, 1.01, Number.NaN, '0.5'].map((ratio): [string, unknown, string, string] => [
      `keepAlive.emptyFrameRatio ${ratio}`,
      { uri, keepAlive: { emptyFrameRatio: ratio } },
      'keepAlive.emptyFrameRatio',
      'a number over 0 and up to 1',
    ]),
    ['handleMax', { uri, handleMax: 0 }, 'handleMax', 'from 1 to 65535'],
    ['incomingWindow', { uri, incomingWindow: 1 }, 'incomingWindow', 'from 2 to 2147483647'],
    ['reconnect', { uri, reconnect: true }, 'reconnect', 'an object'],
    ['reconnect.initialDelayMs', { uri, reconnect: { initialDelayMs: 0 } }, 'reconnect.initialDelayMs', 'from 1'],
    [
      'maxDelayMs below initialDelayMs',
      { uri, reconnect: { initialDelayMs: 100, maxDelayMs: 50 } },
      'reconnect.maxDelayMs',
      'initialDelayMs (100) or more',
    ],
    ['reconnect.stepMs', { uri, reconnect: { stepMs: -1 } }, 'reconnect.stepMs', 'from 0'],
    ['reconnect.jitter', { uri, reconnect: { jitter: 'full' } }, 'reconnect.jitter', 'true or false'],
    ['reconnect.maxAttempts', { uri, reconnect: { maxAttempts: 0 } }, 'reconnect.maxAttempts', 'or Infinity'],
    ['reconnect.stableAfterMs', { uri, reconnect: { stableAfterMs: -1 } }, 'reconnect.stableAfterMs', 'from 0'],
    ['refusedRetryMs', { uri, refusedRetryMs: 0 }, 'refusedRetryMs', 'from 1'],
    ['onRefused', { uri, onRefused: 'fail' }, 'onRefused', "'retry', 'stop'"],
    ['maxFrameSize', { uri, maxFrameSize: 511 }, 'maxFrameSize', 'from 512'],
    ['channelMax', { uri, channelMax: 65_536 }, 'channelMax', 'from 0 to 65535'],
    ['maxMessageBytes', { uri, maxMessageBytes: 0 }, 'maxMessageBytes', 'from 1'],
    ['profile', { uri, profile: 'rabbitmq' }, 'profile', "'rabbitmq-4'"],
    ['topology', { uri, topology: ['orders'] }, 'topology', 'an object'],
    ['a queue without a name', { uri, topology: { queues: [{}] } }, 'topology.queues[0].name', 'not empty'],
    ['an empty queue name', { uri, topology: { queues: [''] } }, 'topology.queues[0]', 'not empty'],
    [
      'an unknown queue option',
      { uri, topology: { queues: [{ name: 'q', ttl: 1 }] } },
      'topology.queues[0].ttl',
      'no such option',
    ],
    [
      'a quorum queue that is exclusive',
      { uri, topology: { queues: [{ name: 'q', type: 'quorum', exclusive: true }] } },
      'topology.queues[0].exclusive',
      'false for a quorum queue',
    ],
    [
      'a dead-letter key without its exchange',
      { uri, topology: { queues: [{ name: 'q', deadLetterRoutingKey: 'd' }] } },
      'topology.queues[0].deadLetterRoutingKey',
      'left out',
    ],
    [
      'an exchange without a type',
      { uri, topology: { exchanges: [{ name: 'e' }] } },
      'topology.exchanges[0].type',
      'one of',
    ],
    [
      'a binding to nothing',
      { uri, topology: { bindings: [{ exchange: 'e' }] } },
      'topology.bindings[0].queue',
      'destinationExchange',
    ],
    [
      'credentials that do not say whether they are secret',
      { uri, credentials: { mechanism: 'PLAIN', start: () => undefined } },
      'credentials',
      'saslPlain()',
    ],
    ['a property that has no form in AMQP', { uri, properties: { a: { b: Symbol('s') } } }, 'properties', 'a.b'],
    [
      'an argument that has no form in AMQP',
      { uri, topology: { queues: [{ name: 'q', arguments: { x: () => 1 } }] } },
      'topology.queues[0].arguments',
      'AMQP can carry',
    ],
    ['codecs', { uri, codecs: {} }, 'codecs', 'an array'],
    ['a codec that is none', { uri, codecs: [{}] }, 'codecs[0]', 'encode, decode'],
    ['an observer that is none', { uri, observer: [5] }, 'observer[0]', 'an object'],
    ['logger', { uri, logger: console.log }, 'logger', 'log, warn, error'],
    ['trace without a logger', { uri, trace: true }, 'trace', 'given with logger, or a function'],
    ['trace that is neither', { uri, trace: 'frames' }, 'trace', 'true or false'],
    ['embedded: without a name and without dial', { uri: 'embedded:' }, 'uri', 'AmqpModule'],
  ])('%s', (_name, options, option, expected) => {
    const error = failure(options);
    expect(error.option).toBe(option);
    expect(error.message).toContain(expected);
    expect(error.retryable).toBe(false);
  });

  it('never shows a secret that stands in the wrong place', () => {
    for (const options of [
      { uri, password: 'hunter2' },
      { uri, tls: { passphrase: '', key: 'hunter2', cert: 'x' } },
      { uri, credentials: 'hunter2' },
      { uri: ['amqp://a', 'hunter2 hunter2'] },
      { uri, proxy: 'http://user:hunter2@proxy' },
      { uri, proxy: 'http://user:hunter2/@proxy:1' },
      { uri, proxy: 'socks5://user:hunter2@proxy:1' },
      { uri, proxy: 'http://user:hunter2@proxy:1', dial: () => 1 },
    ])
      expect(failure(options).message).not.toContain('hunter2');
  });
});

describe('credentials', () => {
  it.each([
    'amqp://user:secret@broker.example',
    'ws://user:secret@broker.example',
    'amqp://user:secret@10.0.0.1',
    'amqp://user:secret@127.evil.example',
    'amqp://user:secret@localhost.example',
    'amqp://user:secret@[::2]',
  ])('are refused without TLS: %s', (insecure) => {
    const { message } = failure(insecure);
    expect(message).toContain('allowInsecureCredentials: true');
    expect(message).not.toContain('secret');
    expect(() => resolveConnectionOptions({ uri: insecure, allowInsecureCredentials: true })).not.toThrow();
  });

  it('do not take a proxy elsewhere for this machine', () => {
    const local = 'amqp://user:secret@localhost';
    expect(failure({ uri: local, proxy: 'http://proxy.example:3128' }).message).toContain('credentials to localhost');
    expect(() => resolveConnectionOptions({ uri: local, proxy: 'http://127.0.0.1:3128' })).not.toThrow();
    expect(() => resolveConnectionOptions({ uri: 'amqps://user:secret@a', proxy: 'http://proxy:1' })).not.toThrow();
  });

  it('are refused when one of several peers has no TLS', () => {
    const credentials = saslPlain('user', 'secret');
    expect(failure({ uri: 'amqps://a;amqp://b', credentials }).message).toContain('credentials to b');
  });

  it.each([
    'amqps://user:secret@broker.example',
    'wss://user:secret@broker.example',
    'amqp://user:secret@localhost',
    'amqp://user:secret@127.1.2.3',
    'amqp://user:secret@[::1]',
    'amqp://user:secret@[::ffff:127.0.0.1]',
  ])('go over TLS and to this machine: %s', (safe) => {
    expect(resolveConnectionOptions(safe).peers[0]?.credentials.mechanism).toBe('PLAIN');
  });

  it('come from the URI of each peer, unless they are given', () => {
    const mechanisms = (options: unknown): readonly string[] =>
      resolveConnectionOptions(options).peers.map((peer) => peer.credentials.mechanism);
    expect(mechanisms('amqps://user:secret@a;amqps://b')).toEqual(['PLAIN', 'ANONYMOUS']);
    expect(mechanisms({ uri: 'amqps://user:secret@a', credentials: saslExternal() })).toEqual(['EXTERNAL']);
    expect(mechanisms({ uri: 'amqp://a', credentials: saslAnonymous() })).toEqual(['ANONYMOUS']);
  });
});

describe('defaults', () => {
  it('are those of the documentation', () => {
    const options = resolveConnectionOptions('amqp://broker.example');
    expect(options).toMatchObject({
      failover: 'round-robin',
      bootTimeoutMs: 30_000,
      closeTimeoutMs: 5_000,
      heartbeatMs: undefined,
      reconnect: { initialDelayMs: 100, maxDelayMs: 10_000, maxAttempts: Infinity, stableAfterMs: 5_000 },
      refusedRetryMs: 30_000,
      onRefused: 'retry',
      maxFrameSize: 65_536,
      channelMax: 65_535,
      maxMessageBytes: 16_777_216,
      profile: 'auto',
    });
    expect(options.peers).toMatchObject([
      { connectTimeoutMs: 10_000, idleTimeoutMs: 30_000, hostname: 'broker.example' },
    ]);
  });

  it('name the virtual host in OPEN', () => {
    expect(resolveConnectionOptions('amqp://h/orders').peers[0]?.hostname).toBe('vhost:orders');
    expect(resolveConnectionOptions({ uri: 'amqp://h/orders', hostname: 'x' }).peers[0]?.hostname).toBe('x');
  });

  it('let an option win over the same parameter of the URI', () => {
    const from = 'amqp://h?connectTimeoutMs=1&idleTimeoutMs=1000&containerId=a';
    const peer = { connectTimeoutMs: 1, idleTimeoutMs: 1_000, containerId: 'a' };
    expect(resolveConnectionOptions(from).peers).toMatchObject([peer]);
    const options = { uri: from, connectTimeoutMs: 2, keepAlive: { idleTimeoutMs: 2_000 }, containerId: 'b' };
    const given = { connectTimeoutMs: 2, idleTimeoutMs: 2_000, containerId: 'b' };
    expect(resolveConnectionOptions(options).peers).toMatchObject([given]);
  });

  it('switch idle detection and reconnecting off with false', () => {
    const options = resolveConnectionOptions({ uri: 'amqp://h', keepAlive: false, reconnect: false });
    expect(options.peers[0]?.idleTimeoutMs).toBe(0);
    expect(options.reconnect.maxAttempts).toBe(0);
  });

  it('give every peer of one connection the same container id, and two connections different ones', () => {
    const ids = (): readonly string[] => resolveConnectionOptions('amqp://a;b').peers.map((peer) => peer.containerId);
    const [first, second] = ids();
    expect(first).toBe(second);
    expect(ids()[0]).not.toBe(first);
  });
});
