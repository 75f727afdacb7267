import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { WebSocketServer, createWebSocketStream } from 'ws';
import { dial } from '../../../lib/protocol/socket/dial.js';
import { ConnectionError } from '../../../lib/protocol/errors.js';
import { eventually } from '../../support/eventually.js';
import { makeCertificate, type Certificate } from '../../support/certificate.js';
import { failure } from '../../support/failure.js';
import { Bench, TestSender, deadline } from './harness.js';

const bench = new Bench();
const host = '127.0.0.1';
afterEach(() => bench.clear());

/** A proxy made of Node's own HTTP server, and what it was asked. */
async function proxyOf(): Promise<{ readonly port: number; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createHttpServer();
  server.on('connect', (request, client: Socket) => {
    asked.push(`${request.url ?? ''} ${request.headers['proxy-authorization'] ?? 'nobody'}`);
    const [, to = '', port = '0'] = /^\[?(.*?)\]?:(\d+)$/.exec(request.url ?? '') ?? [];
    const upstream = connect(Number(port), to, () => {
      client.write('HTTP/1.1 200 Connection established\r\nVia: 1.1 spec\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    upstream.on('close', () => client.destroy());
    client.on('error', () => undefined).on('close', () => upstream.destroy());
  });
  return { port: await bench.listening(server), asked };
}

/** Takes connections, writes this, and tells what was read. */
async function serverThatSays(
  text: string | undefined,
  ends = false,
): Promise<{ readonly port: number; readonly sockets: Socket[]; readonly read: () => string }> {
  const sockets: Socket[] = [];
  let read = '';
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined).on('data', (chunk: Buffer) => (read += chunk.toString()));
    if (text !== undefined) socket.write(text, 'latin1');
    if (ends) socket.end();
  });
  bench.onClear(() => {
    for (const socket of sockets) socket.destroy();
  });
  return { port: await bench.listening(server), sockets, read: () => read };
}

describe('through a proxy', () => {
  let certificate: Certificate;
  beforeAll(() => {
    certificate = makeCertificate('IP:127.0.0.1,DNS:localhost');
  });
  afterAll(() => certificate.remove());

  it.each([
    ['nobody', undefined, 'nobody'],
    ['a user', { name: 'me', password: 's@cret: é' }, `Basic ${Buffer.from('me:s@cret: é').toString('base64')}`],
  ])('carries AMQP over TCP for %s', async (_who, user, authorization) => {
    const proxy = await proxyOf();
    const peer = await bench.peer();
    const stream = await dial({ host, port: peer.port, proxy: { host, port: proxy.port, user }, signal: deadline() });
    const { connection } = await bench.connect(peer, { stream });
    const sender = await TestSender.attach(await connection.beginSession({ signal: deadline() }));
    expect(await sender.post('x'.repeat(300_000)).fate).toMatchObject({ kind: 'settled' });
    expect(proxy.asked).toEqual([`${host}:${peer.port} ${authorization}`]);
    expect(peer.violations).toEqual([]);
  });

  it('carries AMQP over TLS, and checks the certificate of the peer behind it', async () => {
    const proxy = await proxyOf();
    const peer = await bench.peer({}, certificate);
    const way = { host: 'localhost', port: peer.port, proxy: { host, port: proxy.port } };
    const stream = await dial({ ...way, tls: { ca: certificate.cert }, signal: deadline() });
    const { connection } = await bench.connect(peer, { stream });
    expect(connection.peer.containerId).toBe('scripted-peer');
    const other = { ca: certificate.cert, servername: 'other.example' };
    expect(await failure(dial({ ...way, tls: other, signal: deadline() }))).toMatchObject({ code: 'tls' });
    expect(proxy.asked).toEqual(Array.from({ length: 2 }, () => `localhost:${peer.port} nobody`));
    await bench.clear();
  });

  it('carries AMQP in a WebSocket with the subprotocol of the options', async () => {
    const proxy = await proxyOf();
    const peer = await bench.peer();
    const http = createHttpServer();
    const server = new WebSocketServer({ server: http, handleProtocols: (offered) => [...offered][0] ?? false });
    const asked: string[] = [];
    server.on('connection', (socket, request) => {
      asked.push(`${request.url ?? ''} ${socket.protocol}`);
      peer.accept(createWebSocketStream(socket));
    });
    const port = await bench.listening(http);
    bench.onClear(() => server.clients.forEach((socket) => socket.terminate()));
    const websocket = { path: '/$servicebus/websocket/', subprotocol: 'AMQPWSB10' };
    const stream = await dial({ host, port, websocket, proxy: { host, port: proxy.port }, signal: deadline() });
    const { connection } = await bench.connect(peer, { stream });
    const sender = await TestSender.attach(await connection.beginSession({ signal: deadline() }));
    expect(await sender.post('x'.repeat(300_000)).fate).toMatchObject({ kind: 'settled' });
    expect(asked).toEqual(['/$servicebus/websocket/ AMQPWSB10']);
    expect(proxy.asked).toEqual([`${host}:${port} nobody`]);
  });

  it('gives an IPv6 address its brackets, and loses no byte that came with the answer', async () => {
    const { port, read } = await serverThatSays('HTTP/1.0 200 OK\r\n\r\nAMQP\x00\x01\x00\x00');
    const opened = await dial({ host: '::1', port: 5_672, proxy: { host, port }, signal: deadline() });
    const bytes = await new Promise<Buffer>((resolve) => opened.once('data', resolve));
    expect(bytes.toString('hex')).toBe('414d515000010000');
    await eventually('it was asked', () => read().endsWith('\r\n\r\n'));
    expect(read()).toBe('CONNECT [::1]:5672 HTTP/1.1\r\nHost: [::1]:5672\r\n\r\n');
    opened.destroy();
  });
});

describe('a proxy that makes no tunnel', () => {
  const secret = 'hunter2';
  const basic = Buffer.from(`me:${secret}`).toString('base64');

  it.each([
    ['wants other credentials', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', '407 Proxy Auth', false],
    ['does not let us there', 'HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\n<html>', '403 Forbidden', false],
    ['does not reach the peer', 'HTTP/1.1 502 Bad Gateway\r\n\r\n', '502 Bad Gateway', true],
    ['is overloaded', 'HTTP/1.1 429\r\n\r\n', 'refused the tunnel: 429', true],
    ['sends us elsewhere', 'HTTP/1.1 302 Found\r\nLocation: http://evil\r\n\r\n', '302 Found', true],
    ['repeats the password', `HTTP/1.1 407 me:${secret}\r\n\r\n`, 'refused the tunnel: 407', false],
    ['repeats the header', `HTTP/1.1 407 ${basic}\r\n\r\n`, 'refused the tunnel: 407', false],
    ['says what no terminal should print', 'HTTP/1.1 500 \x1b[2J\r\n\r\n', '500 ?[2J', true],
    ['is none', 'SSH-2.0-OpenSSH_9\r\n\r\n', 'did not answer as an HTTP proxy does', true],
    ['never ends its header', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`, 'without an end', true],
    ['answers with one endless line', 'x'.repeat(100_000), 'without an end', true],
  ])('because it %s', async (_why, text, said, retryable) => {
    const { port, sockets } = await serverThatSays(text);
    const proxy = { host, port, user: { name: 'me', password: secret } };
    const error = await failure(dial({ host: 'peer.example', port: 5_672, proxy, signal: deadline() }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'proxy', retryable });
    expect(String(error)).toContain(`cannot connect to peer.example:5672: the proxy ${host}:${port}`);
    expect(String(error)).toContain(said);
    expect(String(error)).not.toContain(secret);
    expect(String(error)).not.toContain(basic);
    await eventually('the socket is closed', () =>
      sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded),
    );
  });

  it('because it closes without an answer', async () => {
    const { port } = await serverThatSays(undefined, true);
    const error = await failure(dial({ host, port: 1, proxy: { host, port }, signal: deadline() }));
    expect(error).toMatchObject({ code: 'proxy', retryable: true });
    expect(String(error)).toContain('closed the connection without an answer');
  });

  it('because it is not there', async () => {
    const port = await bench.closedPort();
    const error = await failure(dial({ host: 'peer.example', port: 1, proxy: { host, port }, signal: deadline() }));
    expect(error).toMatchObject({ code: 'connect-failed' });
    expect(String(error)).toContain(`${host}:${port}`);
  });

  it('because it says nothing, when the signal ends the wait', async () => {
    const { port, sockets } = await serverThatSays(undefined);
    const abort = new AbortController();
    const dialling = failure(dial({ host, port: 1, proxy: { host, port }, signal: abort.signal }));
    await eventually('it was asked', () => sockets.length === 1);
    const reason = new Error('tired');
    abort.abort(reason);
    expect(await dialling).toBe(reason);
    await eventually('the socket is closed', () => sockets[0]?.readableEnded === true);
  });
});
