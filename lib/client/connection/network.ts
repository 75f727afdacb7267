import type { Duplex } from 'node:stream';
import type { HttpProxy, OpenConnectionOptions, ProtocolConnection } from '../../protocol/index.js';
import type { TlsOptions } from '../options/connection-options.js';

/** What lies below, as a parameter: tests of the client layer put their own in its place. */
export interface Network {
  openConnection(options: OpenConnectionOptions): Promise<ProtocolConnection>;
  dial(options: {
    readonly host: string;
    readonly port: number;
    readonly tls?: TlsOptions;
    readonly websocket?: { readonly path: string; readonly subprotocol: string };
    readonly proxy?: HttpProxy;
    readonly signal: AbortSignal;
  }): Promise<Duplex>;
}
