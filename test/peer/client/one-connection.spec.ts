// What many clients on one connection may rely on.

import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AmqpConnection,
  ErrorPolicy,
  LinkDetachedError,
  SendError,
  type ConnectionOptions,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { ScriptedPeer, type PeerScript } from '../../support/scripted-peer.js';

const peers: ScriptedPeer[] = [];
const connections: AmqpConnection[] = [];
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 500 })));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

function connectionTo(uri: string, options: Partial<ConnectionOptions> = {}): AmqpConnection {
  const connection = new AmqpConnection({ uri, reconnect: { initialDelayMs: 2, maxDelayMs: 20 }, ...options });
  connections.push(connection);
  return connection;
}

async function connected(
  script: PeerScript = {},
  options: Partial<ConnectionOptions> = {},
): Promise<{ readonly peer: ScriptedPeer; readonly connection: AmqpConnection }> {
  const peer = await ScriptedPeer.listen(script);
  peers.push(peer);
  const connection = connectionTo(peer.uri, options);
  await connection.open();
  return { peer, connection };
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const error = (condition: string) => ({ kind: 'error', condition }) as const;

describe('clients on a connection that is open already', () => {
  it('begin sessions of their own, each as soon as it is used', async () => {
    const { peer, connection } = await connected();
    expect(peer.seen('begin')).toHaveLength(0);
    await connection.createSendClient('a').send(1);
    expect(peer.seen('begin')).toHaveLength(1);
    await connection.createSendClient('b').send(2);
    expect(peer.seen('begin')).toHaveLength(2);
    expect(peer.connections).toHaveLength(1);
  });

  it('do not take its container id for an address, and it is the same after a loss', async () => {
    const { peer, connection } = await connected({}, { containerId: 'me' });
    await connection.createSendClient('a').send(1);
    const inbox = connection.createReceiveClient('b').receiveBatch({ maxMessages: 1, waitMs: 200 });
    await peer.nextLink('receiver');
    const termini = peer.seen('attach').map(({ role, source, target }) => (role ? target : source)?.address);
    expect(termini).not.toContain('me');
    expect(termini).toHaveLength(2);
    peer.connection.drop();
    await eventually('it is back', () => peer.seen('open').length === 2);
    expect(peer.seen('open').map(({ containerId }) => containerId)).toEqual(['me', 'me']);
    await inbox;
  });

  it('have errors of their own: what ends one link is told to nobody else', async () => {
    const { peer, connection } = await connected({ verdict: () => undefined });
    const failing = connection.createSendClient('failing', { errorPolicy: new ErrorPolicy({ maxRetries: 0 }) });
    const other = connection.createSendClient('other', { sendTimeoutMs: 2_000 });
    const [lost, kept] = [failing.send(1), other.send(2)];
    lost.catch(() => undefined);
    const links = [await peer.nextLink('sender'), await peer.nextLink('sender')];
    await eventually('both were sent', () => links.every(({ received }) => received === 1));
    links.find(({ address }) => address === 'failing')?.detach({ error: error('amqp:internal-error') });
    await expect(lost).rejects.toMatchObject({
      address: 'failing',
      condition: 'amqp:internal-error',
      scope: 'message',
      delivered: 'unknown',
    });
    const cause: unknown = await lost.catch((thrown: SendError) => thrown.cause);
    expect(cause).toBeInstanceOf(LinkDetachedError);
    expect(cause).toMatchObject({ scope: 'link', address: 'failing' });
    const link = links.find(({ address }) => address === 'other');
    link?.session.connection.reply('disposition', link.session.channel, {
      role: true,
      first: 0,
      settled: true,
      state: { kind: 'accepted' },
    });
    await expect(kept).resolves.toMatchObject({ ok: true, attempts: 1 });
  });

  it('close with it: DETACH, END and CLOSE in this order, each answered, and await using does the same', async () => {
    const { peer, connection } = await connected();
    await connection.createSendClient('a').send(1);
    await connection[Symbol.asyncDispose]();
    const written = peer.records.flatMap((record) =>
      record.kind === 'frame' && record.direction === 'in' ? [record.frame.performative] : [],
    );
    expect(written.slice(-3)).toEqual(['detach', 'end', 'close']);
    expect(peer.violations).toEqual([]);
    expect(connection.status).toBe('closed');
    await eventually('the peer saw the end', () => peer.connection.isClosed);
  });
});

describe('a send', () => {
  it('that waits for its next try holds up no heartbeat and no other send', async () => {
    const { peer, connection } = await connected({
      open: { idleTimeOut: 600 },
      verdict: ({ link }) => (link.address === 'busy' ? { kind: 'modified' } : { kind: 'accepted' }),
    });
    const errorPolicy = new ErrorPolicy({ maxRetries: 1, onError: () => ({ retry: true, backoffMs: 2_400 }) });
    const retried = connection.createSendClient('busy', { errorPolicy }).send(1);
    retried.catch(() => undefined);
    await eventually('the first try', () => peer.seen('transfer').length === 1);
    const before = peer.seen('empty').length;
    await expect(connection.createSendClient('free').send(2)).resolves.toMatchObject({ ok: true });
    await expect(retried).rejects.toMatchObject({ code: 'modified', attempts: 2 });
    expect(peer.seen('empty').length - before).toBeGreaterThanOrEqual(2);
  });

  it('to a peer that is not there fails within its time-out, once, with the reason and not in doubt', async () => {
    const connection = connectionTo(`amqp://127.0.0.1:${await freePort()}`);
    const startedAt = performance.now();
    const failure: unknown = await connection
      .createSendClient('orders', { sendTimeoutMs: 2_000 })
      .send(1)
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(SendError);
    expect(failure).toMatchObject({ code: 'timeout', delivered: 'no', attempts: 0, retryable: true });
    expect(String(failure)).toContain('ECONNREFUSED');
    // At its time-out, however late on a busy machine.
    expect(performance.now() - startedAt).toBeLessThan(2 * 2_000);
  });

  it('to a peer that comes within its time-out arrives, once', async () => {
    const port = await freePort();
    const connection = connectionTo(`amqp://127.0.0.1:${port}`);
    const sending = connection.createSendClient('orders', { sendTimeoutMs: 4_000 }).send(1);
    const disconnected = new Promise<void>((resolve) =>
      connection.on('status', ({ status }) => status === 'disconnected' && resolve()),
    );
    await disconnected;
    const peer = new ScriptedPeer();
    peers.push(peer);
    const server = createServer((socket) => peer.accept(socket));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await expect(sending).resolves.toMatchObject({ ok: true, attempts: 1 });
    expect(peer.seen('transfer')).toHaveLength(1);
    await connection.close({ timeoutMs: 500 });
    await new Promise((resolve) => server.close(resolve));
  });

  it('to a peer that is blocked waits, fails within its time-out as not sent, and goes on when the peer does', async () => {
    const { peer, connection } = await connected();
    const orders = connection.createSendClient('orders');
    await orders.send(1);
    peer.connection.session().sendFlow({ incomingWindow: 0 });
    await eventually('blocked', () => connection.status === 'blocked');
    await expect(orders.send(2, { timeoutMs: 150 })).rejects.toMatchObject({ code: 'timeout', delivered: 'no' });
    const waiting = orders.send(3, { timeoutMs: 3_000 });
    expect(peer.seen('transfer')).toHaveLength(1);
    peer.connection.session().sendFlow({ incomingWindow: 100 });
    await expect(waiting).resolves.toMatchObject({ ok: true });
    await eventually('connected', () => connection.status === 'connected');
    expect(peer.seen('transfer')).toHaveLength(2);
  });
});

describe('a receiver whose ATTACH is answered with a null target', () => {
  it('is attached all the same, as RabbitMQ 4 means it', async () => {
    const { peer, connection } = await connected({ attach: (attach) => (attach.role ? { target: null } : {}) });
    const received = connection.createReceiveClient('orders').receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(1);
    link.send({ value: 'hello' });
    const [message] = await received;
    expect(message?.body).toBe('hello');
    await message?.accept();
  });
});
