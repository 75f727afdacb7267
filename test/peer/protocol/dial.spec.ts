import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer, createWebSocketStream, type WebSocket } from 'ws';
import { dial } from '../../../lib/protocol/socket/dial.js';
import { ConnectionError } from '../../../lib/protocol/errors.js';
import { ScriptedPeer } from '../../support/scripted-peer.js';
import { Bench, TestSender, deadline } from './harness.js';

const bench = new Bench();
const host = '127.0.0.1';
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await bench.clear();
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function listening(server: Server | HttpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

describe('TCP', () => {
  it('a refused port is a ConnectionError that may be retried', async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    closing.length = 0;
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
    const port = await listening(createServer((socket) => socket.on('error', () => undefined).resume()));
    const abort = new AbortController();
    const dialling = failure(dial({ host, port, tls: {}, signal: abort.signal }));
    setTimeout(() => abort.abort(reason), 20);
    expect(await dialling).toBe(reason);
  });
});

describe('TLS', () => {
  let folder: string;
  let key: Buffer;
  let cert: Buffer;
  let peer: ScriptedPeer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dial-'));
    const files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=spec',
        '-addext',
        'subjectAltName=IP:127.0.0.1,DNS:peer.example',
        '-keyout',
        files.key,
        '-out',
        files.cert,
      ],
      { stdio: 'ignore' },
    );
    key = readFileSync(files.key);
    cert = readFileSync(files.cert);
    peer = await ScriptedPeer.listen({}, { key, cert });
  });
  afterAll(async () => {
    await peer.close();
    rmSync(folder, { recursive: true });
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
    const port = await listening(
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
    const port = await listening(http);
    closing.unshift(async () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    });
    return { port, paths };
  }

  it('a server that speaks no WebSocket is a ConnectionError', async () => {
    const port = await listening(createHttpServer((_request, response) => response.writeHead(404).end()));
    const error = await failure(dial({ host, port, websocket: { path: '/' }, signal: deadline() }));
    expect(error).toMatchObject({ code: 'connect-failed' });
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
