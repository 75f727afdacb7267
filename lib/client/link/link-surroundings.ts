import type { AmqpLogger } from '../client-context.js';
import type { LinkPolicy } from './decide-link.js';
import type { CurrentPeer, LinkWay } from './link-way.js';

/** What a supervised link is given by the connection. */
export interface LinkSurroundings {
  readonly policy: LinkPolicy;
  readonly logger: AmqpLogger;
  readonly attachTimeoutMs: number;
  /** The longest wait of `ready()` without a signal. */
  readonly readyTimeoutMs: number;
  /** For redirects of this link. */
  way(): LinkWay;
  /** `undefined` while there is no open connection. */
  current(): CurrentPeer | undefined;
  /** Somebody wants the connection. */
  connect(): void;
  /**
   * The peer ended or refused this link for want of a right to it. `true`: that is not its last word, for it is given a new token, or the
   * connection ends for want of one.
   */
  unauthorized(): boolean;
  /** This link will never ask for anything again; `failed`: without its owner's wish. */
  ended(how: 'failed' | 'closed'): void;
}
