// What the log says of a connection's life: each change once, and of a long outage a line now and then.

import type { AmqpError } from '../../protocol/index.js';
import { isLoopback } from '../options/loopback.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import { isSafe } from '../options/resolve-peers.js';
import type { ConnectedPeer } from './connect-peer.js';
import type { StatusEvent } from './status.js';

/** While it cannot connect, a line is logged for the first failure, for each tenth, and for the first refusal among them. */
const LOG_EVERY = 10;

export class ConnectionLog {
  #wasUp = false;
  #wasBlocked = false;
  /** The last failure was a refusal. */
  #wasRefused = false;
  #established = false;

  constructor(private readonly options: ResolvedConnectionOptions) {}

  /** What works but ought not to be forgotten. */
  risks(): void {
    const { logger, tls, peers, proxy } = this.options;
    if (tls.rejectUnauthorized === false)
      logger.warn('tls.rejectUnauthorized is false: whoever answers is taken for the peer');
    if (peers.some(({ uri, credentials }) => credentials.isSecret && !isSafe(uri, proxy)))
      logger.warn('allowInsecureCredentials is true: credentials are sent in the clear');
    if (proxy?.user !== undefined && !isLoopback(proxy.host))
      logger.warn('proxy: its user and password are sent to it in the clear');
  }

  up({ uri, product, version, profile }: ConnectedPeer): void {
    this.#established = true;
    this.#wasRefused = false;
    const who = `${product ?? 'unknown product'} ${version ?? ''}, profile ${profile.name}`;
    this.options.logger.log(`connected to ${uri} (${who})`);
  }

  down(): void {
    this.#wasUp = true;
  }

  waiting(cause: AmqpError, failures: number, delayMs: number, refused: boolean): void {
    const isNew = failures <= 1 || (refused && !this.#wasRefused);
    this.#wasRefused = refused;
    if (!isNew && failures % LOG_EVERY !== 0) return;
    const what = this.#wasUp ? 'connection lost' : 'cannot connect';
    this.options.logger.warn(`${what}: ${cause.message}; the next attempt is in ${delayMs} ms`);
    this.#wasUp = false;
  }

  givenUp(cause: AmqpError): void {
    // Before the first success open() throws it; later there is nobody else to tell.
    if (this.#established) this.options.logger.error(`the connection is given up: ${cause.message}`);
    this.#established = false;
    this.#wasUp = false;
  }

  status({ status, cause }: StatusEvent): void {
    const { logger } = this.options;
    if (status === 'blocked') logger.warn(cause?.message ?? 'the peer takes no messages now');
    else if (status === 'connected' && this.#wasBlocked) logger.log('the peer takes messages again');
    this.#wasBlocked = status === 'blocked';
  }
}
