// What a user may say of a connection. resolve-connection-options.ts checks it and fills in the defaults.

import type { Duplex } from 'node:stream';
import type { AmqpLogger } from '../client-context.js';
import type { Codec } from '../codec/codec.js';
import type { Credentials } from '../credentials/credentials.js';
import type { Observer } from '../observer/observer.js';
import type { ProfileName } from '../profile/peer-profile.js';
import type { RedirectOptions } from './redirect-options.js';
import type { Topology } from '../topology/topology.js';

/**
 * Opens a byte stream to one peer. `uri` is that of the attempt, without user info. An aborted signal ends the attempt.
 *
 * The chunks that the stream gives out are kept, not copied, until a message of several frames is complete: it must not write into one
 * again. A socket of Node's never does; a `Duplex` of one's own that reads into the same buffer each time has to push copies.
 */
export type Dial = (attempt: { readonly uri: string; readonly signal: AbortSignal }) => Promise<Duplex>;

/** TLS as Node names it; files are read by the caller. */
export interface TlsOptions {
  /** Certificates to trust in place of Node's own. */
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly passphrase?: string | undefined;
  /** The name in the peer's certificate. @default the host of each URI */
  readonly servername?: string | undefined;
  /** `false` trusts anybody; a warning says so. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
  /** What is offered in ALPN, best first. @default nothing */
  readonly alpnProtocols?: readonly string[] | undefined;
  /** In OpenSSL's form. @default Node's */
  readonly ciphers?: string | undefined;
  /** @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

/** For `ws://` and `wss://`. The path is that of the URI. */
export interface WebSocketOptions {
  /** What is offered, and what the peer has to agree to: Azure names it `AMQPWSB10`. @default 'amqp' */
  readonly subprotocol?: string | undefined;
}

/** How {@link AmqpConnection} behaves. Every duration is in milliseconds; `undefined` means the default. */
export interface ConnectionOptions {
  /** `amqp://[user:password@]host[:port][/vhost]`, `amqps://`, `ws://`, `wss://`, `embedded:NAME`. A list, or `a;b`: failover. */
  readonly uri: string | readonly string[];
  /**
   * The order in which the URIs are tried. `in-order`: as listed, after each loss again from the first one, the preferred. A function's
   * iterator is asked for each attempt, and made anew when it ends. @default 'round-robin'
   */
  readonly failover?: 'round-robin' | 'shuffle' | 'in-order' | ((uris: string[]) => Iterator<string>) | undefined;
  /** @default PLAIN when the URI has a user, else ANONYMOUS */
  readonly credentials?: Credentials | undefined;
  /** Sends credentials without TLS to other hosts too. @default false */
  readonly allowInsecureCredentials?: boolean | undefined;
  /** @default TCP, TLS or WebSocket by the URI's scheme */
  readonly dial?: Dial | undefined;
  readonly tls?: TlsOptions | undefined;
  /**
   * `http://[user:password@]host:port`: an HTTP proxy that makes a tunnel to each peer (CONNECT), for TCP, TLS and WebSocket alike.
   * Not for `embedded:`, nor beside `dial`. @default none; environment variables are not read
   */
  readonly proxy?: string | undefined;
  readonly webSocket?: WebSocketOptions | undefined;
  /** Whether a peer may send the connection or one of its links elsewhere. @default not followed: a typed error */
  readonly redirect?: RedirectOptions | undefined;
  /** OPEN's container-id. @default a random one, kept for the life of this object */
  readonly containerId?: string | undefined;
  /** OPEN's hostname. @default `vhost:NAME` from the URI's path, else the URI's host */
  readonly hostname?: string | undefined;
  /** OPEN's properties, beside `product`, `version` and `platform`, and in their place where they have the same name. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  /** One attempt: TCP, TLS, SASL and OPEN together. Range: 1 to 2 147 483 647. @default 10_000 */
  readonly connectTimeoutMs?: number | undefined;
  /** All attempts of `open()` together; then it rejects and stops dialling. `Infinity`: as long as it takes. @default 30_000 */
  readonly bootTimeoutMs?: number | undefined;
  /** @default 5_000 */
  readonly closeTimeoutMs?: number | undefined;
  /** `false`: no idle detection of ours; what the peer asks for is sent all the same. */
  readonly keepAlive?:
    | {
        /** Silence after which the peer is given up; half of it is advertised. At least 1 000. @default 30_000 */
        readonly idleTimeoutMs?: number | undefined;
        /** Longest time between two frames of ours. @default by `emptyFrameRatio` */
        readonly intervalMs?: number | undefined;
        /** Part of the idle time-out that the peer asks for, after which an empty frame goes out. Over 0, up to 1. @default 0.5 */
        readonly emptyFrameRatio?: number | undefined;
      }
    | false
    | undefined;
  /** `false`: the first failure is the last. */
  readonly reconnect?:
    | {
        /** Upper bound of the first random delay; doubled after each failure. @default 100 */
        readonly initialDelayMs?: number | undefined;
        /** No delay is longer. @default 10_000 */
        readonly maxDelayMs?: number | undefined;
        /** Added after each failure, in place of doubling. With several URIs: after each round of them. @default doubling */
        readonly stepMs?: number | undefined;
        /** `false`: the delay is the upper bound itself. Many clients of one peer then come back at once. @default true */
        readonly jitter?: boolean | undefined;
        /** Failed attempts in a row. @default Infinity */
        readonly maxAttempts?: number | undefined;
        /** A connection or link that held this long starts again with the first delay. @default 5_000 */
        readonly stableAfterMs?: number | undefined;
      }
    | false
    | undefined;
  /** Between attempts after a refusal (not-found, unauthorized, wrong credentials) that follows a success. @default 30_000 */
  readonly refusedRetryMs?: number | undefined;
  /** @default 'retry' */
  readonly onRefused?: 'retry' | 'stop' | undefined;
  /** 512 to 16 777 216. @default 65_536 */
  readonly maxFrameSize?: number | undefined;
  /** Sessions less one. What the peer allows counts too, here and below: the smaller of both holds. @default 65_535 */
  readonly channelMax?: number | undefined;
  /** Links on one session less one. 1 to 65 535. @default 65_535 */
  readonly handleMax?: number | undefined;
  /** Frames that the peer may send on a session before its window is renewed. 2 to 2 147 483 647. @default 16_384 */
  readonly incomingWindow?: number | undefined;
  /** Bytes of one received message; enforced here, not advertised. @default 16_777_216 */
  readonly maxMessageBytes?: number | undefined;
  /** @default 'auto': by product and version in the peer's OPEN */
  readonly profile?: 'auto' | ProfileName | undefined;
  /** Declared after each connect, before any link is attached. */
  readonly topology?: Topology | undefined;
  /** Beside those for bytes, text and JSON; the first one that fits a content type is used. */
  readonly codecs?: readonly Codec[] | undefined;
  readonly observer?: Observer | readonly Observer[] | undefined;
  /** @default silent */
  readonly logger?: AmqpLogger | undefined;
  /**
   * A line for each frame, in both directions: performative, channel, handle, address, ids, credit. No password, token, value of a
   * property or message body is in it. `true`: to the logger's `debug` (`log` where it has none). @default false, at no cost
   */
  readonly trace?: boolean | ((line: string) => void) | undefined;
}
