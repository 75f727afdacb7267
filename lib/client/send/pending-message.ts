import type { AmqpMessage } from '../../protocol/index.js';
import type { SendList } from './send-list.js';

/**
 * How far a pending message is. `held`: queued, `sendAllMessages` was not called yet. `waiting`: for the link, or for credit. `sent`: written,
 * without an outcome. `retrying`: it failed, and waits for its next transfer.
 */
export type PendingState = 'held' | 'waiting' | 'sent' | 'retrying';

/** A message that has no outcome yet, as it stood when it was looked at. */
export interface PendingMessage {
  readonly message: AmqpMessage;
  readonly state: PendingState;
  /** Transfers made. */
  readonly attempts: number;
  /** A transfer of it was written and is unanswered, or was lost with its link: the peer may have it. */
  readonly inDoubt: boolean;
}

/** What stands in these lists, in the order of the calls. */
export function pendingMessages(lists: Readonly<Record<PendingState, SendList>>): readonly PendingMessage[] {
  const all = (['held', 'waiting', 'sent', 'retrying'] as const).flatMap((state) =>
    lists[state].snapshot().map((pending) => ({ state, pending })),
  );
  return all
    .toSorted((a, b) => a.pending.sequence - b.pending.sequence)
    .map(({ state, pending: { message, attempts, inDoubt } }) => {
      return { message, state, attempts, inDoubt: inDoubt || state === 'sent' };
    });
}
