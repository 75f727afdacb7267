// Every decision about a connection's life, and nothing else: no sockets, no timers, no logging. connection/connection-life.ts runs
// the effects that decideConnection() returns.

import type { AmqpError } from '../protocol/index.js';
import type { ConnectionStatus } from './connection/status.js';

/**
 * `epoch` numbers the attempts. An event with another epoch comes from one that was given up, and is ignored. `failures` counts
 * the failed attempts in a row. `established`: there was a success since `open()`, so that a refusal no longer ends everything.
 * `isEnded`: by an option that bounds the attempts.
 */
export type ConnectionState =
  | { readonly name: 'idle'; readonly epoch: number; readonly cause?: AmqpError; readonly isEnded?: boolean }
  | {
      readonly name: 'opening';
      readonly epoch: number;
      readonly failures: number;
      readonly established: boolean;
      readonly cause?: AmqpError | undefined;
    }
  | {
      readonly name: 'open';
      readonly epoch: number;
      readonly failures: number;
      readonly openedAt: number;
    }
  | {
      readonly name: 'waiting';
      readonly epoch: number;
      readonly failures: number;
      readonly established: boolean;
      readonly cause: AmqpError;
    }
  | { readonly name: 'closing'; readonly epoch: number }
  | { readonly name: 'closed'; readonly epoch: number };

export type ConnectionEvent =
  | { readonly type: 'open-requested' }
  | { readonly type: 'opened'; readonly epoch: number; readonly at: number }
  | {
      readonly type: 'lost';
      readonly epoch: number;
      readonly at: number;
      readonly cause: AmqpError;
      /** The peer said no, and will say so again until somebody changes something. */
      readonly refused: boolean;
      /** The peer sent us elsewhere, and we go there. */
      readonly redirected?: boolean;
    }
  | { readonly type: 'delay-elapsed'; readonly epoch: number }
  /** The boot time-out passed, or who waited for `open()` does not any more. Without effect after a first success. */
  | { readonly type: 'boot-given-up'; readonly cause: AmqpError }
  | { readonly type: 'close-requested' }
  | { readonly type: 'closed' };

export type ConnectionEffect =
  | { readonly run: 'dial'; readonly epoch: number; readonly attempt: number }
  | { readonly run: 'wait'; readonly epoch: number; readonly delayMs: number; readonly refused: boolean }
  /** Stop the attempt or timer that is under way. */
  | { readonly run: 'abandon'; readonly cause: AmqpError }
  | { readonly run: 'links-up' }
  | { readonly run: 'links-down'; readonly cause: AmqpError }
  /** No further attempt will come by itself. */
  | { readonly run: 'give-up'; readonly cause: AmqpError }
  | { readonly run: 'hang-up' };

export interface ConnectionPolicy {
  /** Failed attempts in a row, from 1, to the delay before the next one. */
  delayMs(failures: number): number;
  readonly maxAttempts: number;
  readonly stableAfterMs: number;
  readonly refusedRetryMs: number;
  readonly onRefused: 'retry' | 'stop';
}

export interface ConnectionDecision {
  readonly state: ConnectionState;
  readonly effects: readonly ConnectionEffect[];
}

export const INITIAL_CONNECTION_STATE: ConnectionState = { name: 'idle', epoch: 0 };

/** The whole state machine. Pure: same input, same output, but for the jitter of `policy.delayMs`. */
export function decideConnection(
  state: ConnectionState,
  event: ConnectionEvent,
  policy: ConnectionPolicy,
): ConnectionDecision {
  if ('epoch' in event && event.epoch !== state.epoch) return stay(state);

  switch (event.type) {
    case 'open-requested':
      return state.name === 'idle' ? dial(state.epoch, 0, false) : stay(state);

    case 'opened':
      if (state.name !== 'opening') return stay(state);
      return {
        state: {
          name: 'open',
          epoch: state.epoch,
          failures: state.failures,
          openedAt: event.at,
        },
        effects: [{ run: 'links-up' }],
      };

    case 'lost':
      if (event.redirected === true && (state.name === 'opening' || state.name === 'open'))
        return redirect(state, event.cause);
      if (state.name === 'opening') return recover(state, state.failures + 1, state.established, event, policy);
      if (state.name !== 'open') return stay(state);
      return recover(state, failuresAfterLoss(state, event.at, policy), true, event, policy);

    case 'delay-elapsed':
      if (state.name !== 'waiting') return stay(state);
      return dial(state.epoch, state.failures, state.established, state.cause);

    case 'boot-given-up':
      if ((state.name !== 'opening' && state.name !== 'waiting') || state.established) return stay(state);
      return giveUp(state.epoch, event.cause, false);

    case 'close-requested':
      if (state.name === 'closing' || state.name === 'closed') return stay(state);
      return { state: { name: 'closing', epoch: state.epoch + 1 }, effects: [{ run: 'hang-up' }] };

    case 'closed':
      return state.name === 'closing' ? { state: { name: 'closed', epoch: state.epoch }, effects: [] } : stay(state);
  }
}

/** What the user sees of a state. While it is closing the last status stays: hence `undefined`. */
export function statusOf(state: ConnectionState, blocked: boolean): ConnectionStatus | undefined {
  switch (state.name) {
    case 'idle':
    case 'waiting':
      return 'disconnected';
    case 'opening':
      return 'connecting';
    case 'open':
      return blocked ? 'blocked' : 'connected';
    case 'closing':
      return undefined;
    case 'closed':
      return 'closed';
  }
}

/** Only a connection that held for a while counts as a success; else a peer that accepts and drops would be dialled without pause. */
function failuresAfterLoss(
  state: Extract<ConnectionState, { name: 'open' }>,
  at: number,
  policy: ConnectionPolicy,
): number {
  return at - state.openedAt >= policy.stableAfterMs ? 0 : state.failures + 1;
}

function recover(
  state: Extract<ConnectionState, { name: 'opening' | 'open' }>,
  failures: number,
  established: boolean,
  { cause, refused }: Extract<ConnectionEvent, { type: 'lost' }>,
  policy: ConnectionPolicy,
): ConnectionDecision {
  const { epoch } = state;
  const fatal = refused && (!established || policy.onRefused === 'stop');
  if (fatal || failures >= policy.maxAttempts) {
    const isEnded = failures >= policy.maxAttempts || policy.onRefused === 'stop';
    const { state: idle, effects } = giveUp(epoch, cause, isEnded);
    return { state: idle, effects: state.name === 'open' ? [{ run: 'links-down', cause }, ...effects] : effects };
  }
  const delayMs = refused ? policy.refusedRetryMs : policy.delayMs(Math.max(1, failures));
  const effects: readonly ConnectionEffect[] = [{ run: 'wait', epoch, delayMs, refused }];
  return {
    state: { name: 'waiting', epoch, failures, established, cause },
    effects: state.name === 'open' ? [{ run: 'links-down', cause }, ...effects] : effects,
  };
}

/** No failure, and no reason to wait. */
function redirect(state: Extract<ConnectionState, { name: 'opening' | 'open' }>, cause: AmqpError): ConnectionDecision {
  const isOpen = state.name === 'open';
  const next = dial(state.epoch, state.failures, isOpen || state.established, cause);
  return isOpen ? { state: next.state, effects: [{ run: 'links-down', cause }, ...next.effects] } : next;
}

function dial(epoch: number, failures: number, established: boolean, cause?: AmqpError): ConnectionDecision {
  const next = epoch + 1;
  return {
    state: { name: 'opening', epoch: next, failures, established, cause },
    effects: [{ run: 'dial', epoch: next, attempt: failures + 1 }],
  };
}

/** The epoch goes on, so that whatever the abandoned attempt still says is stale. */
function giveUp(epoch: number, cause: AmqpError, isEnded: boolean): ConnectionDecision {
  return {
    state: { name: 'idle', epoch: epoch + 1, cause, isEnded },
    effects: [
      { run: 'abandon', cause },
      { run: 'give-up', cause },
    ],
  };
}

function stay(state: ConnectionState): ConnectionDecision {
  return { state, effects: [] };
}
