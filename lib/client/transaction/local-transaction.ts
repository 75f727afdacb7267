// One transaction: what belongs to it, and what becomes of that at its end.

import { AmqpError, InvalidOptionsError } from '../../protocol/index.js';
import { asError } from '../deadline.js';
import { TransactionError } from '../errors.js';
import type { Transaction } from './transaction.js';

/** A send within a transaction, from the call to its outcome. */
export interface TransactionalSend {
  /** Its transaction will not commit: nothing of it must be written any more. Harmless when it is done. */
  abort(): void;
}

/** A settlement, which waits for the commit. */
export interface TransactionalSettlement {
  /** The message's link is there, so that it can be handed over. */
  readonly isWritable: boolean;
  /** Hands it to its link, or keeps it where this peer takes no such outcome within one. `false`: the message's link is gone. */
  writeWithin(transactionId: Buffer): boolean;
  flush(): void;
  committed(): void;
  /** The message is unsettled again; one whose settlement was written is the peer's. */
  undo(): void;
}

export class LocalTransaction implements Transaction {
  #state: Transaction['state'] = 'active';
  /** Takes no more parts. */
  #isEnding = false;
  #failure: Error | undefined = undefined;
  readonly #sends = new Set<TransactionalSend>();
  readonly #settlements: TransactionalSettlement[] = [];
  readonly #controller = new AbortController();
  #whenIdle: (() => void) | undefined = undefined;

  /**
   * @param owner whose transaction it is
   * @param spansSessions what came over other sessions than the coordinator's may be settled within it
   */
  constructor(
    readonly id: Buffer,
    private readonly owner: object,
    readonly spansSessions: boolean,
  ) {}

  /** @throws InvalidOptionsError when it is another's, or no transaction at all */
  static of(transaction: Transaction, owner: object): LocalTransaction {
    if (transaction instanceof LocalTransaction && transaction.owner === owner) return transaction;
    throw new InvalidOptionsError(
      'transaction',
      'one that connection.transaction() of this connection made',
      undefined,
    );
  }

  get state(): Transaction['state'] {
    return this.#state;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it must not commit. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Something may still be done within it. */
  get takesParts(): boolean {
    return !this.#isEnding && this.#failure === undefined;
  }

  /** What was begun within it may go on. */
  get mayWrite(): boolean {
    return this.#state === 'active' && this.#failure === undefined;
  }

  /** @throws TransactionError when nothing more can be done within it */
  assertTakesParts(): void {
    if (this.takesParts) return;
    const { state } = this;
    const code = state === 'in-doubt' ? 'in-doubt' : 'rolled-back';
    const now = state === 'active' ? 'about to end' : state;
    throw AmqpError.inOwnWords(
      new TransactionError(code, `the transaction is ${now}: nothing can be done within it any more`, {
        cause: this.#failure,
      }),
    );
  }

  sendStarted(send: TransactionalSend): void {
    this.#sends.add(send);
  }

  /** @param failure of a send that failed: a transaction with a hole in it does not commit */
  sendEnded(send: TransactionalSend, failure: Error | undefined): void {
    this.#sends.delete(send);
    if (failure !== undefined) this.fail(failure);
    if (this.#sends.size === 0) this.#whenIdle?.();
  }

  settle(settlement: TransactionalSettlement): void {
    this.#settlements.push(settlement);
  }

  /** It will not commit, whatever its work does. */
  fail(cause: Error): void {
    if (this.#failure !== undefined || this.#state !== 'active') return;
    this.#failure = cause;
    this.#controller.abort(cause);
    for (const send of this.#sends) send.abort();
  }

  /** Takes no more parts. Resolves when no send is without an outcome. */
  async ending(): Promise<void> {
    this.#isEnding = true;
    if (this.#sends.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
  }

  /** Right before the commit. `false`: a message came over a link that is gone, so its settlement cannot be part of it. */
  writeSettlements(): boolean {
    // All or none: one that is not written is still to be settled otherwise after the rollback.
    if (!this.#settlements.every(({ isWritable }) => isWritable)) return false;
    try {
      return this.#settlements.every((settlement) => settlement.writeWithin(this.id));
    } finally {
      // Also what was written before one that could not be: behind the rollback the peer would not know its transaction.
      for (const settlement of this.#settlements) settlement.flush();
    }
  }

  /** Its end, once. */
  ended(state: Exclude<Transaction['state'], 'active'>, cause?: unknown): void {
    if (this.#state !== 'active') return;
    if (state !== 'committed') this.fail(asError(cause));
    this.#isEnding = true;
    this.#state = state;
    for (const settlement of this.#settlements.splice(0)) {
      if (state === 'committed') settlement.committed();
      else settlement.undo();
    }
  }
}
