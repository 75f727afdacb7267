import type { AmqpMessage } from '../../protocol/index.js';
import type { SendList } from './send-list.js';

/**
 * How far a pending message is. `held`: queued, `sendAllMessages` was not called yet. `waiting`: for the link, or for credit. `sent`: written,
 * without an outcome. `retrying`: it failed, and waits for its next transfer.
 */
export type PendingState = 'held' | 'waiting' | 'sent' | 'retrying';

/** A message that has no outcome yet, as it stood when it was looked at. */
export interface PendingMessage {
  /** For looking at: what is written into the bytes of its body may reach the peer, or a part of it. */
  readonly message: AmqpMessage;
  readonly state: PendingState;
  /** Transfers made. */
  readonly attempts: number;
  /** A transfer of it was written and is unanswered, or was lost with its link: the peer may have it. */
  readonly inDoubt: boolean;
}

/** The lists of one sender. */
export type PendingLists = Readonly<Record<PendingState, SendList>>;

/** What stands in the lists of these senders, in the order of the calls. */
export function pendingMessages(senders: readonly PendingLists[]): readonly PendingMessage[] {
  const all = (['held', 'waiting', 'sent', 'retrying'] as const).flatMap((state) =>
    senders.flatMap((lists) => lists[state].snapshot().map((pending) => ({ state, pending }))),
  );
  return all
    .toSorted((a, b) => a.pending.sequence - b.pending.sequence)
    .map(({ state, pending: { message, attempts, inDoubt } }) => {
      return { message, state, attempts, inDoubt: inDoubt || state === 'sent' };
    });
}
