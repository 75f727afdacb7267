import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Duplex } from 'node:stream';
import { WebSocketServer, createWebSocketStream, type WebSocket } from 'ws';
import { dial } from '../../../lib/protocol/socket/dial.js';
import { loadWebSocket, openWebSocket } from '../../../lib/protocol/socket/web-socket.js';
import { ConnectionError } from '../../../lib/protocol/errors.js';
import { eventually } from '../../support/eventually.js';
import { makeCertificate, type Certificate } from '../../support/certificate.js';
import { failure } from '../../support/failure.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { ScriptedPeer } from '../../support/scripted-peer.js';
import { Bench, TestSender, deadline } from './harness.js';

const bench = new Bench();
const host = '127.0.0.1';
afterEach(() => bench.clear());

describe('TCP', () => {
  it('a refused port is a ConnectionError that may be retried', async () => {
    const port = await bench.closedPort();
    const error = await failure(dial({ host, port, signal: deadline() }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'connect-failed', retryable: true });
    expect(String(error)).toContain(`${host}:${port}`);
  });

  it('a name that does not exist is one too', async () => {
    const error = await failure(dial({ host: 'no-such-host.invalid', port: 1, signal: deadline() }));
    expect(error).toMatchObject({ code: 'connect-failed' });
  });

  it('ends with its signal, before and during', async () => {
    const reason = new Error('tired');
    expect(await failure(dial({ host, port: 1, signal: AbortSignal.abort(reason) }))).toBe(reason);
    // A port that takes the connection and never says anything to the TLS handshake.
    const port = await bench.listening(createServer((socket) => socket.on('error', () => undefined).resume()));
    const abort = new AbortController();
    const dialling = failure(dial({ host, port, tls: {}, signal: abort.signal }));
    setTimeout(() => abort.abort(reason), 20);
    expect(await dialling).toBe(reason);
  });
});

describe('TLS', () => {
  let certificate: Certificate;
  let cert: Buffer;
  let peer: ScriptedPeer;

  beforeAll(async () => {
    certificate = makeCertificate('IP:127.0.0.1,DNS:peer.example');
    cert = certificate.cert;
    peer = await ScriptedPeer.listen({}, certificate);
  });
  afterAll(async () => {
    await peer.close();
    certificate.remove();
  });

  it.each([
    ['an unknown authority', {}],
    ['another name', { servername: 'other.example', useCa: true }],
  ])(
    '%s is refused, and not worth a second try; the peer gets no byte of AMQP',
    async (_what, { useCa, ...tls }: { useCa?: boolean; servername?: string }) => {
      const error = await failure(
        dial({ host, port: peer.port, tls: { ...tls, ...(useCa === true && { ca: cert }) }, signal: deadline() }),
      );
      expect(error).toMatchObject({ code: 'tls', retryable: false });
      expect(peer.seen('init')).toEqual([]);
    },
  );

  it('a server without TLS is a tls error', async () => {
    const port = await bench.listening(
      createServer((socket) =>
        socket
          .on('error', () => undefined)
          .resume()
          .end('HTTP/1.1 400\r\n\r\n'),
      ),
    );
    const error = await failure(dial({ host, port, tls: {}, signal: deadline() }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'tls' });
  });

  it('carries AMQP when the certificate holds', async () => {
    const stream = await dial({
      host,
      port: peer.port,
      tls: { ca: cert, servername: 'peer.example' },
      signal: deadline(),
    });
    const { connection } = await bench.connect(peer, { stream });
    const sender = await TestSender.attach(await connection.beginSession({ signal: deadline() }));
    expect(await sender.post('x'.repeat(100_000)).fate).toMatchObject({ kind: 'settled' });
    await bench.clear();
  });

  it('checks the certificate of an address by its IP entries', async () => {
    const stream = await dial({ host, port: peer.port, tls: { ca: cert }, signal: deadline() });
    const { connection } = await bench.connect(peer, { stream });
    expect(connection.peer.containerId).toBe('scripted-peer');
    await bench.clear();
  });
});

describe('TLS under fire', () => {
  it('a stream that is reset, or that dies behind its handshake, is lost and ends nobody else', async () => {
    const certificate = makeCertificate('IP:127.0.0.1');
    const peer = await bench.peer({}, certificate);
    const proxy = await FaultProxy.start(peer.port);
    bench.onClear(() => proxy.close());
    const stream = await dial({ host, port: proxy.port, tls: { ca: certificate.cert }, signal: deadline() });
    const { lost } = await bench.connect(peer, { stream });
    proxy.reset();
    await eventually('it is noticed', () => lost.length > 0);
    expect(lost).toMatchObject([{ code: 'connection-lost', retryable: true }]);
    expect(stream.destroyed).toBe(true);
    certificate.remove();
  });

  it('offers the protocols and the version that it was told to', async () => {
    const certificate = makeCertificate('IP:127.0.0.1');
    const server = createTlsServer({ ...certificate, ALPNProtocols: ['amqp'], maxVersion: 'TLSv1.2' });
    const port = await bench.listening(server);
    const tls = { ca: certificate.cert, alpnProtocols: ['amqp'] };
    const stream = await dial({ host, port, tls, signal: deadline() });
    expect(Reflect.get(stream, 'alpnProtocol')).toBe('amqp');
    stream.destroy();
    const newer = failure(dial({ host, port, tls: { ...tls, minVersion: 'TLSv1.3' }, signal: deadline() }));
    expect(await newer).toMatchObject({ code: 'tls' });
    certificate.remove();
  });
});

describe('WebSocket', () => {
  async function serve(
    onStream: (stream: Duplex, socket: WebSocket) => void,
  ): Promise<{ port: number; paths: string[] }> {
    const http = createHttpServer();
    const server = new WebSocketServer({
      server: http,
      handleProtocols: (offered) => (offered.has('amqp') ? 'amqp' : false),
    });
    const paths: string[] = [];
    server.on('connection', (socket, request) => {
      paths.push(`${request.url ?? ''} ${socket.protocol}`);
      onStream(createWebSocketStream(socket), socket);
    });
    const port = await bench.listening(http);
    bench.onClear(() => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    });
    return { port, paths };
  }

  it('to a host that no URL can hold is a ConnectionError, and leaves no socket behind', async () => {
    const port = await bench.listening(createServer((peer) => peer.on('error', () => undefined).resume()));
    const socket = connect({ host, port });
    const place = { host: '1.2.3.4.5', port, isSecure: false, signal: deadline() };
    const error = await failure(openWebSocket(await loadWebSocket(), socket, place, { path: '/' }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'connect-failed', message: expect.stringContaining('1.2.3.4.5') });
    expect(socket.destroyed).toBe(true);
  });

  it('a server that speaks no WebSocket is a ConnectionError', async () => {
    const port = await bench.listening(createHttpServer((_request, response) => response.writeHead(404).end()));
    const error = await failure(dial({ host, port, websocket: { path: '/' }, signal: deadline() }));
    expect(error).toMatchObject({ code: 'connect-failed' });
  });

  it('a server that does not speak the subprotocol is one too', async () => {
    const { port } = await serve(() => undefined);
    const websocket = { path: '/', subprotocol: 'AMQPWSB10' };
    expect(await failure(dial({ host, port, websocket, signal: deadline() }))).toMatchObject({
      code: 'connect-failed',
    });
  });

  it('carries AMQP, with the subprotocol and the path', async () => {
    const peer = await bench.peer();
    const { port, paths } = await serve((stream) => peer.accept(stream));
    const stream = await dial({ host, port, websocket: { path: '$servicebus/websocket' }, signal: deadline() });
    const { connection, lost } = await bench.connect(peer, { stream });
    const sender = await TestSender.attach(await connection.beginSession({ signal: deadline() }));
    expect(await sender.post('x'.repeat(300_000)).fate).toMatchObject({ kind: 'settled' });
    expect(paths).toEqual(['/$servicebus/websocket amqp']);
    await connection.close({ timeoutMs: 500 });
    expect(lost).toEqual([]);
    expect(peer.violations).toEqual([]);
  });
});
