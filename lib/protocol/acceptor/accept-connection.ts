import type { Duplex } from 'node:stream';
import type { AcceptorHandlers, AcceptorOptions } from './acceptor.js';
import { ServerConnection } from './server-connection.js';

/**
 * Serves a connected byte stream, which is owned from here on: SASL and OPEN within the deadline, then sessions and links. The layer above
 * hears of a connection by `onOpen`. Whatever the peer does wrong ends this connection and nothing else. Nothing is thrown.
 */
export function acceptConnection(stream: Duplex, options: AcceptorOptions, handlers: AcceptorHandlers): void {
  // It lives through its listeners on the stream.
  void new ServerConnection(stream, options, handlers);
}
