import type { AmqpError } from '../../protocol/index.js';

/** `blocked`: the peer stopped taking messages. `closed` is final; all others may follow each other. */
export type ConnectionStatus = 'connecting' | 'connected' | 'blocked' | 'disconnected' | 'closed';

/** One change of a connection's status. */
export interface StatusEvent {
  readonly status: ConnectionStatus;
  /** Why it is `disconnected`, `closed` or `blocked`; absent when the user asked for it. */
  readonly cause?: AmqpError;
  /** With `connecting`: the number of the attempt, from 1. */
  readonly attempt?: number;
}
