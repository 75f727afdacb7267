import type { AmqpError } from '../../protocol/index.js';

/** `blocked`: the peer stopped taking messages. `closed` is final; all others may follow each other. */
export type ConnectionStatus = 'connecting' | 'connected' | 'blocked' | 'disconnected' | 'closed';

/** Where a connection stands. */
export interface LastStatus extends StatusEvent {
  /** When this status began, in milliseconds of the epoch; before the first change, when the connection was made. */
  readonly at: number;
  /** Since when it can be used, or cannot: attempts to connect do not change it, nor does `blocked`. In milliseconds of the epoch. */
  readonly since: number;
  /** Why it was last lost, or why the last attempt failed. It stays when the connection is back. */
  readonly lastError?: AmqpError;
  /** When that was, in milliseconds of the epoch. */
  readonly lastErrorAt?: number;
  /** `disconnected`, and no attempt comes by itself after those that failed. `open()` and a client that sends try anew. */
  readonly isGivenUp: boolean;
  /**
   * Given up before it was ever connected, by `bootTimeoutMs`, an abort or a refusal: the next use of a client opens it, as the first one
   * should have. `false` where `reconnect.maxAttempts` or `onRefused: 'stop'` ended it.
   */
  readonly awaitsUse: boolean;
}

/** One change of a connection's status. */
export interface StatusEvent {
  readonly status: ConnectionStatus;
  /** Why it is `disconnected`, `closed` or `blocked`; absent when the user asked for it. */
  readonly cause?: AmqpError;
  /** With `connecting`: the number of the attempt, from 1. */
  readonly attempt?: number;
}
