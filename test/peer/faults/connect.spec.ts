// Everything that can go wrong before a connection is open. Each cell: the error, its time, the gaps between the attempts, nothing left.

import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AmqpConnection,
  AuthenticationError,
  ConnectionError,
  type ConnectionOptions,
} from '../../../lib/client/index.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { ScriptedPeer, encodeFrame, type PeerScript } from '../../support/scripted-peer.js';
import { LATE_MS } from '../../support/time.js';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function connection(options: Partial<ConnectionOptions> & { uri: string }): AmqpConnection {
  const made = new AmqpConnection({
    connectTimeoutMs: 4_000,
    bootTimeoutMs: 4_000,
    reconnect: { initialDelayMs: 10, maxDelayMs: 100 },
    ...options,
  });
  cleanUps.push(async () => made.close());
  return made;
}

async function scripted(script: PeerScript): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen(script);
  cleanUps.push(async () => peer.close());
  return peer;
}

interface RawServer {
  readonly uri: string;
  readonly dials: number[];
  readonly received: () => string;
}

async function rawServer(onSocket: (socket: Socket) => void): Promise<RawServer> {
  const dials: number[] = [];
  const sockets = new Set<Socket>();
  const chunks: Buffer[] = [];
  const server: Server = createServer((socket) => {
    dials.push(performance.now());
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { uri: `amqp://127.0.0.1:${port}`, dials, received: () => Buffer.concat(chunks).toString('latin1') };
}

async function failure(promise: Promise<unknown>): Promise<{ error: unknown; elapsedMs: number }> {
  const start = performance.now();
  try {
    await promise;
  } catch (error) {
    return { error, elapsedMs: performance.now() - start };
  }
  throw new Error('it did not fail');
}

const HTTP = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';

/** What a server may do with a stream that it has accepted. */
const STREAM_ENDS: readonly (readonly [string, (socket: Socket) => unknown])[] = [
  ['closes at once', (socket: Socket) => socket.end()],
  ['resets at once', (socket: Socket) => socket.resetAndDestroy()],
  ['says nothing', () => undefined],
  ['speaks HTTP', (socket: Socket) => socket.end(HTTP)],
  ['answers with another version', (socket: Socket) => socket.write(Buffer.from('AMQP\x03\x02\x00\x00', 'latin1'))],
  [
    'sends a frame of 2 GiB',
    (socket: Socket) => socket.write(Buffer.from('AMQP\x03\x01\x00\x00\x7f\xff\xff\xff\x02\x01\x00\x00', 'latin1')),
  ],
  [
    'sends noise after the header',
    (socket: Socket) =>
      socket.write(Buffer.from('AMQP\x03\x01\x00\x00\x00\x00\x00\x0c\x02\x01\x00\x00\xff\xff\xff\xff', 'latin1')),
  ],
  ['closes after the SASL header', (socket: Socket) => socket.end(Buffer.from('AMQP\x03\x01\x00\x00', 'latin1'))],
];

describe('a connection that cannot be opened', () => {
  interface Refused {
    readonly server: RawServer;
    readonly error: unknown;
    readonly elapsedMs: number;
    readonly status: string;
  }

  const refused = new Map<string, Refused>();
  // All of them at once: each takes its boot time-out.
  beforeAll(async () => {
    const opening = STREAM_ENDS.map(async ([what, onSocket]) => {
      const server = await rawServer(onSocket);
      const uri = server.uri.replace('//', '//user:secret@');
      const made = connection({ uri, connectTimeoutMs: 100, bootTimeoutMs: 1_500 });
      const failed = await failure(made.open());
      refused.set(what, { server, ...failed, status: made.status });
    });
    await Promise.all(opening);
  }, 15_000);

  it.each(STREAM_ENDS)('rejects within its boot time-out when the peer %s, in few attempts', (what) => {
    const { server, error, elapsedMs, status } = refused.get(what) ?? {};
    expect(error).toBeInstanceOf(ConnectionError);
    expect(elapsedMs).toBeLessThan(1_500 + LATE_MS);
    expect(server?.dials.length).toBeGreaterThan(1);
    expect(server?.dials.length).toBeLessThan(80);
    expect(server?.received()).not.toContain('secret');
    expect((error as Error).stack).not.toContain('secret');
    expect(status).toBe('disconnected');
  });

  it('says at once that the peer has another protocol', async () => {
    const server = await rawServer((socket) => socket.end(Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')));
    const { error } = await failure(connection({ uri: server.uri.replace('//', '//user:secret@') }).open());
    expect((error as Error).message).toContain('another protocol header');
    expect(server.received()).not.toContain('secret');
  });

  it('rejects when the port is closed, and dials no more afterwards', async () => {
    const peer = await scripted({});
    const proxy = await FaultProxy.start(peer.port);
    cleanUps.push(async () => proxy.close());
    await proxy.refuse();
    const { error, elapsedMs } = await failure(connection({ uri: proxy.uri, bootTimeoutMs: 1_500 }).open());
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as ConnectionError).code).toBe('connect-failed');
    expect(elapsedMs).toBeLessThan(1_500 + LATE_MS);

    await proxy.pass();
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(proxy.accepted).toBe(0);
  });

  it.each([
    ['dropped SASL mechanisms', { replies: { mechanisms: () => undefined } }],
    ['a dropped SASL outcome', { replies: { outcome: () => undefined } }],
    ['a dropped open', { replies: { open: () => undefined } }],
    ['silence from the first byte on', { silent: true }],
  ] satisfies [string, PeerScript][])('ends an attempt by its deadline: %s', async (_what, script) => {
    const peer = await scripted(script);
    const made = connection({ uri: peer.uri, connectTimeoutMs: 400, bootTimeoutMs: 1_500 });
    const { error } = await failure(made.open());

    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as { cause: ConnectionError }).cause.code).toBe('connect-timeout');
    await peer.until('every stream is closed', () => peer.connections.every(({ isEnded }) => isEnded));
  });

  it('gives up the attempt and the stream when its signal is aborted', async () => {
    const peer = await scripted({ silent: true });
    const abort = new AbortController();
    const opening = failure(connection({ uri: peer.uri, connectTimeoutMs: 10_000 }).open({ signal: abort.signal }));
    const accepted = await peer.nextConnection();
    abort.abort(new Error('enough'));

    expect((await opening).error).toEqual(new Error('enough'));
    await peer.until('the stream is closed', () => accepted.isEnded);
  });

  it('is closed while it opens', async () => {
    const peer = await scripted({ silent: true });
    const made = connection({ uri: peer.uri, connectTimeoutMs: 10_000, bootTimeoutMs: 10_000 });
    const opening = failure(made.open());
    const accepted = await peer.nextConnection();
    await made.close({ timeoutMs: 300 });

    expect((await opening).error).toBeInstanceOf(Error);
    await peer.until('the stream is closed', () => accepted.isEnded);
    expect(peer.connections).toHaveLength(1);
  });
});

describe('SASL', () => {
  const withUser = (peer: ScriptedPeer): string => peer.uri.replace('//', '//user:secret@');

  it.each([
    [1, 1],
    [2, 1],
    [3, 1],
  ])('fails at once, with the code, when the outcome is %i', async (saslCode, attempts) => {
    const peer = await scripted({ saslCode });
    const { error, elapsedMs } = await failure(connection({ uri: withUser(peer), bootTimeoutMs: 30_000 }).open());

    expect(error).toBeInstanceOf(AuthenticationError);
    expect((error as AuthenticationError).saslCode).toBe(saslCode);
    expect((error as Error).message).not.toContain('secret');
    expect(peer.connections).toHaveLength(attempts);
    expect(elapsedMs).toBeLessThan(LATE_MS);
  });

  it('tries again when the peer says that the failure is temporary', async () => {
    let codes = 0;
    const peer = await scripted({
      on: {
        init: (via, _init, byDefault) => {
          codes += 1;
          if (codes < 3) via.reply('outcome', 0, { code: 4 });
          else byDefault();
        },
      },
    });
    const made = connection({ uri: withUser(peer), bootTimeoutMs: 4_000 });
    await made.open();
    expect(made.status).toBe('connected');
    expect(codes).toBe(3);
  });

  it.each([[['ANONYMOUS']], [['__proto__', 'constructor']], [['CRAM-MD5']], [[]]])(
    'never falls back to something weaker: offered %j',
    async (mechanisms) => {
      const peer = await scripted({ mechanisms });
      const { error } = await failure(connection({ uri: withUser(peer) }).open());
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(peer.seen('init')).toEqual([]);
    },
  );

  it.each([
    ['a challenge that PLAIN does not have', () => encodeFrame('challenge', 0, { challenge: Buffer.from('more?') })],
    ['an AMQP header in place of the outcome', () => Buffer.from('AMQP\x00\x01\x00\x00', 'latin1')],
    ['an open frame in place of the outcome', () => encodeFrame('open', 0, { containerId: 'x' })],
  ])('survives %s', async (_what, bytes) => {
    const peer = await scripted({ on: { init: (via) => via.write(bytes()) } });
    const { error } = await failure(connection({ uri: withUser(peer), bootTimeoutMs: 1_500 }).open());
    expect(error).toBeInstanceOf(Error);
    expect(peer.seen('open')).toEqual([]);
  });

  it('opens when the outcome, the header and the open come in one write', async () => {
    const peer = await scripted({
      on: {
        init: (via) => {
          const open = encodeFrame('open', 0, { containerId: 'quick' });
          via.write(
            Buffer.concat([
              encodeFrame('outcome', 0, { code: 0 }),
              Buffer.from('AMQP\x00\x01\x00\x00', 'latin1'),
              open,
            ]),
          );
        },
        open: () => undefined,
      },
      onHeader: (via, id, byDefault) => (id === 3 ? byDefault() : via),
    });
    const made = connection({ uri: withUser(peer) });
    await made.open();
    expect(made.status).toBe('connected');
  });
});

describe('a peer that refuses in its open', () => {
  it.each([
    ['amqp:unauthorized-access', 1],
    ['amqp:not-allowed', 1],
    ['amqp:not-found', 1],
    ['amqp:connection:forced', 2],
    ['amqp:resource-limit-exceeded', 2],
    ['amqp:internal-error', 2],
  ])('%s: attempts before it ends at least %i', async (condition, least) => {
    const peer = await scripted({
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          via.close({ kind: 'error', condition, description: 'no' });
        },
      },
    });
    const made = connection({ uri: peer.uri, bootTimeoutMs: 1_500, reconnect: { initialDelayMs: 5, maxDelayMs: 20 } });
    made.on('status', () => undefined);
    await failure(made.open()).catch(() => undefined); // open() may have been resolved by the peer's open, before its close
    await peer.until('the attempts', () => peer.connections.length >= least);
    await made.close();
    expect(peer.violations).toEqual([]);
  });
});

describe('a connection through a bad network', () => {
  it.each([
    ['sliced into single bytes', (proxy: FaultProxy) => proxy.slice(1)],
    ['coalesced', (proxy: FaultProxy) => proxy.coalesce(20)],
    ['late', (proxy: FaultProxy) => proxy.latency(10, { jitterMs: 5 })],
  ])('opens and closes when what passes is %s', async (_what, fault) => {
    const peer = await scripted({});
    const proxy = await FaultProxy.start(peer.port);
    cleanUps.push(async () => proxy.close());
    fault(proxy);
    const made = connection({ uri: proxy.uri, connectTimeoutMs: 3_000, bootTimeoutMs: 3_000 });
    await made.open();
    await made.close();
    expect(peer.seen('close')).toHaveLength(1);
    expect(peer.violations).toEqual([]);
  });
});
