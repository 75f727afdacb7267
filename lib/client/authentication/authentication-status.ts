import type { AmqpError } from '../../protocol/index.js';
import type { TokenState } from './token-state.js';

/** Where the tokens of a connection stand (claims-based security). */
export interface AuthenticationStatus {
  /**
   * `idle`: no connection. `in-progress`: the first token is being put. `ok`: the peer has a good one. `refresh-required`: it has one
   * that is still good, and a new one is asked for or was not to be had so far (`error` says why). `expired`: there was no new one in
   * time, and the connection was ended. `failed`: the first token was refused, or there was none.
   */
  readonly state: 'idle' | 'in-progress' | 'ok' | 'refresh-required' | 'expired' | 'failed';
  readonly audiences: readonly string[];
  /** End of the token that the peer has, in milliseconds of the epoch. */
  readonly expiresAt?: number;
  /** When the next one is asked for; absent where there is no other. */
  readonly refreshAt?: number;
  /** Renewals on this connection since it was opened. */
  readonly refreshes: number;
  /** Failed attempts to renew it in a row. */
  readonly failures: number;
  /** What the last attempt met, if it failed. */
  readonly error?: AmqpError;
}

/** Before there is a connection. */
export function idleStatus(audiences: readonly string[]): AuthenticationStatus {
  return { state: 'idle', audiences, refreshes: 0, failures: 0 };
}

/** Of one connection, by where its tokens are. */
export function statusOf(state: TokenState, audiences: readonly string[], refreshes: number): AuthenticationStatus {
  const life = 'life' in state ? state.life : undefined;
  const error = 'cause' in state ? state.cause : undefined;
  return {
    state: nameOf(state),
    audiences,
    ...(life === undefined ? {} : { expiresAt: life.expiresAt }),
    ...(life === undefined || life.refreshAt === Infinity ? {} : { refreshAt: life.refreshAt }),
    refreshes,
    failures: 'failures' in state ? state.failures : 0,
    ...(error === undefined ? {} : { error }),
  };
}

function nameOf(state: TokenState): AuthenticationStatus['state'] {
  switch (state.name) {
    case 'idle':
      return 'idle';
    case 'putting':
      return state.life === undefined ? 'in-progress' : 'refresh-required';
    case 'good':
      return 'ok';
    case 'waiting':
      return 'refresh-required';
    case 'over':
      return state.why === 'expired' ? 'expired' : state.why === 'refused' ? 'failed' : 'idle';
  }
}
