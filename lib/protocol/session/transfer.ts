// A message leaving: what is kept of it until its outcome comes, and how its owner hears of that.

import type { OutgoingTransfer } from '../links.js';
import type { AmqpError } from '../errors.js';
import type { Outcome } from '../outcome.js';
import { rethrowLater } from './callback.js';
import type { DeliveryState } from './delivery-state.js';

/** What is sent, and who hears of it. The two optional functions take states that only a coordinator or a server's peer gives. */
export interface PlaneTransfer extends OutgoingTransfer {
  /** The peer settled it within a transaction: provisional until discharge. Without this function the outcome counts as it is. */
  settledInTransaction?(transactionId: Buffer, outcome: Outcome | undefined): void;
  /** The coordinator's answer to a declare. */
  declared?(transactionId: Buffer): void;
}

/** Hands the peer's state to the owner; never throws. */
export function settleTransfer(transfer: PlaneTransfer, state: DeliveryState): void {
  try {
    tell(transfer, state);
  } catch (error) {
    rethrowLater(error);
  }
}

/** Tells the owner that no outcome will come; never throws. */
export function failTransfer(transfer: PlaneTransfer, error: AmqpError, written: boolean): void {
  try {
    transfer.failed(error, written);
  } catch (thrown) {
    rethrowLater(thrown);
  }
}

function tell(transfer: PlaneTransfer, state: DeliveryState): void {
  switch (state.kind) {
    case 'outcome':
      return transfer.settled(state.outcome);
    case 'transactional':
      if (transfer.settledInTransaction !== undefined)
        return transfer.settledInTransaction(state.transactionId, state.outcome);
      return state.outcome === undefined
        ? transfer.settled(undefined, 'the peer gave a transactional state without an outcome')
        : transfer.settled(state.outcome);
    case 'declared':
      if (transfer.declared !== undefined) return transfer.declared(state.transactionId);
      return transfer.settled(undefined, 'the peer declared a transaction where a message was sent');
    case 'unknown':
      return transfer.settled(undefined, state.problem);
    case 'none':
    case 'progress':
      return transfer.settled(undefined);
  }
}
