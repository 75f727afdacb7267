import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ConnectionCore } from '../../../lib/client/connection/connection-core.js';
import { ClientClosedError, TopologyError } from '../../../lib/client/errors.js';
import { saslPlain } from '../../../lib/client/credentials/sasl.js';
import type { ConnectionOptions } from '../../../lib/client/options/connection-options.js';
import { AuthenticationError, ConnectionError, VERSION } from '../../../lib/protocol/index.js';
import { eventually } from '../../support/eventually.js';
import { dropped, firstOnly, heldUntil, ScriptedPeer, wire, type PeerScript } from '../../support/scripted-peer.js';
import { connection, ProbeOwner, type TestConnection } from './support.js';
import { LATE_MS } from '../../support/time.js';

const peers: ScriptedPeer[] = [];
const cores: ConnectionCore[] = [];
const servers: { server: Server; sockets: Socket[] }[] = [];

async function peerOf(script: PeerScript = {}): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen(script);
  peers.push(peer);
  return peer;
}

function connect(options: ConnectionOptions): TestConnection {
  const made = connection(options);
  cores.push(made.core);
  return made;
}

async function serverOf(
  onSocket: (socket: Socket) => void,
): Promise<{ readonly uri: string; readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    sockets.push(socket);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ server, sockets });
  return { uri: `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

/** A port on which nobody listens. */
async function deadPort(): Promise<string> {
  const { uri } = await serverOf(() => undefined);
  const dead = servers.pop();
  await new Promise((resolve) => dead?.server.close(resolve));
  return uri;
}

afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close(1_000)));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

const elapsed = async (promise: Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await promise.catch(() => undefined);
  return performance.now() - startedAt;
};

describe('open(), when there is nobody to talk to', () => {
  it('rejects once, with what the last attempt met, within bootTimeoutMs, and dials no more', async () => {
    const { core, statuses } = connect({ uri: await deadPort(), bootTimeoutMs: 1_500 });
    const opening = core.open();
    await expect(opening).rejects.toBeInstanceOf(ConnectionError);
    await expect(opening).rejects.toMatchObject({ code: 'connect-failed', retryable: true });
    await expect(opening).rejects.toThrow(/bootTimeoutMs \(1500 ms\), \d+ attempts; the last one: .*ECONNREFUSED/);
    const attempts = statuses.filter(({ status }) => status === 'connecting').length;
    expect(attempts).toBeGreaterThan(1);
    expect(core.life.status).toBe('disconnected');
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(statuses.filter(({ status }) => status === 'connecting')).toHaveLength(attempts);
  });

  it('rejects in time when the peer takes the connection and says nothing', async () => {
    const { uri, sockets } = await serverOf(() => undefined);
    const { core } = connect({ uri, connectTimeoutMs: 60, bootTimeoutMs: 200 });
    const opening = core.open();
    expect(await elapsed(opening)).toBeLessThan(200 + LATE_MS);
    await expect(opening).rejects.toThrow(/not connected within 60 ms/);
    await eventually('every socket is closed', () =>
      sockets.every((socket) => socket.destroyed || socket.readableEnded),
    );
  });

  it('rejects within bootTimeoutMs also when the next attempt is far away', async () => {
    const reconnect = { initialDelayMs: 5_000, stepMs: 5_000, maxDelayMs: 30_000, jitter: false };
    const { core, statuses, logged } = connect({ uri: await deadPort(), bootTimeoutMs: 1_500, reconnect });
    const opening = core.open();
    const took = await elapsed(opening);
    expect(took).toBeLessThan(1_500 + LATE_MS);
    await expect(opening).rejects.toThrow(/bootTimeoutMs \(1500 ms\), 1 attempts; the last one: .*ECONNREFUSED/);
    expect(logged).toContainEqual(expect.stringContaining('the next attempt is in 5000 ms'));
    expect(statuses).toMatchObject([{ status: 'connecting', attempt: 1 }, { status: 'disconnected' }]);
  });

  it('names the time-out when not one attempt came to an end', async () => {
    const { uri } = await serverOf(() => undefined);
    const { core } = connect({ uri, bootTimeoutMs: 50 });
    await expect(core.open()).rejects.toMatchObject({ code: 'connect-timeout' });
  });

  it('does not dial without pause a peer that accepts and closes', async () => {
    const { uri, sockets } = await serverOf((socket) => socket.destroy());
    const { core } = connect({ uri, bootTimeoutMs: 1_500, reconnect: { initialDelayMs: 40, maxDelayMs: 1_000 } });
    await expect(core.open()).rejects.toMatchObject({ code: 'connect-failed' });
    // 20 + 40 + 80 + 160 + 320 + 500 ms of pauses at the middle of the jitter.
    expect(sockets.length).toBeLessThan(10);
  });

  it('gives a peer that opens and drops longer pauses too', async () => {
    const peer = await peerOf({
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          setImmediate(() => via.drop());
        },
      },
    });
    const { core } = connect({ uri: peer.uri, reconnect: { initialDelayMs: 40, maxDelayMs: 1_000 } });
    await core.open();
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Without pauses there would be hundreds.
    expect(peer.connections.length).toBeLessThan(12);
  });

  it('stops after maxAttempts', async () => {
    const { core, statuses } = connect({ uri: await deadPort(), reconnect: { initialDelayMs: 1, maxAttempts: 3 } });
    await expect(core.open()).rejects.toMatchObject({ code: 'connect-failed' });
    expect(statuses.filter(({ status }) => status === 'connecting')).toHaveLength(3);
  });

  it('stops after one attempt without reconnecting', async () => {
    const { core, statuses } = connect({ uri: await deadPort(), reconnect: false });
    await expect(core.open()).rejects.toMatchObject({ code: 'connect-failed' });
    expect(statuses.filter(({ status }) => status === 'connecting')).toHaveLength(1);
  });

  it('ends with the reason of its signal, at once', async () => {
    const { uri, sockets } = await serverOf(() => undefined);
    const { core } = connect({ uri });
    const stop = new AbortController();
    const opening = core.open(stop.signal);
    await eventually('a socket', () => sockets.length > 0);
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(opening).rejects.toBe(reason);
    expect(core.life.status).toBe('disconnected');
    await expect(core.open(AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('goes on for the second caller when the first one gives up', async () => {
    let letIn: () => void = () => undefined;
    const peer = await peerOf({ replies: { open: heldUntil(new Promise<void>((resolve) => (letIn = resolve))) } });
    const { core } = connect({ uri: peer.uri });
    const stop = new AbortController();
    const first = core.open(stop.signal);
    const second = core.open();
    await peer.next('open');
    stop.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    letIn();
    await second;
    expect(peer.connections).toHaveLength(1);
  });

  it('goes on for a link that wants the connection when its only caller gives up', async () => {
    let letIn: () => void = () => undefined;
    const peer = await peerOf({ replies: { open: heldUntil(new Promise<void>((resolve) => (letIn = resolve))) } });
    const { core } = connect({ uri: peer.uri });
    const stop = new AbortController();
    const opened = core.open(stop.signal);
    await peer.next('open');
    const attached = new ProbeOwner(core, 'orders').handle.ready();
    stop.abort(new Error('enough'));
    await expect(opened).rejects.toThrow('enough');
    letIn();
    await attached;
    expect(peer.connections).toHaveLength(1);
  });

  it('may be called again after it failed', async () => {
    const peer = await peerOf({ replies: { open: firstOnly(dropped) } });
    const { core } = connect({ uri: peer.uri, connectTimeoutMs: 1_500, reconnect: false });
    await expect(core.open()).rejects.toMatchObject({ code: 'connect-timeout' });
    await core.open();
    expect(core.life.status).toBe('connected');
  });
});

describe('a refusal', () => {
  it('of the credentials fails open() at once, naming the mechanism and not the password', async () => {
    const peer = await peerOf({ saslCode: 1 });
    const { core, logged } = connect({ uri: `amqp://user:hunter2@127.0.0.1:${peer.port}` });
    const opening = core.open();
    await expect(opening).rejects.toBeInstanceOf(AuthenticationError);
    await expect(opening).rejects.toMatchObject({ saslCode: 1, retryable: false });
    await expect(opening).rejects.toThrow('PLAIN');
    await expect(opening).rejects.not.toThrow('hunter2');
    expect(logged.join('\n')).not.toContain('hunter2');
    expect(peer.connections).toHaveLength(1);
  });

  it('that the peer calls temporary is retried', async () => {
    const script: { saslCode: number } = { saslCode: 4 };
    const peer = await peerOf(script);
    const { core } = connect({ uri: `amqp://user:secret@127.0.0.1:${peer.port}` });
    const opening = core.open();
    await eventually('two attempts', () => peer.connections.length > 1);
    script.saslCode = 0;
    await opening;
  });

  it('after a success is slow, and asks for the password again', async () => {
    const script: { saslCode: number } = { saslCode: 0 };
    const peer = await peerOf(script);
    const passwords = ['first', 'second', 'third'];
    let asked = 0;
    const credentials = saslPlain('user', () => passwords[asked++] ?? '');
    const { core, statuses } = connect({ uri: peer.uri, credentials, refusedRetryMs: 120 });
    await core.open();
    script.saslCode = 1;
    const lostAt = performance.now();
    peer.connection.drop();
    await eventually('the refusal', () => statuses.some(({ cause }) => cause instanceof AuthenticationError));
    script.saslCode = 0;
    await eventually('connected again', () => core.life.status === 'connected');
    expect(performance.now() - lostAt).toBeGreaterThan(100);
    const sent = peer.connections.map(({ saslInit }) => saslInit?.initialResponse?.toString());
    expect(sent).toEqual(passwords.map((password) => `\0user\0${password}`));
  });

  it('after a success is told, however many attempts failed before', async () => {
    const script: { saslCode: number } = { saslCode: 0 };
    const peer = await peerOf(script);
    let isGone = false;
    const { core, statuses, logged } = connect({
      uri: `amqp://user:secret@127.0.0.1:${peer.port}`,
      dial: async () => (isGone ? Promise.reject(new Error('nobody is there')) : peer.dial()),
      refusedRetryMs: 5,
      reconnect: { initialDelayMs: 1, maxDelayMs: 1, maxAttempts: 9 },
    });
    const attempts = (): number => statuses.filter(({ status }) => status === 'connecting').length;
    await core.open();
    script.saslCode = 1;
    isGone = true;
    peer.connection.drop();
    await eventually('some attempts', () => attempts() > 3);
    isGone = false;
    await eventually('more refusals', () => peer.connections.length > 3);
    const told = logged.filter((line) => line.includes('the next attempt'));
    expect(told.map((line) => /in \d+ ms/.exec(line)?.[0])).toEqual(['in 1 ms', 'in 5 ms']);
    expect(told[1]).toContain('refused the credentials');
  });

  it.each([
    ['ActiveMQ, which has not noticed the loss, is retried soon', 'activemq', 'connected', 4_000],
    ['another peer, is slow', 'artemis', 'disconnected', 300],
  ] as const)('after a success, for the container-id by %s', async (_name, profile, status, withinMs) => {
    let isHeld = false;
    const peer = await peerOf({
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          const info = { 'invalid-field': wire.symbol('container-id') };
          if (isHeld) via.close({ kind: 'error', condition: 'amqp:invalid-field', info });
        },
      },
    });
    const { core } = connect({ uri: peer.uri, profile, refusedRetryMs: 60_000 });
    await core.open();
    isHeld = true;
    peer.connection.drop();
    await eventually('it is refused', () => core.life.lastStatus.lastError?.condition === 'amqp:invalid-field');
    isHeld = false;
    await core.open(AbortSignal.timeout(withinMs)).catch(() => undefined);
    expect(core.life.status).toBe(status);
  });

  it('after a success ends it when onRefused is stop, and says so', async () => {
    const script: { saslCode: number } = { saslCode: 0 };
    const peer = await peerOf(script);
    const { core, statuses, logged } = connect({ uri: `amqp://u:p@127.0.0.1:${peer.port}`, onRefused: 'stop' });
    await core.open();
    script.saslCode = 1;
    peer.connection.drop();
    await eventually('given up', () => logged.some((line) => line.includes('given up')));
    expect(statuses.at(-1)).toMatchObject({ status: 'disconnected', cause: expect.any(AuthenticationError) });
  });

  it('of OPEN with unauthorized-access fails open() at once', async () => {
    const peer = await peerOf({
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          via.close({ kind: 'error', condition: 'amqp:unauthorized-access' });
        },
      },
    });
    const { core } = connect({ uri: peer.uri });
    await expect(core.open()).rejects.toMatchObject({ condition: 'amqp:unauthorized-access' });
    expect(peer.connections).toHaveLength(1);
  });
});

describe('a peer that is not ready yet', () => {
  it('and answers OPEN with one that breaks the protocol is dialled again', async () => {
    const isReady = (): boolean => peer.connections.length > 2;
    const peer = await peerOf({
      get open() {
        return isReady() ? {} : { maxFrameSize: 0 };
      },
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          if (!isReady()) via.close({ kind: 'error', condition: 'amqp:connection:forced' });
        },
      },
    });
    const { core } = connect({ uri: peer.uri, reconnect: { initialDelayMs: 1 } });
    await core.open();
    expect(peer.connections).toHaveLength(3);
  });
});

describe('a connection that is open', () => {
  it('says in OPEN who it is, and what the options add', async () => {
    const peer = await peerOf();
    const options = { containerId: 'me', properties: { team: 'orders' }, maxFrameSize: 4_096, channelMax: 7 };
    const { core } = connect({ uri: `${peer.uri}/shop`, ...options });
    await core.open();
    const open = await peer.next('open');
    expect(open).toMatchObject({ containerId: 'me', hostname: 'vhost:shop', maxFrameSize: 4_096, channelMax: 7 });
    expect(open.idleTimeOut).toBe(15_000);
    expect(open.properties).toMatchObject({ product: 'nestjs-amqp10', team: 'orders', version: VERSION });
    expect(open.properties?.['platform']).toBe(`Node.js ${process.version}`);
    expect(peer.violations).toEqual([]);
  });

  it('opens only once, however often it is asked', async () => {
    const peer = await peerOf();
    const { core, statuses } = connect({ uri: peer.uri });
    await Promise.all([core.open(), core.open(), core.open()]);
    await core.open();
    expect(peer.connections).toHaveLength(1);
    expect(statuses.map(({ status }) => status)).toEqual(['connecting', 'connected']);
  });

  it.each<[string, (peer: ScriptedPeer) => void]>([
    ['is reset', (peer) => peer.connection.drop()],
    ['is ended', (peer) => peer.connection.finish()],
    ['is closed in order', (peer) => peer.connection.close()],
    ['is closed by force', (peer) => peer.connection.close({ kind: 'error', condition: 'amqp:connection:forced' })],
    [
      'is closed for lack of resources',
      (peer) => peer.connection.close({ kind: 'error', condition: 'amqp:resource-limit-exceeded' }),
    ],
    ['gets bytes that are no frame', (peer) => peer.connection.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ])('comes back when it %s', async (_name, fault) => {
    const peer = await peerOf();
    const { core, statuses } = connect({ uri: peer.uri });
    await core.open();
    fault(peer);
    await eventually('connected again', () => statuses.filter(({ status }) => status === 'connected').length === 2);
    const lost = statuses.find(({ status }) => status === 'disconnected');
    expect(lost?.cause).toBeInstanceOf(ConnectionError);
    expect(peer.connections.length).toBe(2);
  });

  it('gives up a peer that falls silent', async () => {
    const peer = await peerOf({ heartbeats: false });
    const { core, statuses } = connect({ uri: peer.uri, keepAlive: { idleTimeoutMs: 1_000 } });
    await core.open();
    await eventually('lost', () => statuses.some(({ status }) => status === 'disconnected'), { timeoutMs: 8_000 });
    await eventually('connected again', () => core.life.status === 'connected');
  }, 15_000);

  it('goes to the next peer of the list, and round again', async () => {
    const first = await peerOf();
    const second = await peerOf();
    const { core } = connect({ uri: [await deadPort(), first.uri, second.uri] });
    await core.open();
    expect(core.lastPeer?.uri).toBe(first.uri);
    first.connection.drop();
    await second.nextConnection();
    await eventually('connected', () => core.life.status === 'connected');
    expect(core.lastPeer?.uri).toBe(second.uri);
    second.connection.drop();
    await eventually('back at the first', () => first.connections.length === 2);
  });

  it('asks the function of the options which peer is next', async () => {
    const first = await peerOf();
    const second = await peerOf();
    const { core } = connect({
      uri: [first.uri, second.uri],
      failover: (uris) => uris.toReversed()[Symbol.iterator](),
    });
    await core.open();
    expect(core.lastPeer?.uri).toBe(second.uri);
  });

  it('fails the attempt, and not the process, when that function throws', async () => {
    const peer = await peerOf();
    const failover = (): never => {
      throw new Error('no idea');
    };
    const { core } = connect({ uri: peer.uri, failover, reconnect: { initialDelayMs: 1, maxAttempts: 2 } });
    await expect(core.open()).rejects.toThrow('the failover function threw');
  });

  it('is dialled through the dial of the options, with a URI that holds no password', async () => {
    const peer = new ScriptedPeer();
    peers.push(peer);
    const uris: string[] = [];
    const { core } = connect({
      uri: 'amqp://user:secret@localhost/shop',
      dial: ({ uri }) => {
        uris.push(uri);
        return peer.dial();
      },
    });
    await core.open();
    expect(uris).toEqual(['amqp://localhost:5672/shop']);
  });

  it('destroys the stream of a dial that comes too late', async () => {
    const peer = new ScriptedPeer();
    peers.push(peer);
    let letIn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (letIn = resolve));
    const { core } = connect({
      uri: 'amqp://localhost',
      connectTimeoutMs: 30,
      reconnect: false,
      dial: async () => {
        await gate;
        return peer.dial();
      },
    });
    await expect(core.open()).rejects.toMatchObject({ code: 'connect-timeout' });
    letIn();
    const accepted = await peer.nextConnection();
    await eventually('the stream is gone', () => accepted.isClosed);
  });

  it('is blocked while the peer takes no messages, and says when it takes them again', async () => {
    const peer = await peerOf();
    const { core, statuses, logged } = connect({ uri: peer.uri });
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    peer.connection.session().sendFlow({ incomingWindow: 0 });
    await eventually('blocked', () => core.life.status === 'blocked');
    const { cause } = statuses.at(-1) ?? {};
    expect(cause).toBeInstanceOf(ConnectionError);
    expect(cause).toMatchObject({ code: 'blocked', retryable: true });
    expect(cause?.message).toContain('closed the windows of all sessions');
    peer.connection.session().sendFlow({ incomingWindow: 100 });
    await eventually('connected', () => core.life.status === 'connected');
    peer.connection.session().sendFlow({ incomingWindow: 0 });
    await eventually('blocked again', () => core.life.status === 'blocked');
    peer.connection.drop();
    await eventually('connected again', () => core.life.status === 'connected');
    expect(statuses.map(({ status }) => status)).toEqual([
      'connecting',
      'connected',
      'blocked',
      'connected',
      'blocked',
      'disconnected',
      'connecting',
      'connected',
    ]);
    expect(logged.filter((line) => line === cause?.message)).toHaveLength(2);
    expect(logged.filter((line) => line === 'the peer takes messages again')).toHaveLength(1);
  });

  it('finds an embedded broker by its name, and says how one is started when there is none', async () => {
    const registry = Symbol.for('nestjs-amqp10:embedded-brokers');
    const { core } = connect({ uri: 'embedded:orders', reconnect: false });
    await expect(core.open()).rejects.toThrow("EmbeddedBroker.start({ name: 'orders' })");
    const peer = new ScriptedPeer();
    peers.push(peer);
    const before: unknown = Reflect.get(globalThis, registry);
    Reflect.set(globalThis, registry, new Map([['orders', { dial: peer.dial }]]));
    await core.open();
    expect(core.lastPeer?.uri).toBe('embedded:orders');
    Reflect.set(globalThis, registry, before);
  });

  it('tells its observers of each change, even when one of them throws', async () => {
    const peer = await peerOf();
    const seen: string[] = [];
    const bad = {
      onStatus: (): never => {
        throw new Error('observer');
      },
    };
    const good = { onStatus: ({ status }: { status: string }): void => void seen.push(status) };
    const { core } = connect({ uri: peer.uri, observer: [bad, good] });
    await core.open();
    await core.close(500);
    expect(seen).toEqual(['connecting', 'connected', 'closed']);
  });

  it('logs a loss and the return, and not every failed attempt between', async () => {
    const peer = await peerOf();
    const { core, logged } = connect({ uri: peer.uri, reconnect: { initialDelayMs: 1, maxDelayMs: 4 } });
    await core.open();
    const { port } = peer;
    await peer.close();
    await new Promise((resolve) => setTimeout(resolve, 60));
    peers.splice(peers.indexOf(peer), 1);
    const again = createServer(() => undefined);
    await new Promise<void>((resolve) => again.listen(port, '127.0.0.1', resolve));
    await new Promise((resolve) => again.close(resolve));
    expect(logged[0]).toContain('connected to');
    expect(logged[1]).toContain('connection lost');
    expect(logged.length).toBeLessThan(12);
  });
});

describe('the topology of the options', () => {
  it('that the peer has no means for fails open() by name', async () => {
    const peer = await peerOf();
    const { core } = connect({ uri: peer.uri, topology: { queues: ['orders'] } });
    const opening = core.open();
    await expect(opening).rejects.toBeInstanceOf(TopologyError);
    await expect(opening).rejects.toMatchObject({ code: 'unsupported' });
    await expect(opening).rejects.toThrow("profile 'generic'");
    expect(core.life.status).toBe('disconnected');
  });
});

describe('close()', () => {
  it('before open() is harmless and final', async () => {
    const { core } = connect({ uri: 'amqp://localhost' });
    await core.close(500);
    await core.close(500);
    expect(core.life.status).toBe('closed');
    expect(() => core.assertUsable()).toThrow(ClientClosedError);
    await expect(core.open()).rejects.toBeInstanceOf(ClientClosedError);
  });

  it('while it dials ends the attempt, and rejects open()', async () => {
    const { uri, sockets } = await serverOf(() => undefined);
    const { core } = connect({ uri });
    const opening = core.open();
    await eventually('a socket', () => sockets.length > 0);
    const closing = core.close(500);
    await expect(opening).rejects.toBeInstanceOf(ClientClosedError);
    await closing;
    expect(core.life.status).toBe('closed');
  });

  it('while the topology is declared does not leave a connection behind that waits for its peer', async () => {
    const peer = await peerOf({
      open: { properties: { product: 'RabbitMQ', version: '4.1.0' } },
      verdict: () => undefined,
      on: { close: () => undefined },
    });
    const { core } = connect({ uri: peer.uri, topology: { queues: ['orders'] } });
    const opening = core.open();
    const refused = expect(opening).rejects.toBeInstanceOf(ClientClosedError);
    await peer.next('transfer');
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = sockets();
    const startedAt = performance.now();
    await core.close(20_000);
    await refused;
    await eventually('the socket is gone', () => sockets() < before);
    expect(performance.now() - startedAt).toBeLessThan(LATE_MS);
  });

  it('while it waits for the next attempt dials no more', async () => {
    const { uri, sockets } = await serverOf((socket) => socket.destroy());
    const { core } = connect({ uri, reconnect: { initialDelayMs: 1_200, jitter: false } });
    const opening = core.open();
    await eventually('waiting', () => core.life.status === 'disconnected' && sockets.length === 1);
    await core.close(500);
    await expect(opening).rejects.toBeInstanceOf(ClientClosedError);
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(sockets).toHaveLength(1);
  });

  it('when open says CLOSE, and is one close for all who ask', async () => {
    const peer = await peerOf();
    const { core, statuses } = connect({ uri: peer.uri });
    await core.open();
    await Promise.all([core.close(500), core.close(500)]);
    await peer.next('close');
    expect(peer.seen('close')).toHaveLength(1);
    expect(statuses.at(-1)).toEqual({ status: 'closed' });
    expect(peer.violations).toEqual([]);
  });

  it('takes no longer than it may when the peer does not answer', async () => {
    const peer = await peerOf({ replies: { close: dropped } });
    const { core } = connect({ uri: peer.uri });
    await core.open();
    peer.connection.silent = true;
    expect(await elapsed(core.close(300))).toBeLessThan(300 + LATE_MS);
    await peer.until('the end of the stream', () => peer.records.some(({ kind }) => kind === 'end'));
  });

  it('takes no longer than it may when a client does not come to its end', async () => {
    const peer = await peerOf();
    const { core } = connect({ uri: peer.uri });
    await core.open();
    core.context.register({ close: () => new Promise(() => undefined) });
    expect(await elapsed(core.close(400))).toBeLessThan(400 + LATE_MS);
  });

  it('closes its clients first, and outlives one that fails', async () => {
    const peer = await peerOf();
    const { core } = connect({ uri: peer.uri });
    await core.open();
    const order: string[] = [];
    core.context.register({ close: () => Promise.reject(new Error('client')) });
    core.context.register({
      close: () => {
        order.push(core.life.status);
        return Promise.resolve();
      },
    });
    await core.close(400);
    expect(order).toEqual(['connected']);
    expect(core.life.status).toBe('closed');
  });

  it('from within a status listener is harmless', async () => {
    const peer = await peerOf();
    const closing: Promise<void>[] = [];
    const { core } = connect({
      uri: peer.uri,
      observer: { onStatus: ({ status }) => void (status === 'connected' && closing.push(core.close(300))) },
    });
    await core.open().catch((error: unknown) => expect(error).toBeInstanceOf(ClientClosedError));
    await Promise.all(closing);
    expect(core.life.status).toBe('closed');
  });
});
