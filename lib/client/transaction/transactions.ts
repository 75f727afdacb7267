// The transactions of one connection: declare, the user's work, discharge.

import { AmqpError, type CoordinatorLink } from '../../protocol/index.js';
import type { Closable, TransactionAccess } from '../client-context.js';
import { asError, atMost, deadline, raceSignal } from '../deadline.js';
import { AmqpTimeoutError, ClientClosedError, TransactionError } from '../errors.js';
import type { LinkSupervisor } from '../link/link-owner.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { Coordinator } from './coordinator.js';
import { LocalTransaction } from './local-transaction.js';
import type { Transaction } from './transaction.js';
import type { ResolvedTransactionOptions } from './transaction-options.js';

/** A peer that did not answer in time is not waited for when the link is dropped. */
const DROP_TIMEOUT_MS = 1;

interface Running {
  readonly transaction: LocalTransaction;
  readonly link: CoordinatorLink;
  /** The commit is out: only its answer says what became of it. */
  isDischarging: boolean;
}

export interface TransactionsOptions {
  readonly links: LinkSupervisor;
  /** The longest wait for the peer's answer to a commit or rollback. */
  readonly dischargeTimeoutMs: number;
}

export class Transactions implements Closable, TransactionAccess {
  /** What runs may still use the other clients. */
  readonly closesFirst = true;
  readonly #options: TransactionsOptions;
  readonly #coordinator: Coordinator;
  readonly #running = new Set<Running>();
  #whenIdle: (() => void) | undefined = undefined;
  #isClosed = false;
  /** The profile of the peer that refused the link. */
  #withoutCoordinator: PeerProfile | undefined = undefined;

  constructor(options: TransactionsOptions) {
    this.#options = options;
    this.#coordinator = new Coordinator(options.links, (link, error) => this.#lost(link, error));
  }

  /** @throws as `AmqpConnection.transaction` */
  async run<T>(work: (transaction: Transaction) => Promise<T>, options: ResolvedTransactionOptions): Promise<T> {
    const { timeoutMs, signal } = options;
    const late = (): Error =>
      AmqpError.inOwnWords(
        new AmqpTimeoutError(`the transaction was not ready to commit within timeoutMs (${timeoutMs} ms)`),
      );
    const wait = deadline(timeoutMs, late, signal);
    let running: Running | undefined;
    try {
      running = await this.#begin(wait.signal);
      const { transaction } = running;
      const result = await this.#work(running, work, wait.signal);
      wait.done();
      await this.#commit(running);
      return transaction.state === 'committed' ? result : Promise.reject(asError(transaction.failure));
    } finally {
      wait.done();
      if (running !== undefined) this.#over(running);
    }
  }

  /**
   * `any`: what came over any session may be settled within a transaction. `own`: only what came beside the coordinator. `none`: there
   * are no transactions, as far as this peer can be asked. Never rejects.
   */
  async reach(signal: AbortSignal): Promise<'any' | 'own' | 'none'> {
    const { profile } = this.#options.links;
    if (profile?.transactions !== true || profile === this.#withoutCoordinator) return 'none';
    try {
      return spansSessions(await this.#coordinator.ready(signal)) ? 'any' : 'own';
    } catch (error) {
      // Asked only to do better than without: whatever ails the coordinator is no reason not to go on.
      if (error instanceof TransactionError) this.#withoutCoordinator = profile;
      return 'none';
    }
  }

  /** Waits for those that run, then detaches: what still runs is rolled back. Never rejects. */
  async close({ timeoutMs = 0 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    const until = performance.now() + timeoutMs;
    this.#isClosed = true;
    if (this.#running.size > 0) await atMost(timeoutMs, new Promise<void>((resolve) => (this.#whenIdle = resolve)));
    const closed = AmqpError.inOwnWords(new ClientClosedError('the connection was closed'));
    await this.#coordinator.release(Math.max(1, until - performance.now()), closed);
  }

  async #begin(signal: AbortSignal): Promise<Running> {
    if (this.#isClosed) throw AmqpError.inOwnWords(new ClientClosedError('the connection is closed'));
    const link = await this.#coordinator.ready(signal);
    const id = await this.#declare(link, signal);
    const transaction = new LocalTransaction(id, this.#options.links, spansSessions(link));
    const running = { transaction, link, isDischarging: false };
    this.#running.add(running);
    return running;
  }

  async #declare(link: CoordinatorLink, signal: AbortSignal): Promise<Buffer> {
    try {
      return await link.declare({ signal });
    } catch (error) {
      // A declare without an answer may have begun one: it ends with its link.
      if (signal.aborted) await this.#startOver(link, asError(signal.reason));
      if (!(error instanceof AmqpError) || error.code !== 'rolled-back') throw error;
      const { condition } = error;
      const code = condition === 'amqp:not-implemented' ? 'unsupported' : 'rolled-back';
      throw AmqpError.inWordsOf(
        error,
        new TransactionError(code, `no transaction could be begun: ${error.message}`, { condition, cause: error }),
      );
    }
  }

  async #work<T>(running: Running, work: (transaction: Transaction) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { transaction } = running;
    try {
      const result = await raceSignal(callWork(work, transaction), signal);
      await raceSignal(transaction.ending(), signal);
      return result;
    } catch (error) {
      await this.#rollBack(running, error);
      if (!signal.aborted || error !== signal.reason || !(error instanceof AmqpTimeoutError)) throw error;
      throw rolledBack(error.message, error);
    }
  }

  async #commit(running: Running): Promise<void> {
    const { transaction, link } = running;
    const obstacle = transaction.failure ?? writeSettlements(transaction);
    if (obstacle !== undefined) {
      await this.#rollBack(running, obstacle);
      throw rolledBack(`the transaction was rolled back: ${obstacle.message}`, obstacle);
    }
    running.isDischarging = true;
    const { dischargeTimeoutMs } = this.#options;
    const wait = deadline(dischargeTimeoutMs, () =>
      AmqpError.inOwnWords(new AmqpTimeoutError(`no answer within ${dischargeTimeoutMs} ms`)),
    );
    try {
      await link.discharge(transaction.id, false, { signal: wait.signal });
      transaction.ended('committed');
    } catch (thrown) {
      const error = asError(thrown);
      const isCertain = error instanceof AmqpError && (error.code === 'rolled-back' || isRefusedCommit(error));
      const failure = isCertain
        ? rolledBack(`the transaction was not committed: ${error.message}`, error)
        : inDoubt(`the commit was sent, and nobody knows whether it was done: ${error.message}`, error);
      transaction.ended(isCertain ? 'rolled-back' : 'in-doubt', failure);
      // Whatever the peer still has of it goes with the link.
      if (wait.signal.aborted) await this.#startOver(link, error);
      throw failure;
    } finally {
      wait.done();
    }
  }

  /** Never rejects: what cannot be said to the peer it finds out when the link is gone. */
  async #rollBack({ transaction, link }: Running, cause: unknown): Promise<void> {
    const wasActive = transaction.state === 'active';
    transaction.ended('rolled-back', cause);
    if (!wasActive || !link.isOpen) return;
    const { dischargeTimeoutMs } = this.#options;
    const wait = deadline(dischargeTimeoutMs, () =>
      AmqpError.inOwnWords(new AmqpTimeoutError('the peer did not answer the rollback')),
    );
    try {
      await link.discharge(transaction.id, true, { signal: wait.signal });
    } catch (error) {
      await this.#startOver(link, asError(error));
    } finally {
      wait.done();
    }
  }

  /** Drops the link when it is still the one in use, and with it every transaction that it carries. */
  async #startOver(link: CoordinatorLink, cause: Error): Promise<void> {
    if (!link.isOpen) return;
    const error = AmqpError.inWordsOf(
      cause,
      new AmqpError('detached', `the link to the coordinator is dropped: ${cause.message}`, { cause }),
    );
    await this.#coordinator.release(DROP_TIMEOUT_MS, error);
  }

  #lost(link: CoordinatorLink, error: AmqpError): void {
    for (const running of this.#running)
      if (running.link === link && !running.isDischarging) running.transaction.ended('rolled-back', error);
  }

  #over(running: Running): void {
    this.#running.delete(running);
    if (this.#running.size === 0) this.#whenIdle?.();
  }
}

/** A peer that cannot reject the discharge ends the link with why (section 4.3). */
function isRefusedCommit({ condition }: AmqpError): boolean {
  return condition?.startsWith('amqp:transaction:') === true;
}

function spansSessions(link: CoordinatorLink): boolean {
  return link.capabilities.includes('amqp:multi-ssns-per-txn');
}

/** Also what it throws before it returns a promise. */
async function callWork<T>(work: (transaction: Transaction) => Promise<T>, transaction: Transaction): Promise<T> {
  return await work(transaction);
}

/** Why they cannot all be part of the commit. */
function writeSettlements(transaction: LocalTransaction): Error | undefined {
  try {
    if (transaction.writeSettlements()) return undefined;
  } catch (error) {
    return asError(error);
  }
  return AmqpError.inOwnWords(
    new AmqpError('detached', 'the link of a message that was settled in it is gone; the message comes again'),
  );
}

function rolledBack(message: string, cause: Error): TransactionError {
  const condition = cause instanceof AmqpError ? cause.condition : undefined;
  return AmqpError.inWordsOf(
    cause,
    new TransactionError('rolled-back', message, { cause, condition, retryable: true }),
  );
}

function inDoubt(message: string, cause: Error): TransactionError {
  const condition = cause instanceof AmqpError ? cause.condition : undefined;
  return AmqpError.inWordsOf(cause, new TransactionError('in-doubt', message, { cause, condition, retryable: false }));
}
