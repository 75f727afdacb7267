// A byte stream in a WebSocket, on a socket that is connected. The optional package `ws` is loaded when it is asked for.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { dialFailed } from '../amqp-error.js';
import { AmqpError, ConnectionError } from '../errors.js';
import { abandon, reasonOf } from './connect-socket.js';

export interface WebSocketDial {
  readonly path: string;
  /** What is offered in Sec-WebSocket-Protocol, and must be agreed to. @default 'amqp' */
  readonly subprotocol?: string | undefined;
}

export interface WebSocketPlace {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly signal: AbortSignal;
}

/** What is used of `ws`: no types of it are needed to compile. */
export interface WebSocketModule {
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

/** One WebSocket message is held whole before any of it is read; nobody puts more than a few frames into one. */
const MAX_MESSAGE_BYTES = 33_554_432;

/** @throws ConnectionError when the package is not installed */
export async function loadWebSocket(): Promise<WebSocketModule> {
  // Not a literal, so that neither the compiler nor a bundler needs the optional package.
  const name = 'ws';
  try {
    const loaded: unknown = await import(name);
    // Its CommonJS and ESM faces name the same two things.
    return loaded as WebSocketModule;
  } catch (cause) {
    throw AmqpError.inOwnWords(
      new ConnectionError('connect-failed', "ws:// and wss:// need the package 'ws': npm install ws", {
        retryable: false,
        cause,
      }),
    );
  }
}

/** @throws ConnectionError; when aborted, the signal's reason. The socket is destroyed then */
export async function openWebSocket(
  { WebSocket, createWebSocketStream }: WebSocketModule,
  on: Socket,
  { host, port, isSecure, signal }: WebSocketPlace,
  { path, subprotocol = 'amqp' }: WebSocketDial,
): Promise<Duplex> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const url = `${isSecure ? 'wss' : 'ws'}://${authority}${path.startsWith('/') ? path : `/${path}`}`;
  const options = { createConnection: () => on, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES };
  let socket: WebSocketLike;
  try {
    socket = new WebSocket(url, [subprotocol], options);
  } catch (error) {
    // Names that a proxy may know, or an address with a zone, are not all such as a URL can hold.
    abandon(on);
    throw dialFailed(error, `${host}:${port}`);
  }
  return new Promise<Duplex>((resolve, reject) => {
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
    };
    const fail = (error: Error): void => {
      settle();
      socket.on('error', () => undefined); // terminate() reports that it was not open
      socket.terminate();
      abandon(on);
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
    if (signal.aborted) onAbort();
  });
}
