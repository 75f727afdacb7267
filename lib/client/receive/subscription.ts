import type { AmqpError } from '../../protocol/index.js';

/** A running handler on one source. */
export interface Subscription {
  /**
   * `starting`: not attached, now or again. `paused`: by `pause()`, `autoStart: false` or the policy. `failed`: refused, and
   * `resume()` tries anew; or stopped by the policy, which is final as `closed` is.
   */
  readonly state: 'starting' | 'running' | 'paused' | 'closed' | 'failed';
  /** Why it failed, or was paused by its policy. */
  readonly error?: AmqpError | undefined;
  /** Messages here that are not settled, or in a transaction (a dead letter's) that is not committed. */
  readonly inHand: number;
  /** Resolves when it is attached; rejects with what made it fail, or ClientClosedError. */
  ready(): Promise<void>;
  /** Takes the credit back and gives back what no handler has seen. Handlers that run go on; it does not wait for them. */
  pause(): Promise<void>;
  /** Resolves when messages can come again. Rejects ClientClosedError, or with what the attach fails with. */
  resume(): Promise<void>;
  /**
   * Another prefetch or concurrency from now on; what is left out stays. Handlers that run go on. Resolves when the new prefetch holds for
   * all that comes: a smaller one first takes the credit back. Rejects InvalidOptionsError, ClientClosedError.
   */
  adjust(change: { readonly prefetch?: number; readonly concurrency?: number }): Promise<void>;
  /**
   * Releases every message that is not settled: the peer delivers them again, to anybody. Handlers that run are told by the signal of
   * their message, and what they return no longer counts. Pre-settled ones and those of a stream would not come again: they stay. Resolves
   * to how many were released. Rejects ClientClosedError.
   */
  recover(): Promise<number>;
  /** Resolves when it is closed, by `close()` or for `idleTimeoutMs`; rejects with what made it fail. */
  ended(): Promise<void>;
  /**
   * Takes the credit back, waits up to `timeoutMs` (20 000) for the handlers, settles, gives back what no handler has seen, detaches.
   * Never rejects; a second call waits for the first. Not to be awaited inside the handler, which it waits for.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
}
