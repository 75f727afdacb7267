// Local transactions of one connection (part 4): what was posted and settled in them waits for the discharge.

import { randomBytes } from 'node:crypto';
import { ACCEPTED, type Outcome, RELEASED } from '../../protocol/acceptor/index.js';
import type { QueuedMessage } from '../message/queued-message.js';
import type { Routed, Router } from '../nodes/router.js';
import type { Queue } from '../queue/queue.js';

interface Transaction {
  /** The coordinator's link that declared it: only that one discharges it, and it does not outlive that one (4.2). */
  readonly controller: object;
  readonly posted: Routed[];
  readonly settled: { readonly queue: Queue; readonly message: QueuedMessage; readonly outcome: Outcome }[];
  postedBytes: number;
}

export const UNKNOWN_TRANSACTION: Outcome = {
  kind: 'rejected',
  condition: 'amqp:transaction:unknown-id',
  description: 'there is no such transaction on this connection, or another link declared it',
};

const FAILED_DELIVERY: Outcome = { kind: 'modified', deliveryFailed: true, undeliverableHere: false };
const MAX_TRANSACTIONS = 256;
const MAX_POSTED_BYTES = 256 * 1024 * 1024;

export class Transactions {
  readonly #active = new Map<string, Transaction>();

  constructor(
    private readonly router: Router,
    private readonly maxPostedBytes = MAX_POSTED_BYTES,
  ) {}

  /** `undefined`: too many are open. */
  declare(controller: object): Buffer | undefined {
    if (this.#active.size >= MAX_TRANSACTIONS) return undefined;
    const id = randomBytes(8);
    this.#active.set(key(id), { controller, posted: [], settled: [], postedBytes: 0 });
    return id;
  }

  /** Messages were sent within it as one: all of them belong to it, or none. */
  post(id: Buffer, all: readonly Routed[]): Outcome {
    const transaction = this.#active.get(key(id));
    if (transaction === undefined) return UNKNOWN_TRANSACTION;
    const bytes = all.reduce((sum, { content }) => sum + content.size, 0);
    if (transaction.postedBytes + bytes > this.maxPostedBytes) {
      return {
        kind: 'rejected',
        condition: 'amqp:resource-limit-exceeded',
        description: 'the transaction is too large',
      };
    }
    transaction.postedBytes += bytes;
    for (const routed of all) transaction.posted.push(routed);
    return ACCEPTED;
  }

  /** A delivery was settled within it. `false`: there is no such transaction. */
  settle(id: Buffer, queue: Queue, message: QueuedMessage, outcome: Outcome): boolean {
    const transaction = this.#active.get(key(id));
    transaction?.settled.push({ queue, message, outcome });
    return transaction !== undefined;
  }

  /** Commits, or with `fail` rolls back. All of it happens or none. */
  discharge(id: Buffer, fail: boolean, controller: object): Outcome {
    const transaction = this.#active.get(key(id));
    if (transaction?.controller !== controller) return UNKNOWN_TRANSACTION;
    this.#active.delete(key(id));
    const obstacle = fail ? undefined : this.router.obstacleTo(transaction.posted);
    if (fail || obstacle !== undefined) {
      rollBack(transaction, FAILED_DELIVERY);
      if (obstacle === undefined) return ACCEPTED;
      return { kind: 'rejected', condition: 'amqp:transaction:rollback', description: obstacle };
    }
    for (const routed of transaction.posted) this.router.store(routed);
    for (const { queue, message, outcome } of transaction.settled) queue.settle(message, outcome);
    return ACCEPTED;
  }

  /** A coordinator's link is gone. */
  rollBackOf(controller: object): void {
    this.#rollBack((transaction) => transaction.controller === controller);
  }

  /** The connection is gone. */
  rollBackAll(): void {
    this.#rollBack(() => true);
  }

  #rollBack(isMeant: (transaction: Transaction) => boolean): void {
    const lost = [...this.#active].filter(([, transaction]) => isMeant(transaction));
    for (const [id] of lost) this.#active.delete(id);
    for (const [, transaction] of lost) rollBack(transaction, RELEASED);
  }
}

/**
 * What was posted is forgotten; what was settled goes back to its place, redelivered: counted as a failed delivery where the
 * transaction was rolled back (as ActiveMQ, Artemis and Qpid count it), uncounted where it was lost.
 */
function rollBack(transaction: Transaction, outcome: Outcome): void {
  for (const { queue, message } of transaction.settled) queue.settle(message, outcome);
}

function key(id: Buffer): string {
  return id.toString('hex');
}
