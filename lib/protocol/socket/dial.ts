// How a byte stream to a peer is opened: TCP, TLS, or a WebSocket (optional package `ws`, loaded when it is asked for).

import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Duplex } from 'node:stream';
import { dialFailed } from '../amqp-error.js';
import { ConnectionError } from '../errors.js';

/** The subset of Node's TLS options that a user gives; certificates are verified unless `rejectUnauthorized` is false. */
export interface DialTls {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly passphrase?: string | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Given: TLS, from the first byte. */
  readonly tls?: DialTls | undefined;
  /** Given: a WebSocket with the subprotocol `amqp` at this path. */
  readonly websocket?: { readonly path: string } | undefined;
  readonly signal: AbortSignal;
}

/**
 * A connected stream: after the TLS or WebSocket handshake, without Nagle's algorithm.
 * @throws ConnectionError; when aborted, the signal's reason
 */
export async function dial(options: DialOptions): Promise<Duplex> {
  options.signal.throwIfAborted();
  return options.websocket === undefined ? dialSocket(options) : dialWebSocket(options, options.websocket.path);
}

function dialSocket(options: DialOptions): Promise<Duplex> {
  const { host, port, tls, signal } = options;
  return new Promise<Duplex>((resolve, reject) => {
    const socket =
      tls === undefined ? connectTcp({ host, port }) : connectTls({ host, port, ...tlsOptions(host, tls) });
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('close', onClose);
    };
    const fail = (error: Error): void => {
      settle();
      socket.on('error', ignore);
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => fail(dialFailed(error, `${host}:${port}`));
    const onClose = (): void => fail(dialFailed(new Error('the peer closed it at once'), `${host}:${port}`));
    const onAbort = (): void => fail(reasonOf(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      settle();
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

function tlsOptions(host: string, tls: DialTls): ConnectionOptions {
  // SNI carries names only; the certificate of an address is checked against its IP entries.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  return { minVersion: 'TLSv1.2', ...tls, ...(servername !== undefined && { servername }) };
}

/** What is used of `ws`: no types of it are needed to compile. */
interface WebSocketModule {
  readonly WebSocket: new (url: string, protocols: string[], options: object) => WebSocketLike;
  readonly createWebSocketStream: (socket: WebSocketLike) => Duplex;
}

interface WebSocketLike {
  once(event: 'open', listener: () => void): void;
  once(event: 'error', listener: (error: Error) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  removeListener(event: 'error', listener: (error: Error) => void): void;
  terminate(): void;
}

async function dialWebSocket(options: DialOptions, path: string): Promise<Duplex> {
  const { host, port, tls, signal } = options;
  const { WebSocket, createWebSocketStream } = await loadWebSocket();
  signal.throwIfAborted();
  const scheme = tls === undefined ? 'ws' : 'wss';
  const authority = host.includes(':') ? `[${host}]` : host;
  const url = `${scheme}://${authority}:${port}${path.startsWith('/') ? path : `/${path}`}`;
  return new Promise<Duplex>((resolve, reject) => {
    const socket = new WebSocket(url, ['amqp'], {
      ...(tls !== undefined && tlsOptions(host, tls)),
      perMessageDeflate: false,
    });
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
    };
    const fail = (error: Error): void => {
      settle();
      socket.on('error', ignore);
      socket.terminate();
      reject(error);
    };
    const onError = (error: Error): void => fail(dialFailed(error, `${host}:${port}`));
    const onAbort = (): void => fail(reasonOf(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.once('open', () => {
      settle();
      resolve(createWebSocketStream(socket));
    });
  });
}

async function loadWebSocket(): Promise<WebSocketModule> {
  // Not a literal, so that neither the compiler nor a bundler needs the optional package.
  const name = 'ws';
  try {
    const loaded: unknown = await import(name);
    // Its CommonJS and ESM faces name the same two things.
    return loaded as WebSocketModule;
  } catch (cause) {
    throw new ConnectionError('connect-failed', "ws:// and wss:// need the package 'ws': npm install ws", {
      retryable: false,
      cause,
    });
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** A socket that was given up may still report an error; there is nobody left whom it concerns. */
function ignore(): void {
  return undefined;
}
