import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy } from '../../support/fault-proxy.js';
import { eventually } from '../../support/eventually.js';
import { encodeFrame, AMQP_HEADER } from '../../support/scripted-peer.js';

let echo: Server;
let proxy: FaultProxy;
const accepted: Socket[] = [];
const clients: Socket[] = [];

beforeEach(async () => {
  echo = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end());
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await FaultProxy.start((echo.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const socket of [...clients.splice(0), ...accepted.splice(0)]) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

interface Client {
  readonly socket: Socket;
  readonly chunks: Buffer[];
  readonly errors: string[];
  readonly text: () => string;
}

async function client(allowHalfOpen = false): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true, allowHalfOpen });
  clients.push(socket);
  const chunks: Buffer[] = [];
  const errors: string[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? error.message));
  await once(socket, 'connect');
  return { socket, chunks, errors, text: () => Buffer.concat(chunks).toString() };
}

/** `once` would reject on the error that comes before. */
const closed = async (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

describe('FaultProxy', () => {
  it('refuses connections, then takes them again on the same port', async () => {
    const { port } = proxy;
    await proxy.refuse();
    const refused = connect({ port, host: '127.0.0.1' });
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');

    await proxy.pass();
    const { socket, text } = await client();
    socket.write('hello');
    await eventually('the echo', () => text() === 'hello');
    expect(proxy.port).toBe(port);
  });

  it('accepts and closes', async () => {
    proxy.acceptThenClose();
    const { socket } = await client();
    await once(socket, 'end');
    expect(accepted).toHaveLength(0);
  });

  it('resets both sides', async () => {
    const { socket, errors } = await client();
    socket.write('x');
    await once(socket, 'data');
    proxy.reset();
    await closed(socket);
    expect(errors).toEqual(['ECONNRESET']);
  });

  it('swallows everything in one direction, an end included', async () => {
    const { socket, chunks } = await client();
    const bytes: Buffer[] = [];
    await eventually('the connection', () => accepted[0]);
    accepted[0]?.on('data', (chunk: Buffer) => bytes.push(chunk));
    proxy.blackhole('down');
    socket.write('lost');
    await eventually('the bytes', () => Buffer.concat(bytes).toString() === 'lost');
    accepted[0]?.end();
    await proxy.pass();
    expect(chunks).toEqual([]);
    expect(socket.readableEnded).toBe(false);
  });

  it('ends one side and leaves the other open', async () => {
    const { socket, text } = await client(true);
    socket.write('one');
    await eventually('the echo', () => text() === 'one');
    proxy.finish('client');
    await once(socket, 'end');
    expect(accepted[0]?.readableEnded).toBe(false);
  });

  it('stops reading, and goes on where it was', async () => {
    const { socket, text } = await client();
    socket.write('a');
    await eventually('the echo', () => text() === 'a');
    proxy.stall('up');
    const block = Buffer.alloc(1 << 20, 'b');
    for (let i = 0; i < 32; i += 1) socket.write(block);
    await eventually('a full buffer', () => socket.writableLength > 1 << 20);

    await proxy.pass();
    await eventually('all bytes', () => text().length === 1 + 32 * (1 << 20), { timeoutMs: 15_000 });
  }, 20_000);

  it('slices into small pieces, coalesces, delays, and keeps the order', async () => {
    const text = Array.from({ length: 60 }, (_, index) => String(index)).join(',');
    proxy.slice(3);
    const sliced = await client();
    sliced.socket.write(text);
    await eventually('the echo', () => sliced.text() === text);
    expect(sliced.chunks.length).toBeGreaterThan(5);

    await proxy.pass();
    proxy.coalesce(20, 'down');
    const coalesced = await client();
    for (const letter of 'abcdef') coalesced.socket.write(letter);
    await eventually('the echo', () => coalesced.text() === 'abcdef');
    expect(coalesced.chunks.length).toBeLessThan(6);

    await proxy.pass();
    proxy.latency(15, { jitterMs: 10, direction: 'up' });
    const late = await client();
    const start = performance.now();
    late.socket.write('1');
    await once(late.socket, 'data');
    late.socket.write('2');
    await eventually('the echo', () => late.text() === '12');
    expect(performance.now() - start).toBeGreaterThan(28);
  });

  it('corrupts one byte', async () => {
    proxy.corrupt('up', 4, 0x01);
    const { socket, text } = await client();
    socket.write('ab');
    await eventually('the echo', () => text().length === 2);
    socket.write('cdefg');
    await eventually('the echo', () => text() === 'abcddfg');
  });

  it('cuts after so many bytes, once', async () => {
    proxy.cut({ direction: 'down', afterBytes: 5 });
    const first = await client();
    first.socket.write('0123456789');
    await closed(first.socket);
    expect(first.text()).toBe('01234');

    const second = await client();
    second.socket.write('0123456789');
    await eventually('the echo', () => second.text() === '0123456789');
  });

  it.each([
    [false, 8 + 20],
    [true, 8 + 10],
  ])('cuts at a frame (inside: %s)', async (inside, bytes) => {
    const open = encodeFrame('open', 0, { containerId: 'c234' });
    expect(open).toHaveLength(20);
    proxy.cut({ direction: 'down', atFrame: 2, inside, how: 'finish' });
    const { socket, chunks } = await client();
    socket.write(Buffer.concat([AMQP_HEADER, open, open]));
    await once(socket, 'end');
    expect(Buffer.concat(chunks)).toHaveLength(bytes);
  });
});
