// How a byte stream to a peer is opened: TCP, perhaps through a proxy's tunnel, then TLS, then a WebSocket, as asked.

import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Duplex } from 'node:stream';
import { dialFailed } from '../amqp-error.js';
import { awaitSocket, connectSocket } from './connect-socket.js';
import { openTunnel, type HttpProxy } from './proxy-tunnel.js';
import { loadWebSocket, openWebSocket, type WebSocketDial } from './web-socket.js';

/** The subset of Node's TLS options that a user gives; certificates are verified unless `rejectUnauthorized` is false. */
export interface DialTls {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly passphrase?: string | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
  readonly alpnProtocols?: readonly string[] | undefined;
  readonly ciphers?: string | undefined;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Given: TLS, from the first byte. */
  readonly tls?: DialTls | undefined;
  /** Given: a WebSocket at this path, with this subprotocol. */
  readonly websocket?: WebSocketDial | undefined;
  /** Given: a tunnel through it, made with CONNECT. TLS and WebSocket are inside. */
  readonly proxy?: HttpProxy | undefined;
  readonly signal: AbortSignal;
}

/**
 * A connected stream: after the handshakes of proxy, TLS and WebSocket, without Nagle's algorithm.
 * @throws ConnectionError; when aborted, the signal's reason
 */
export async function dial(options: DialOptions): Promise<Duplex> {
  const { tls, websocket, proxy, signal } = options;
  signal.throwIfAborted();
  // Before anything is opened: without the package there is nothing to open it for.
  const loaded = websocket === undefined ? undefined : await loadWebSocket();
  signal.throwIfAborted();
  const socket = proxy === undefined ? await connectSocket(options, signal) : await openTunnel(options, proxy, signal);
  const secured = tls === undefined ? socket : await secure(socket, options, tls);
  if (websocket === undefined || loaded === undefined) return secured;
  return openWebSocket(loaded, secured, { ...options, isSecure: tls !== undefined }, websocket);
}

async function secure(socket: Socket, { host, port, signal }: DialOptions, tls: DialTls): Promise<Socket> {
  // From here on TLS reads it and reports for it; an error event of its own must not end the process.
  socket.on('error', () => undefined);
  const secured = connectTls({ socket, host, ...tlsOptions(host, tls) });
  const failed = (error: Error): Error => dialFailed(error, `${host}:${port}`);
  return awaitSocket(secured, 'secureConnect', failed, signal);
}

/** Made anew for each attempt: each host of a failover list is asked for by its own name. */
function tlsOptions(host: string, tls: DialTls): ConnectionOptions {
  const { alpnProtocols, minVersion = 'TLSv1.2', ...others } = tls;
  // SNI carries names only; the certificate of an address is checked against its IP entries.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  return {
    ...others,
    minVersion,
    ...(servername !== undefined && { servername }),
    ...(alpnProtocols !== undefined && { ALPNProtocols: [...alpnProtocols] }),
  };
}
