// What one supervised link can be, what happens to it, and what can be done about it. decide-link.ts says what is.

import type { AmqpError } from '../../protocol/index.js';
import type { SupervisedLink } from './link-owner.js';

/**
 * `epoch` numbers the attempts to attach; an event of another epoch is ignored. `established`: it was attached before, so that a
 * refusal is retried slowly in place of ending it.
 */
export type LinkState =
  | { readonly name: 'idle'; readonly epoch: number }
  | {
      readonly name: 'unconnected';
      readonly epoch: number;
      readonly established: boolean;
      readonly cause?: AmqpError | undefined;
    }
  | {
      readonly name: 'attaching';
      readonly epoch: number;
      readonly failures: number;
      readonly established: boolean;
      /** The last attempt was refused. */
      readonly refused: boolean;
      /** The peer has had a new token since this attempt began. */
      readonly isAuthorized?: boolean;
      readonly cause?: AmqpError | undefined;
    }
  | { readonly name: 'attached'; readonly epoch: number; readonly failures: number; readonly attachedAt: number }
  | {
      readonly name: 'waiting';
      readonly epoch: number;
      readonly failures: number;
      readonly established: boolean;
      readonly refused: boolean;
      readonly cause: AmqpError;
    }
  | { readonly name: 'failed'; readonly epoch: number; readonly cause: AmqpError }
  | { readonly name: 'closed'; readonly epoch: number };

/**
 * `transient`: worth another attempt soon. `refused`: the peer said no. `redirected`: it said where to go, and we go there. `fatal`: another attempt would do harm, as after
 * `amqp:link:stolen`.
 */
export type LinkFailure = 'transient' | 'refused' | 'redirected' | 'fatal';

export type LinkEvent =
  | { readonly type: 'wanted'; readonly connected: boolean }
  | { readonly type: 'connection-up' }
  | { readonly type: 'connection-down'; readonly cause: AmqpError }
  /** No connection will come by itself: `final` when the user closed it. */
  | { readonly type: 'connection-given-up'; readonly cause: AmqpError; readonly final: boolean }
  | { readonly type: 'attached'; readonly epoch: number; readonly at: number }
  | {
      readonly type: 'attach-failed';
      readonly epoch: number;
      readonly cause: AmqpError;
      readonly kind: LinkFailure;
    }
  | {
      readonly type: 'detached';
      readonly epoch: number;
      readonly at: number;
      readonly cause: AmqpError;
      readonly kind: LinkFailure;
    }
  | { readonly type: 'delay-elapsed'; readonly epoch: number }
  /** The peer was given a new token. */
  | { readonly type: 'authorized' }
  /** With a `failure`: not at the user's wish. */
  | { readonly type: 'released'; readonly failure?: AmqpError | undefined };

export type LinkEffect =
  | { readonly run: 'connect' }
  | { readonly run: 'attach'; readonly epoch: number }
  | { readonly run: 'wait'; readonly epoch: number; readonly delayMs: number }
  /** Stop the attempt or timer under way, give the session back. */
  | { readonly run: 'let-go' }
  | { readonly run: 'tell-attached' }
  | { readonly run: 'tell-lost'; readonly cause: AmqpError; readonly refused: boolean }
  | { readonly run: 'tell-failed'; readonly cause: AmqpError }
  /** Who waits for it is told; a later wish starts anew. */
  | { readonly run: 'reject-ready'; readonly cause: AmqpError };

/** What a peer says that wants a better token, or any. */
export const UNAUTHORIZED = 'amqp:unauthorized-access';

export const INITIAL_LINK_STATE: LinkState = { name: 'idle', epoch: 0 };

/** What the owner sees of a state. */
export function linkStateName(state: LinkState): SupervisedLink['state'] {
  switch (state.name) {
    case 'unconnected':
      return state.established ? 'lost' : 'attaching';
    case 'attaching':
    case 'waiting':
      if (state.refused) return 'refused';
      return state.established ? 'lost' : 'attaching';
    case 'idle':
    case 'attached':
    case 'failed':
    case 'closed':
      return state.name;
  }
}
