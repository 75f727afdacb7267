/** A local transaction at one peer. Made by `connection.transaction()`; given to sends and settlements that belong to it. */
export interface Transaction {
  readonly id: Buffer;
  /** `in-doubt`: the commit was sent, and nobody knows what became of it. */
  readonly state: 'active' | 'committed' | 'rolled-back' | 'in-doubt';
  /** Aborts when it can no longer commit: its time is over, a part of it failed, or the peer is gone. */
  readonly signal: AbortSignal;
}
