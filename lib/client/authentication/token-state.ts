// Every decision about the tokens of one connection, and nothing else: no clock, no timers. token-keeper.ts runs the effects that
// decideToken() returns. All times are milliseconds of the epoch.

import type { AmqpError } from '../../protocol/index.js';

/** A token that the peer has taken. `refreshAt` is Infinity where there is no other to be had. */
export interface TokenLife {
  readonly putAt: number;
  readonly refreshAt: number;
  readonly expiresAt: number;
}

/**
 * `epoch` numbers the rounds (asking for a token, putting it for each audience); what an abandoned one still says is ignored.
 * `failures` counts failed rounds in a row. Without a `life` no token was taken yet.
 */
export type TokenState =
  | { readonly name: 'idle'; readonly epoch: number }
  | {
      readonly name: 'putting';
      readonly epoch: number;
      readonly failures: number;
      readonly life?: TokenLife | undefined;
      readonly cause?: AmqpError | undefined;
    }
  | { readonly name: 'good'; readonly epoch: number; readonly life: TokenLife }
  | {
      readonly name: 'waiting';
      readonly epoch: number;
      readonly failures: number;
      readonly life: TokenLife;
      readonly retryAt: number;
      readonly cause: AmqpError;
    }
  | {
      readonly name: 'over';
      readonly epoch: number;
      readonly why: 'refused' | 'expired' | 'stopped';
      readonly cause?: AmqpError | undefined;
    };

export type TokenEvent =
  | { readonly type: 'started' }
  | { readonly type: 'put'; readonly epoch: number; readonly at: number; readonly expiresAt: number }
  | { readonly type: 'failed'; readonly epoch: number; readonly at: number; readonly cause: AmqpError }
  /** The timer, which may come before its time: timers have a longest delay. */
  | { readonly type: 'woken'; readonly at: number }
  /** The peer refused a link for want of a good token. */
  | { readonly type: 'doubted'; readonly at: number }
  | { readonly type: 'stopped' };

export type TokenEffect =
  | { readonly run: 'put'; readonly epoch: number }
  | { readonly run: 'abandon' }
  /** What the peer took before may be gone there: also the same token is put again. */
  | { readonly run: 'forget' }
  | { readonly run: 'wake'; readonly at: number }
  | { readonly run: 'sleep' }
  | { readonly run: 'tell-put'; readonly renewed: boolean }
  | { readonly run: 'tell-failed'; readonly cause: AmqpError; readonly retryAt: number }
  /** Nothing more will come of it: the first token was refused, or the last one is over. */
  | { readonly run: 'give-up'; readonly why: 'refused' | 'expired'; readonly cause: AmqpError | undefined };

export interface TokenPolicy {
  readonly refreshBeforeMs: number;
  readonly isRenewable: boolean;
  /** Failures in a row, from 1, to the delay before the next round. */
  delayMs(failures: number): number;
  /** A token in doubt is renewed once in this time: else one that the peer refuses for ever would be put without pause. */
  readonly doubtMs: number;
}

export interface TokenDecision {
  readonly state: TokenState;
  readonly effects: readonly TokenEffect[];
}

export const INITIAL_TOKEN_STATE: TokenState = { name: 'idle', epoch: 0 };

/** Of the time that is left, this much at most passes until the next try, so that there is one. */
const RETRY_SHARE = 0.5;
/** Between two tries at least; a token is in the last moments of its life then. */
const MIN_RETRY_MS = 50;
/** A renewal begins at this part of a token's life before its end, or earlier. */
const WINDOW_SHARE = 0.1;
/** Not before this part of its life has passed, whatever the options ask for. */
const REST_SHARE = 0.1;

/** The whole state machine. Pure: same input, same output, but for the jitter of `policy.delayMs`. */
export function decideToken(state: TokenState, event: TokenEvent, policy: TokenPolicy): TokenDecision {
  if (state.name === 'over' || ('epoch' in event && event.epoch !== state.epoch)) return stay(state);

  switch (event.type) {
    case 'started':
      return state.name === 'idle' ? put(state.epoch, 0) : stay(state);

    case 'put': {
      if (state.name !== 'putting') return stay(state);
      const life = lifeOf(event.at, event.expiresAt, policy);
      return {
        state: { name: 'good', epoch: state.epoch, life },
        effects: [
          { run: 'wake', at: Math.min(life.refreshAt, life.expiresAt) },
          { run: 'tell-put', renewed: state.life !== undefined },
        ],
      };
    }

    case 'failed': {
      if (state.name !== 'putting') return stay(state);
      const { life } = state;
      if (life === undefined) return giveUp(state, 'refused', event.cause);
      if (event.at >= life.expiresAt) return giveUp(state, 'expired', event.cause);
      const failures = state.failures + 1;
      const leftMs = life.expiresAt - event.at;
      const delayMs = Math.max(MIN_RETRY_MS, Math.min(policy.delayMs(failures), leftMs * RETRY_SHARE));
      const retryAt = event.at + delayMs;
      return {
        state: { name: 'waiting', epoch: state.epoch, failures, life, retryAt, cause: event.cause },
        effects: [
          { run: 'wake', at: Math.min(retryAt, life.expiresAt) },
          { run: 'tell-failed', cause: event.cause, retryAt },
        ],
      };
    }

    case 'woken':
      return wake(state, event.at);

    case 'doubted':
      if (state.name !== 'good') return stay(state);
      if (event.at >= state.life.expiresAt) return wake(state, event.at);
      if (!policy.isRenewable) return stay(state);
      // Once its time has come it is renewed anyway: the peer was faster than the timer.
      if (event.at < state.life.refreshAt && event.at - state.life.putAt < policy.doubtMs) return stay(state);
      return put(state.epoch, 0, state.life, undefined, [{ run: 'forget' }]);

    case 'stopped':
      return {
        state: { name: 'over', epoch: state.epoch + 1, why: 'stopped' },
        effects: [{ run: 'abandon' }, { run: 'sleep' }],
      };
  }
}

function wake(state: Exclude<TokenState, { name: 'over' }>, at: number): TokenDecision {
  switch (state.name) {
    case 'idle':
      return stay(state);
    case 'good': {
      const { refreshAt, expiresAt } = state.life;
      if (at >= expiresAt) return giveUp(state, 'expired', undefined);
      if (at >= refreshAt) return put(state.epoch, 0, state.life);
      return { state, effects: [{ run: 'wake', at: Math.min(refreshAt, expiresAt) }] };
    }
    case 'waiting':
      if (at >= state.life.expiresAt) return giveUp(state, 'expired', state.cause);
      if (at >= state.retryAt) return put(state.epoch, state.failures, state.life, state.cause);
      return { state, effects: [{ run: 'wake', at: Math.min(state.retryAt, state.life.expiresAt) }] };
    case 'putting':
      if (state.life === undefined) return stay(state);
      if (at >= state.life.expiresAt) return giveUp(state, 'expired', state.cause);
      return { state, effects: [{ run: 'wake', at: state.life.expiresAt }] };
  }
}

function lifeOf(putAt: number, expiresAt: number, policy: TokenPolicy): TokenLife {
  if (!policy.isRenewable) return { putAt, refreshAt: Infinity, expiresAt };
  const lifeMs = expiresAt - putAt;
  const windowMs = Math.max(lifeMs * WINDOW_SHARE, policy.refreshBeforeMs);
  const restMs = Math.max(lifeMs * REST_SHARE, MIN_RETRY_MS);
  return { putAt, refreshAt: Math.max(putAt + restMs, expiresAt - windowMs), expiresAt };
}

/** The end of the token that is still good is watched meanwhile. */
function put(
  epoch: number,
  failures: number,
  life?: TokenLife,
  cause?: AmqpError,
  before: readonly TokenEffect[] = [],
): TokenDecision {
  const next = epoch + 1;
  const watch: readonly TokenEffect[] = life === undefined ? [] : [{ run: 'wake', at: life.expiresAt }];
  return {
    state: { name: 'putting', epoch: next, failures, life, cause },
    effects: [...before, ...watch, { run: 'put', epoch: next }],
  };
}

function giveUp(state: TokenState, why: 'refused' | 'expired', cause: AmqpError | undefined): TokenDecision {
  return {
    state: { name: 'over', epoch: state.epoch + 1, why, cause },
    effects: [{ run: 'abandon' }, { run: 'sleep' }, { run: 'give-up', why, cause }],
  };
}

function stay(state: TokenState): TokenDecision {
  return { state, effects: [] };
}
