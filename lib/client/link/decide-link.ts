// Every decision about one supervised link, and nothing else. link-runner.ts runs the effects that decideLink() returns.

import type { AmqpError } from '../../protocol/index.js';
import { UNAUTHORIZED, type LinkEffect, type LinkEvent, type LinkFailure, type LinkState } from './link-state.js';

export interface LinkPolicy {
  /** Failures in a row, from 1, to the delay before the next attempt. */
  delayMs(failures: number): number;
  readonly stableAfterMs: number;
  readonly refusedRetryMs: number;
  readonly onRefused: 'retry' | 'stop';
}

export interface LinkDecision {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

/** The whole state machine. Pure: same input, same output, but for the jitter of `policy.delayMs`. */
export function decideLink(state: LinkState, event: LinkEvent, policy: LinkPolicy): LinkDecision {
  if (state.name === 'failed' || state.name === 'closed') {
    const isClosed = event.type === 'released' && event.failure === undefined;
    return isClosed ? { state: { name: 'closed', epoch: state.epoch }, effects: [] } : stay(state);
  }
  if ('epoch' in event && event.epoch !== state.epoch) return stay(state);

  switch (event.type) {
    case 'wanted':
      if (state.name === 'unconnected') return { state, effects: [{ run: 'connect' }] };
      if (state.name !== 'idle') return stay(state);
      if (event.connected) return attach(state.epoch, 0, false, false);
      return { state: { name: 'unconnected', epoch: state.epoch, established: false }, effects: [{ run: 'connect' }] };

    case 'connection-up':
      return state.name === 'unconnected' ? attach(state.epoch, 0, state.established, false, state.cause) : stay(state);

    case 'connection-down':
      return goDown(state, event.cause);

    case 'connection-given-up':
      if (event.final || established(state)) return fail(state.epoch, event.cause);
      return state.name === 'idle'
        ? stay(state)
        : {
            state: { name: 'idle', epoch: state.epoch + 1 },
            effects: [{ run: 'let-go' }, { run: 'reject-ready', cause: event.cause }],
          };

    case 'attached':
      if (state.name !== 'attaching') return stay(state);
      return {
        state: { name: 'attached', epoch: state.epoch, failures: state.failures, attachedAt: event.at },
        effects: [{ run: 'tell-attached' }],
      };

    case 'attach-failed':
      if (state.name !== 'attaching') return stay(state);
      // Refused for want of the token that has come meanwhile.
      if (state.isAuthorized === true && event.cause.condition === UNAUTHORIZED)
        return attach(state.epoch, state.failures, state.established, state.refused, event.cause);
      return recover({ ...state, failures: state.failures + 1 }, event, policy);

    case 'detached': {
      if (state.name !== 'attached') return stay(state);
      const stable = event.at - state.attachedAt >= policy.stableAfterMs;
      const failures = stable ? 0 : state.failures + 1;
      return recover({ epoch: state.epoch, failures, established: true, refused: false }, event, policy);
    }

    case 'delay-elapsed':
      if (state.name !== 'waiting') return stay(state);
      return attach(state.epoch, state.failures, state.established, state.refused, state.cause);

    case 'authorized':
      if (state.name === 'attaching') return stay({ ...state, isAuthorized: true });
      if (state.name !== 'waiting' || state.cause.condition !== UNAUTHORIZED) return stay(state);
      return attach(state.epoch, state.failures, state.established, state.refused, state.cause);

    case 'released': {
      const epoch = state.epoch + 1;
      const { failure } = event;
      return {
        state: failure === undefined ? { name: 'closed', epoch } : { name: 'failed', epoch, cause: failure },
        effects: [{ run: 'let-go' }],
      };
    }
  }
}

function established(state: LinkState): boolean {
  return state.name === 'attached' || ('established' in state && state.established);
}

function goDown(state: LinkState, cause: AmqpError): LinkDecision {
  const down = (wasEstablished: boolean): LinkState => {
    return { name: 'unconnected', epoch: state.epoch + 1, established: wasEstablished, cause };
  };
  switch (state.name) {
    case 'attached':
      return { state: down(true), effects: [{ run: 'let-go' }, { run: 'tell-lost', cause, refused: false }] };
    case 'attaching':
    case 'waiting':
      return { state: down(state.established), effects: [{ run: 'let-go' }] };
    case 'idle':
    case 'unconnected':
    case 'failed':
    case 'closed':
      return stay(state);
  }
}

/** @param before what was known of the link when it failed */
function recover(
  before: Pick<Extract<LinkState, { name: 'attaching' }>, 'epoch' | 'failures' | 'established' | 'refused'>,
  { cause, kind }: { readonly cause: AmqpError; readonly kind: LinkFailure },
  policy: LinkPolicy,
): LinkDecision {
  const { epoch, failures, established: wasEstablished } = before;
  if (kind === 'redirected') return moveOn(epoch, failures, wasEstablished, cause);
  const isRefusal = kind === 'refused';
  if (kind === 'fatal' || (isRefusal && (!wasEstablished || policy.onRefused === 'stop'))) return fail(epoch, cause);
  // One that was refused stays so until it is attached, also while the peer is given a new token.
  const refused = isRefusal || (before.refused && cause.condition === UNAUTHORIZED);
  const delayMs = refused ? policy.refusedRetryMs : policy.delayMs(Math.max(1, failures));
  const effects: LinkEffect[] = [{ run: 'let-go' }];
  if (wasEstablished) effects.push({ run: 'tell-lost', cause, refused });
  return {
    state: { name: 'waiting', epoch, failures, established: wasEstablished, refused, cause },
    effects: [...effects, { run: 'wait', epoch, delayMs }],
  };
}

/** No failure, and no reason to wait. */
function moveOn(epoch: number, failures: number, wasEstablished: boolean, cause: AmqpError): LinkDecision {
  const { state, effects } = attach(epoch, failures, wasEstablished, false, cause);
  const lost: readonly LinkEffect[] = wasEstablished ? [{ run: 'tell-lost', cause, refused: false }] : [];
  return { state, effects: [{ run: 'let-go' }, ...lost, ...effects] };
}

function attach(
  epoch: number,
  failures: number,
  wasEstablished: boolean,
  refused: boolean,
  cause?: AmqpError,
): LinkDecision {
  const next = epoch + 1;
  return {
    state: { name: 'attaching', epoch: next, failures, established: wasEstablished, refused, cause },
    effects: [{ run: 'attach', epoch: next }],
  };
}

function fail(epoch: number, cause: AmqpError): LinkDecision {
  return {
    state: { name: 'failed', epoch: epoch + 1, cause },
    effects: [{ run: 'let-go' }, { run: 'tell-failed', cause }],
  };
}

function stay(state: LinkState): LinkDecision {
  return { state, effects: [] };
}
