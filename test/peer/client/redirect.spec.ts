// A peer that sends the connection, or one of its links, to another one.

import { createSecureContext, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  AuthenticationError,
  ConnectionRedirectError,
  LinkRedirectError,
  SendError,
  jwtToken,
  saslPlain,
  type ConnectionOptions,
} from '../../../lib/client/index.js';
import { makeCertificate, type Certificate } from '../../support/certificate.js';
import { claimsNode } from '../../support/client/claims-node.js';
import { eventually } from '../../support/eventually.js';
import {
  decodeMessage,
  ScriptedPeer,
  type FrameOf,
  type PeerConnection,
  type PeerScript,
  type WireError,
} from '../../support/scripted-peer.js';
import { LATE_MS } from '../../support/time.js';

const peers: ScriptedPeer[] = [];
const connections: AmqpConnection[] = [];

async function peerOf(script: PeerScript = {}): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen(script);
  peers.push(peer);
  return peer;
}

function connect(options: ConnectionOptions): { readonly connection: AmqpConnection; readonly log: string[] } {
  const log: string[] = [];
  const write = (line: string): void => void log.push(line);
  const connection = new AmqpConnection({
    bootTimeoutMs: 3_000,
    reconnect: { initialDelayMs: 2, maxDelayMs: 10 },
    redirect: { follow: true, allowHosts: ['127.0.0.1', 'node.example'] },
    logger: { log: write, warn: write, error: write },
    ...options,
  });
  connections.push(connection);
  return { connection, log };
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

const connectionRedirect = (port: number, more: Record<string, unknown> = {}): WireError => ({
  kind: 'error',
  condition: 'amqp:connection:redirect',
  info: { 'network-host': '127.0.0.1', port, ...more },
});
const linkRedirect = (port: number | undefined, more: Record<string, unknown> = {}): WireError => ({
  kind: 'error',
  condition: 'amqp:link:redirect',
  info: { ...(port === undefined ? {} : { 'network-host': '127.0.0.1', port }), ...more },
});

/** Opens, and closes at once with this error. */
const closesWith = (error: () => WireError): PeerScript => ({
  on: {
    open: (via, _open, byDefault) => {
      byDefault();
      via.close(error());
    },
  },
});

function refuse(via: PeerConnection, attach: FrameOf<'attach'>, error: WireError): void {
  via.reply('attach', attach.channel, { name: attach.name, handle: attach.handle, role: !attach.role });
  via.reply('detach', attach.channel, { handle: attach.handle, closed: true, error });
}

const redirectsLinks = (error: () => WireError): PeerScript => ({
  on: { attach: (via, attach) => refuse(via, attach, error()) },
});

const bodies = (peer: ScriptedPeer): string[] =>
  peer.deliveries.map(({ payload }) => String(decodeMessage(payload).data));

describe('a connection redirect', () => {
  it('that is not asked for fails open() with where to, and nobody is dialled there', async () => {
    const b = await peerOf();
    const a = await peerOf(closesWith(() => connectionRedirect(b.port, { hostname: 'node.example' })));
    const { connection } = connect({ uri: a.uri, redirect: undefined });
    const opening = connection.open();
    await expect(opening).rejects.toBeInstanceOf(ConnectionRedirectError);
    await expect(opening).rejects.toMatchObject({
      code: 'redirect',
      condition: 'amqp:connection:redirect',
      retryable: false,
      redirect: { hostname: 'node.example', networkHost: '127.0.0.1', port: b.port },
    });
    await expect(opening).rejects.toThrow('not followed: redirects are followed only with redirect: { follow: true');
    expect(b.connections).toEqual([]);
    expect(a.connections).toHaveLength(1);
  });

  it('without any field is an error and no crash', async () => {
    const a = await peerOf(closesWith(() => ({ kind: 'error', condition: 'amqp:connection:redirect' })));
    const opening = connect({ uri: a.uri }).connection.open();
    await expect(opening).rejects.toMatchObject({ code: 'redirect', redirect: {} });
    await expect(opening).rejects.toThrow('it says neither where to');
  });

  it('to a host that is not allowed is not followed: no byte goes there', async () => {
    const b = await peerOf();
    const a = await peerOf(closesWith(() => connectionRedirect(b.port)));
    const credentials = saslPlain('user', 'hunter2');
    const redirect = { follow: true, allowHosts: ['localhost'] };
    const opening = connect({ uri: a.uri, credentials, redirect }).connection.open();
    await expect(opening).rejects.toThrow('"127.0.0.1" is not in redirect.allowHosts');
    expect(b.connections).toEqual([]);
  });

  it('is followed: network-host and port are dialled, hostname goes into OPEN and SASL', async () => {
    const b = await peerOf();
    const a = await peerOf(closesWith(() => connectionRedirect(b.port, { hostname: 'node.example' })));
    const { connection, log } = connect({ uri: a.uri, credentials: saslPlain('user', 'hunter2') });
    await connection.open();
    expect(connection.status).toBe('connected');
    expect(connection.peer?.uri).toBe(`amqp://127.0.0.1:${b.port}/`);
    expect(b.connection.clientOpen?.hostname).toBe('node.example');
    expect(b.connection.saslInit).toMatchObject({ mechanism: 'PLAIN', hostname: 'node.example' });
    expect(log.join('\n')).toContain(`${a.uri} redirects to amqp://127.0.0.1:${b.port}`);
    expect(log.join('\n')).not.toContain('hunter2');
  });

  it('in the middle of traffic keeps every pending message', async () => {
    const b = await peerOf();
    const a = await peerOf({ verdict: () => undefined });
    const { connection } = connect({ uri: a.uri });
    const orders = connection.createSendClient('orders');
    const written = ['one', 'two'].map((body) => orders.send(body));
    await eventually('both are written', () => a.deliveries.length === 2);
    a.connection.close(connectionRedirect(b.port));
    const later = orders.send('three');
    await Promise.all([...written, later]);
    expect(bodies(b)).toEqual(['one', 'two', 'three']);
    expect(orders.pendingMessages).toEqual([]);
    expect(a.connections).toHaveLength(1);
  });

  it('holds for that connection: when it is lost, the first peer is asked again', async () => {
    const b = await peerOf();
    const a = await peerOf(closesWith(() => connectionRedirect(b.port)));
    const { connection } = connect({ uri: a.uri });
    await connection.open();
    b.connection.drop();
    await eventually('there again', () => b.connections.length === 2 && connection.status === 'connected');
    expect(a.connections).toHaveLength(2);
  });

  it('to nobody leads back to the first peer', async () => {
    let isFirst = true;
    const gone = await peerOf();
    const { port } = gone;
    await gone.close();
    const a = await peerOf({
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          if (isFirst) via.close(connectionRedirect(port));
          isFirst = false;
        },
      },
    });
    const { connection } = connect({ uri: a.uri });
    await connection.open();
    await eventually('connected', () => connection.status === 'connected' && a.connections.length === 2);
  });

  it('in a circle comes to an end', async () => {
    const ports = { a: 0, b: 0 };
    const b = await peerOf(closesWith(() => connectionRedirect(ports.a)));
    const a = await peerOf(closesWith(() => connectionRedirect(ports.b)));
    Object.assign(ports, { a: a.port, b: b.port });
    await expect(connect({ uri: a.uri }).connection.open()).rejects.toThrow('in a circle');
    expect(a.connections.length + b.connections.length).toBeLessThan(6);
  });

  it('in a circle is followed by the next open() when the circle is gone', async () => {
    const ports = { a: 0, b: 0 };
    let isCircle = true;
    const b = await peerOf({
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          if (isCircle) via.close(connectionRedirect(ports.a));
        },
      },
    });
    const a = await peerOf(closesWith(() => connectionRedirect(ports.b)));
    Object.assign(ports, { a: a.port, b: b.port });
    const { connection } = connect({ uri: a.uri });
    await expect(connection.open()).rejects.toThrow('in a circle');
    isCircle = false;
    await connection.open();
    expect(connection.peer?.uri).toContain(String(b.port));
  });

  it('asks for a token for the new connection, too', async () => {
    const b = await claimsNode();
    peers.push(b.peer);
    const a = await peerOf(closesWith(() => connectionRedirect(b.peer.port)));
    let asked = 0;
    const getToken = (): Promise<{ token: string; expiresOn: number }> =>
      Promise.resolve({ token: `token-${(asked += 1)}`, expiresOn: Date.now() + 60_000 });
    const { connection } = connect({ uri: a.uri, credentials: jwtToken({ audience: 'x', getToken }) });
    await connection.open();
    expect(b.puts).toHaveLength(1);
    expect(connection.authentication).toMatchObject({ state: 'ok' });
  });

  it('to a peer that refuses the credentials fails like any other', async () => {
    const b = await peerOf({ saslCode: 1 });
    const a = await peerOf(closesWith(() => connectionRedirect(b.port)));
    const { connection } = connect({ uri: a.uri, credentials: saslPlain('u', 'p') });
    await expect(connection.open()).rejects.toBeInstanceOf(AuthenticationError);
  });
});

describe('a link redirect', () => {
  it('that is not asked for fails the client with where to', async () => {
    const b = await peerOf();
    const a = await peerOf(redirectsLinks(() => linkRedirect(b.port, { hostname: 'node.example', address: 'there' })));
    const { connection } = connect({ uri: a.uri, redirect: undefined });
    const error: unknown = await connection
      .createReceiveClient('orders')
      .attach()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LinkRedirectError);
    expect(error).toMatchObject({
      code: 'redirect',
      address: 'orders',
      redirect: { hostname: 'node.example', networkHost: '127.0.0.1', port: b.port, address: 'there' },
    });
    const sent: unknown = await connection
      .createSendClient('orders')
      .send('x')
      .catch((reason: unknown) => reason);
    expect(sent).toBeInstanceOf(SendError);
    expect(sent).toMatchObject({ condition: 'amqp:link:redirect', delivered: 'no' });
    expect(b.connections).toEqual([]);
  });

  it.each<[string, WireError]>([
    ['without any field', { kind: 'error', condition: 'amqp:link:redirect' }],
    ['to a host that is not allowed', linkRedirect(1, { hostname: 'evil' })],
  ])('%s is not followed', async (_name, error) => {
    const a = await peerOf(redirectsLinks(() => error));
    const attaching = connect({ uri: a.uri }).connection.createReceiveClient('orders').attach();
    await expect(attaching).rejects.toBeInstanceOf(LinkRedirectError);
    await expect(attaching).rejects.toThrow('; not followed: ');
  });

  it('is followed to a connection of its own, at the address there; other links stay', async () => {
    const b = await peerOf();
    const a = await peerOf({
      on: {
        attach: (via, attach, byDefault) => {
          if (attach.target?.address === 'orders')
            refuse(via, attach, linkRedirect(b.port, { hostname: 'node.example', address: 'orders-2' }));
          else byDefault();
        },
      },
    });
    const { connection, log } = connect({ uri: a.uri, credentials: saslPlain('user', 'hunter2') });
    const orders = connection.createSendClient('orders');
    const others = connection.createSendClient('others');
    await Promise.all([orders.send('one'), orders.send('two'), others.send('three')]);
    expect(bodies(b)).toEqual(['one', 'two']);
    expect(b.seen('attach').map(({ target }) => target?.address)).toEqual(['orders-2']);
    expect(b.connection.clientOpen?.hostname).toBe('node.example');
    expect(bodies(a)).toEqual(['three']);
    expect(log.join('\n')).toContain(`"orders" is redirected to amqp://127.0.0.1:${b.port}`);
    expect([a.connections.length, b.connections.length]).toEqual([1, 1]);
    await orders.close();
    await eventually('the connection of the link is closed with it', () => b.seen('close').length === 1);
    expect(connection.status).toBe('connected');
  });

  it('is followed by a receiver, which gets what is there', async () => {
    const b = await peerOf();
    const a = await peerOf(redirectsLinks(() => linkRedirect(b.port, { address: 'there' })));
    const inbox = connect({ uri: a.uri }).connection.createReceiveClient('orders');
    const batch = inbox.receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    const link = await b.nextLink('receiver');
    expect(link.source?.address).toBe('there');
    await link.creditAtLeast(1);
    link.send({ data: 'hello' });
    expect((await batch).map(({ body }) => String(body))).toEqual(['hello']);
  });

  it('of a link in use keeps every pending message', async () => {
    const b = await peerOf();
    const a = await peerOf({ verdict: () => undefined });
    const { connection } = connect({ uri: a.uri });
    const orders = connection.createSendClient('orders');
    const written = ['one', 'two'].map((body) => orders.send(body));
    await eventually('both are written', () => a.deliveries.length === 2);
    const link = await a.nextLink('sender');
    link.detach({ error: linkRedirect(b.port) });
    const later = orders.send('three');
    await Promise.all([...written, later]);
    expect(bodies(b)).toEqual(['one', 'two', 'three']);
    expect(connection.status).toBe('connected');
  });

  it('without a host moves the link on the same connection', async () => {
    const a = await peerOf({
      on: {
        attach: (via, attach, byDefault) => {
          if (attach.target?.address === 'orders')
            refuse(via, attach, linkRedirect(undefined, { address: 'orders-2' }));
          else byDefault();
        },
      },
    });
    await connect({ uri: a.uri }).connection.createSendClient('orders').send('one');
    expect(a.seen('attach').map(({ target }) => target?.address)).toEqual(['orders', 'orders-2']);
    expect(a.connections).toHaveLength(1);
  });

  it('holds for that link: when it is lost there, the first peer is asked again', async () => {
    const b = await peerOf();
    const a = await peerOf(redirectsLinks(() => linkRedirect(b.port)));
    const orders = connect({ uri: a.uri }).connection.createSendClient('orders');
    await orders.send('one');
    b.connection.drop();
    await orders.send('two');
    expect(bodies(b)).toEqual(['one', 'two']);
    expect(a.seen('attach')).toHaveLength(2);
    expect(b.connections).toHaveLength(2);
  });

  it('of many links to one place opens one connection', async () => {
    const b = await peerOf();
    const a = await peerOf(redirectsLinks(() => linkRedirect(b.port)));
    const { connection } = connect({ uri: a.uri });
    const names = Array.from({ length: 8 }, (_, index) => `queue-${index}`);
    await Promise.all(names.map((name) => connection.createSendClient(name).send(name)));
    expect(bodies(b).toSorted()).toEqual(names);
    expect(b.connections).toHaveLength(1);
  });

  it('in a circle comes to an end', async () => {
    const ports = { a: 0, b: 0 };
    const b = await peerOf(redirectsLinks(() => linkRedirect(ports.a)));
    const a = await peerOf(redirectsLinks(() => linkRedirect(ports.b)));
    Object.assign(ports, { a: a.port, b: b.port });
    const attaching = connect({ uri: a.uri }).connection.createReceiveClient('orders').attach();
    await expect(attaching).rejects.toThrow('in a circle');
    expect(a.seen('attach').length + b.seen('attach').length).toBeLessThan(6);
  });

  it('in a circle is followed again after refusedRetryMs, when the circle is gone', async () => {
    const ports = { a: 0, b: 0 };
    let isCircle = false;
    const b = await peerOf({
      on: {
        attach: (via, attach, byDefault) => {
          if (isCircle) refuse(via, attach, linkRedirect(ports.a));
          else byDefault();
        },
      },
    });
    const a = await peerOf(redirectsLinks(() => linkRedirect(ports.b)));
    Object.assign(ports, { a: a.port, b: b.port });
    const { connection, log } = connect({ uri: a.uri, refusedRetryMs: 20 });
    const orders = connection.createSendClient('orders');
    await orders.send('one');
    isCircle = true;
    (await b.nextLink('sender')).detach({ error: { kind: 'error', condition: 'amqp:internal-error' } });
    await eventually('the circle was refused', () => log.join().includes('in a circle'));
    isCircle = false;
    await orders.send('two');
    expect(bodies(b)).toEqual(['one', 'two']);
  });

  it('puts a token there, of which an observer of the connection hears nothing', async () => {
    const b = await claimsNode();
    peers.push(b.peer);
    const a = await claimsNode(() => 202, {
      on: {
        attach: (via, attach, byDefault) => {
          if (attach.target?.address === 'orders') refuse(via, attach, linkRedirect(b.peer.port));
          else byDefault();
        },
      },
    });
    peers.push(a.peer);
    const getToken = (): Promise<{ token: string; expiresOn: number }> =>
      Promise.resolve({ token: 'token', expiresOn: Date.now() + 60_000 });
    const seen: string[] = [];
    const { connection } = connect({
      uri: a.peer.uri,
      credentials: jwtToken({ audience: 'x', getToken }),
      observer: { onAuthentication: ({ state }) => void seen.push(state) },
    });
    const orders = connection.createSendClient('orders');
    await orders.send('one');
    await orders.close();
    expect(b.puts).toHaveLength(1);
    expect(connection.authentication).toMatchObject({ state: 'ok' });
    expect(seen).toEqual(['in-progress', 'ok']);
  });

  it('to a peer that hangs holds up nobody who closes', async () => {
    const b = await peerOf();
    const a = await peerOf(redirectsLinks(() => linkRedirect(b.port)));
    const { connection } = connect({ uri: a.uri });
    await connection.createSendClient('orders').send('one');
    b.connection.silent = true;
    const startedAt = performance.now();
    await connection.close({ timeoutMs: 300 });
    expect(performance.now() - startedAt).toBeLessThan(300 + LATE_MS);
    await eventually('its stream is gone', () => b.connection.isEnded);
  });

  it('ends with the connection that it came from, and comes back with it', async () => {
    const b = await peerOf();
    const a = await peerOf(redirectsLinks(() => linkRedirect(b.port)));
    const { connection } = connect({ uri: a.uri });
    const orders = connection.createSendClient('orders');
    await orders.send('one');
    a.connection.drop();
    await eventually('connected again', () => a.connections.length === 2 && connection.status === 'connected');
    await orders.send('two');
    expect(bodies(b)).toEqual(['one', 'two']);
    await connection.close();
    await eventually('nothing is left', () => b.connections.every(({ isEnded }) => isEnded));
  });
});

describe('over TLS', () => {
  let certificate: Certificate;
  const asked: string[] = [];

  beforeAll(() => {
    // Not for 127.0.0.1: what is dialled and what the certificate names are two things.
    certificate = makeCertificate('DNS:node.example,DNS:first.example');
  });
  afterAll(() => certificate.remove());
  afterEach(() => void asked.splice(0));

  /** A peer that writes down the name that it is asked for. */
  async function securePeer(script: PeerScript = {}): Promise<ScriptedPeer> {
    const { key, cert } = certificate;
    const options: TlsOptions = {
      key,
      cert,
      SNICallback: (name, done) => {
        asked.push(name);
        done(null, createSecureContext({ key, cert }));
      },
    };
    const peer = await ScriptedPeer.listen(script, options);
    peers.push(peer);
    return peer;
  }

  it('a custom endpoint is dialled under the name of the service: in SNI, in the certificate and in OPEN', async () => {
    const peer = await securePeer();
    const { connection } = connect({
      uri: peer.uri,
      hostname: 'ns.servicebus.windows.net',
      tls: { ca: certificate.cert, servername: 'first.example' },
    });
    await connection.open();
    expect(asked).toEqual(['first.example']);
    expect(peer.connection.clientOpen?.hostname).toBe('ns.servicebus.windows.net');
    expect(connection.peer).toMatchObject({ uri: peer.uri, profile: 'azure' });
  });

  it('the hostname of a redirect is the name in the certificate, network-host is dialled', async () => {
    const b = await securePeer();
    const a = await securePeer(closesWith(() => connectionRedirect(b.port, { hostname: 'node.example' })));
    const { connection } = connect({ uri: a.uri, tls: { ca: certificate.cert, servername: 'first.example' } });
    await connection.open();
    expect(asked).toEqual(['first.example', 'node.example']);
    expect(b.connection.clientOpen?.hostname).toBe('node.example');
  });

  it('a redirect to a plain connection is not followed', async () => {
    const b = await peerOf();
    const a = await securePeer(closesWith(() => connectionRedirect(b.port, { scheme: 'amqp' })));
    const { connection } = connect({ uri: a.uri, tls: { ca: certificate.cert, servername: 'first.example' } });
    await expect(connection.open()).rejects.toThrow('from TLS to a plain connection');
    expect(b.connections).toEqual([]);
  });
});

describe('the embedded broker', () => {
  it('redirects a link where a fault is injected, and nothing is lost', async () => {
    const there = await EmbeddedBroker.start({ queues: ['orders-2'] });
    const here = await EmbeddedBroker.start({ queues: ['orders'] });
    const { connection } = connect({ uri: here.uri });
    const orders = connection.createSendClient('orders');
    await orders.send('one');
    const info = { 'network-host': '127.0.0.1', port: there.port, address: 'orders-2' };
    here.queue('orders').inject({ kind: 'detach', condition: 'amqp:link:redirect', info });
    await orders.send('two');
    expect(here.queue('orders').stats()).toMatchObject({ enqueued: 1 });
    expect(
      there
        .queue('orders-2')
        .messages()
        .map(({ body }) => String(body)),
    ).toEqual(['two']);
    await connection.close();
    await Promise.all([here.stop(), there.stop()]);
  });
});
