import { Duplex } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { connectPeer } from '../../../lib/client/connection/connect-peer.js';
import { peerOrder } from '../../../lib/client/connection/failover.js';
import type { Network } from '../../../lib/client/connection/network.js';
import { resolveConnectionOptions } from '../../../lib/client/options/resolve-connection-options.js';
import type { ConnectionOptions } from '../../../lib/client/options/connection-options.js';
import {
  AuthenticationError,
  ConnectionError,
  Secrets,
  type OpenConnectionOptions,
  type ProtocolConnection,
} from '../../../lib/protocol/index.js';

type Dialled = Parameters<Network['dial']>[0];

const PROTOCOL: ProtocolConnection = {
  peer: {
    containerId: 'peer',
    maxFrameSize: 512,
    channelMax: 0,
    idleTimeoutMs: undefined,
    properties: { product: 'RabbitMQ', version: '4.0.5' },
    offeredCapabilities: [],
  },
  sessionCount: 0,
  sessionLimit: 1,
  beginSession: () => Promise.reject(new Error('not asked for')),
  close: () => Promise.resolve(),
  destroy: () => undefined,
};

class FakeNetwork implements Network {
  readonly dialled: Dialled[] = [];
  readonly opened: OpenConnectionOptions[] = [];
  readonly stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });

  constructor(private readonly failure?: Error) {}

  dial(options: Dialled): Promise<Duplex> {
    this.dialled.push(options);
    return Promise.resolve(this.stream);
  }

  openConnection(options: OpenConnectionOptions): Promise<ProtocolConnection> {
    this.opened.push(options);
    return this.failure === undefined ? Promise.resolve(PROTOCOL) : Promise.reject(this.failure);
  }
}

const handlers = {
  signal: new AbortController().signal,
  onLost: () => undefined,
  onBlocked: () => undefined,
  secrets: new Secrets(),
};

async function attempt(network: FakeNetwork, given: ConnectionOptions, which = 0) {
  const options = resolveConnectionOptions(given);
  const peer = options.peers[which];
  if (peer === undefined) throw new Error('no such peer');
  return connectPeer(peer, options, network, handlers);
}

describe('an attempt that fails', () => {
  it('leaves no stream behind', async () => {
    const network = new FakeNetwork(new ConnectionError('protocol-error', 'not AMQP'));
    await expect(attempt(network, { uri: 'amqp://h' })).rejects.toMatchObject({ code: 'protocol-error' });
    expect(network.stream.destroyed).toBe(true);
  });

  it('says which peer it was, and keeps code, condition and cause', async () => {
    const failure = new ConnectionError('connection-lost', 'gone', {
      condition: 'amqp:connection:forced',
      description: 'maintenance',
      info: { until: 'noon' },
      retryable: false,
    });
    const error = attempt(new FakeNetwork(failure), {
      uri: 'amqp://user:secret@localhost/shop',
      allowInsecureCredentials: true,
    });
    await expect(error).rejects.toMatchObject({
      code: 'connection-lost',
      condition: 'amqp:connection:forced',
      description: 'maintenance',
      info: { until: 'noon' },
      scope: 'connection',
      retryable: false,
      cause: failure,
      message: 'amqp://localhost:5672/shop: gone (does the virtual host "shop" exist?)',
    });
  });

  it('keeps what the peer said about the credentials', async () => {
    const failure = new AuthenticationError('no', 1);
    const error = attempt(new FakeNetwork(failure), { uri: 'amqp://h' });
    await expect(error).rejects.toBeInstanceOf(AuthenticationError);
    await expect(error).rejects.toMatchObject({ saslCode: 1, message: 'amqp://h:5672: no' });
  });

  it('has a typed error when the dial of the options throws something of its own', async () => {
    const dial = (): never => {
      throw new TypeError('user:secret');
    };
    const error = attempt(new FakeNetwork(), { uri: 'amqp://h', dial });
    await expect(error).rejects.toMatchObject({ code: 'connect-failed', cause: expect.any(TypeError) });
    await expect(error).rejects.not.toThrow('secret');
  });
});

describe('an attempt', () => {
  it.each<[string, Partial<Dialled>]>([
    ['amqp://h:1', { host: 'h', port: 1 }],
    ['amqps://h', { host: 'h', port: 5_671, tls: { ca: 'ca' } }],
    ['ws://h', { host: 'h', port: 80, websocket: { path: '/', subprotocol: 'amqp' } }],
    ['wss://h/amqp', { host: 'h', port: 443, websocket: { path: '/amqp', subprotocol: 'amqp' }, tls: { ca: 'ca' } }],
  ])('at %s', async (uri, expected) => {
    const network = new FakeNetwork();
    await attempt(network, { uri, tls: { ca: 'ca' } });
    const { signal, ...dialled } = network.dialled[0] ?? {};
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(JSON.parse(JSON.stringify(dialled))).toEqual(expected);
  });

  it('takes its way through the proxy and the subprotocol of the options', async () => {
    const network = new FakeNetwork();
    const options = { proxy: 'http://me:s%40crets@proxy:3128', webSocket: { subprotocol: 'AMQPWSB10' } };
    await attempt(network, { uri: 'wss://h/$servicebus/websocket/', ...options });
    expect(network.dialled).toMatchObject([
      {
        proxy: { host: 'proxy', port: 3_128, user: { name: 'me', password: 's@crets' } },
        websocket: { path: '/$servicebus/websocket/', subprotocol: 'AMQPWSB10' },
      },
    ]);
  });

  it('takes the TLS name from each host of the list, unless one is given for all', async () => {
    const names = async (given: ConnectionOptions) => {
      const network = new FakeNetwork();
      await attempt(network, given, 0);
      await attempt(network, given, 1);
      return network.dialled.map(({ host, tls }) => [host, tls?.servername]);
    };
    // Without a name dial() takes that of the host.
    expect(await names({ uri: 'amqps://a;b' })).toEqual([
      ['a', undefined],
      ['b', undefined],
    ]);
    expect(await names({ uri: 'amqps://a;b', tls: { servername: 'c' } })).toEqual([
      ['a', 'c'],
      ['b', 'c'],
    ]);
  });

  it('detects the peer', async () => {
    expect(await attempt(new FakeNetwork(), { uri: 'amqp://user:secret@localhost:1' })).toMatchObject({
      product: 'RabbitMQ',
      version: '4.0.5',
      uri: 'amqp://localhost:1',
      name: 'localhost:1',
      profile: { name: 'rabbitmq-4' },
    });
  });

  it('hands the keep-alive down', async () => {
    const network = new FakeNetwork();
    const keepAlive = { idleTimeoutMs: 5_000, intervalMs: 700, emptyFrameRatio: 0.3 };
    await attempt(network, { uri: 'amqp://h', keepAlive });
    await attempt(network, { uri: 'amqp://h', keepAlive: false });
    expect(network.opened).toMatchObject([
      { idleTimeoutMs: 5_000, heartbeatMs: 700, heartbeatRatio: 0.3 },
      { idleTimeoutMs: 0 },
    ]);
  });
});

describe('the order of peers', () => {
  const hosts = (given: ConnectionOptions, count: number, random = () => 0.5): string => {
    const order = peerOrder(resolveConnectionOptions(given), random);
    return Array.from({ length: count }, () => order.next().uri.host).join('');
  };

  it('goes round, in the order of the list', () => {
    expect(hosts({ uri: 'a;b;c' }, 7)).toBe('abcabca');
  });

  it('begins at the top again after each success, where the first is preferred', () => {
    const order = peerOrder(resolveConnectionOptions({ uri: 'a;b;c', failover: 'in-order' }), () => 0.5);
    const next = (): string => order.next().uri.host;
    expect([next(), next(), next(), next(), next()]).toEqual(['a', 'b', 'c', 'a', 'b']);
    order.reached();
    expect([next(), next()]).toEqual(['a', 'b']);
  });

  it('is shuffled anew for each round, and never the same peer twice running', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const order = hosts({ uri: 'a;b;c', failover: 'shuffle' }, 300, random);
    for (let round = 0; round < 300; round += 3)
      expect(
        order
          .slice(round, round + 3)
          .split('')
          .toSorted()
          .join(''),
      ).toBe('abc');
    expect(order).not.toMatch(/(.)\1/);
    expect(new Set(order.match(/.../g)).size).toBeGreaterThan(4);
  });

  it('is that of a function, whose iterator is made anew when it ends', () => {
    let made = 0;
    const failover = (uris: string[]): Iterator<string> => {
      made += 1;
      return uris.toReversed()[Symbol.iterator]();
    };
    expect(hosts({ uri: ['a', 'b'], failover }, 5)).toBe('babab');
    expect(made).toBe(3);
  });

  it.each<[string, () => Iterator<string>]>([
    ['gives nothing', () => [][Symbol.iterator]()],
    ['gives a URI that is not in the list', () => ['amqp://evil'][Symbol.iterator]()],
    ['gives no iterator', () => undefined as unknown as Iterator<string>],
  ])('fails the attempt when the function %s', (_name, failover) => {
    expect(() => hosts({ uri: ['a', 'b'], failover }, 1)).toThrow(ConnectionError);
  });
});
