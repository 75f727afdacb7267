// Local transactions of one connection (part 4): what was posted and settled in them waits for the discharge.

import { randomBytes } from 'node:crypto';
import { ACCEPTED, type Outcome, RELEASED } from '../../protocol/acceptor/index.js';
import type { QueuedMessage } from '../message/queued-message.js';
import type { Routed, Router } from '../nodes/router.js';
import type { Queue } from '../queue/queue.js';

interface Transaction {
  readonly posted: Routed[];
  readonly settled: { readonly queue: Queue; readonly message: QueuedMessage; readonly outcome: Outcome }[];
  postedBytes: number;
}

export const UNKNOWN_TRANSACTION: Outcome = {
  kind: 'rejected',
  condition: 'amqp:transaction:unknown-id',
  description: 'there is no such transaction on this connection',
};

const FAILED_DELIVERY: Outcome = { kind: 'modified', deliveryFailed: true, undeliverableHere: false };
const MAX_TRANSACTIONS = 256;
const MAX_POSTED_BYTES = 256 * 1024 * 1024;

export class Transactions {
  readonly #active = new Map<string, Transaction>();

  constructor(private readonly router: Router) {}

  /** `undefined`: too many are open. */
  declare(): Buffer | undefined {
    if (this.#active.size >= MAX_TRANSACTIONS) return undefined;
    const id = randomBytes(8);
    this.#active.set(key(id), { posted: [], settled: [], postedBytes: 0 });
    return id;
  }

  /** A message was sent within it. */
  post(id: Buffer, routed: Routed): Outcome {
    const transaction = this.#active.get(key(id));
    if (transaction === undefined) return UNKNOWN_TRANSACTION;
    if (transaction.postedBytes + routed.content.size > MAX_POSTED_BYTES) {
      return {
        kind: 'rejected',
        condition: 'amqp:resource-limit-exceeded',
        description: 'the transaction is too large',
      };
    }
    transaction.postedBytes += routed.content.size;
    transaction.posted.push(routed);
    return ACCEPTED;
  }

  /** A delivery was settled within it. `false`: there is no such transaction. */
  settle(id: Buffer, queue: Queue, message: QueuedMessage, outcome: Outcome): boolean {
    const transaction = this.#active.get(key(id));
    transaction?.settled.push({ queue, message, outcome });
    return transaction !== undefined;
  }

  /** Commits, or with `fail` rolls back. All of it happens or none. */
  discharge(id: Buffer, fail: boolean): Outcome {
    const transaction = this.#active.get(key(id));
    if (transaction === undefined) return UNKNOWN_TRANSACTION;
    this.#active.delete(key(id));
    const obstacle = fail ? undefined : obstacleTo(transaction.posted);
    if (fail || obstacle !== undefined) {
      rollBack(transaction, FAILED_DELIVERY);
      if (obstacle === undefined) return ACCEPTED;
      return { kind: 'rejected', condition: 'amqp:transaction:rollback', description: obstacle };
    }
    for (const routed of transaction.posted) this.router.store(routed);
    for (const { queue, message, outcome } of transaction.settled) queue.settle(message, outcome);
    return ACCEPTED;
  }

  /** The coordinator's link or the connection is gone. */
  rollBackAll(): void {
    const transactions = [...this.#active.values()];
    this.#active.clear();
    for (const transaction of transactions) rollBack(transaction, RELEASED);
  }
}

/**
 * What was posted is forgotten; what was settled goes back to its place, redelivered: counted as a failed delivery where the
 * transaction was rolled back (as ActiveMQ, Artemis and Qpid count it), uncounted where it was lost.
 */
function rollBack(transaction: Transaction, outcome: Outcome): void {
  for (const { queue, message } of transaction.settled) queue.settle(message, outcome);
}

function obstacleTo(posted: readonly Routed[]): string | undefined {
  const added = new Map<Queue, { count: number; bytes: number }>();
  for (const { queues, content } of posted) {
    for (const queue of queues) {
      if (queue.isDeleted) return `queue "${queue.name}" was deleted`;
      const sum = added.get(queue) ?? { count: 0, bytes: 0 };
      added.set(queue, { count: sum.count + 1, bytes: sum.bytes + content.size });
    }
  }
  const full = [...added].find(([queue, { count, bytes }]) => queue.isFullFor(bytes, count));
  return full === undefined ? undefined : `queue "${full[0].name}" is full`;
}

function key(id: Buffer): string {
  return id.toString('hex');
}
