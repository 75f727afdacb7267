// A message arriving: its delivery, in one object with its sections. The steps around the handler settle it here.

import { isDeepStrictEqual } from 'node:util';
import {
  AmqpError,
  ACCEPTED,
  EncodingFailure,
  InvalidOptionsError,
  RELEASED,
  type IncomingDelivery,
  type Outcome,
} from '../../protocol/index.js';
import { EncodeError, SettlementError, TransactionError } from '../errors.js';
import { checkRecord } from '../options/check.js';
import type { TransactionalSettlement } from '../transaction/local-transaction.js';
import type { Transaction } from '../transaction/transaction.js';
import { DecodedMessage } from './decoded-message.js';
import type { DeliveryHost } from './delivery-host.js';
import type {
  Delivery,
  Modification,
  ReceivedMessage,
  RejectOptions,
  SettleOptions,
  SettleResult,
} from './received-message.js';

export type { DeliveryHost, TransactionalHost } from './delivery-host.js';

/** What stands between deliveries of one client; made once per message, so it holds only what every message needs. */
export class IncomingMessage extends DecodedMessage implements ReceivedMessage, TransactionalSettlement {
  /**
   * Never used. While it lives so does the hidden class of all others, and the code that was compiled for them: where no message is in hand, a
   * full garbage collection would take both.
   */
  static readonly kept: object = new IncomingMessage(
    // True enough for what nobody calls.
    {} as DeliveryHost,
    {} as IncomingDelivery,
  );

  readonly #host: DeliveryHost;
  readonly #incoming: IncomingDelivery;
  #lane: string | undefined = undefined;
  #outcome: Outcome | undefined = undefined;
  #result: SettleResult | undefined = undefined;
  /** `undone`: a settlement within a transaction came to nothing. `gone`: it is the peer's, which delivers it again. */
  #rollback: 'undone' | 'gone' | undefined = undefined;
  #isInCommit = false;
  #attempt = 1;
  #controller: AbortController | undefined = undefined;
  #abortReason: Error | undefined = undefined;
  #keeper: Set<IncomingMessage> | undefined = undefined;

  constructor(host: DeliveryHost, incoming: IncomingDelivery) {
    super(host, incoming);
    this.#host = host;
    this.#incoming = incoming;
  }

  /** The key of the lane it was sorted into. */
  get lane(): string | undefined {
    return this.#lane;
  }

  set lane(key: string | undefined) {
    this.#lane = key;
  }

  get delivery(): Delivery {
    return this;
  }

  /** Somebody here said what becomes of it. */
  get isDecided(): boolean {
    return this.#outcome !== undefined;
  }

  get settled(): boolean {
    return this.#outcome !== undefined || this.#incoming.presettled;
  }

  get outcome(): Outcome | undefined {
    return this.#outcome ?? (this.#incoming.presettled ? ACCEPTED : undefined);
  }

  get attempt(): number {
    return this.#attempt;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Its last settlement was rolled back, and it was not settled since. */
  get wasRolledBack(): boolean {
    return this.#rollback !== undefined && this.#outcome === undefined;
  }

  /** Settled in a transaction that is not committed: whether the peer is done with it is not known yet. */
  get isInCommit(): boolean {
    return this.#isInCommit;
  }

  /** The link it came over is gone, or its transaction at the peer, and it was not settled before. */
  get isStale(): boolean {
    if (this.#rollback === 'gone') return true;
    return this.#outcome === undefined && !this.#incoming.link.isOpen && !this.#incoming.presettled;
  }

  /** A pre-settled one is handled: its place in the prefetch window may be taken by another. */
  done(): void {
    if (this.#incoming.presettled) this.#incoming.done();
  }

  /** The handler is about to be called again: a new signal, the next attempt. */
  nextAttempt(): void {
    this.#attempt++;
    this.#controller = undefined;
    this.#abortReason = undefined;
  }

  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** Stands in the set until it is settled. */
  keepIn(unsettled: Set<IncomingMessage>): void {
    unsettled.add(this);
    this.#keeper = unsettled;
  }

  /** Settles when nobody has yet; the way without a promise. */
  settle(outcome: Outcome, transaction?: Transaction): SettleResult {
    if (this.settled) return this.#result ?? 'settled';
    if (this.#rollback === 'gone') return 'stale';
    if (transaction !== undefined) return this.#settleWithin(transaction, outcome);
    const result = this.#write(outcome);
    this.#outcome = outcome;
    return result;
  }

  // What its transaction says: nothing is on the wire before the commit.

  get isWritable(): boolean {
    return this.#outcome !== undefined && this.#incoming.link.isOpen;
  }

  writeWithin(transactionId: Buffer): boolean {
    const outcome = this.#outcome;
    if (outcome === undefined || !this.isWritable) return false;
    if (this.#host.transactional?.writesWithin(outcome) !== true) return true;
    return this.#write(outcome, transactionId) === 'settled';
  }

  committed(): void {
    const outcome = this.#outcome;
    this.#isInCommit = false;
    if (outcome === undefined) return;
    if (this.#result === undefined) this.#write(outcome);
    else this.#tellSettled(this.#asSent(outcome));
  }

  flush(): void {
    this.#host.transactional?.flush();
  }

  undo(): void {
    this.#isInCommit = false;
    this.#rollback = this.#result === undefined ? 'undone' : 'gone';
    this.#outcome = undefined;
    this.#result = undefined;
    if (this.#rollback === 'undone') this.#host.transactional?.rolledBack(this);
  }

  accept(options?: SettleOptions): Promise<SettleResult> {
    return this.#settleOnce(ACCEPTED, options);
  }

  release(options?: SettleOptions): Promise<SettleResult> {
    return this.#settleOnce(RELEASED, options);
  }

  reject(condition = 'amqp:internal-error', description?: string, options?: RejectOptions): Promise<SettleResult> {
    const info = options?.info;
    const outcome = { kind: 'rejected', condition, description } as const;
    return this.#settleOnce(info === undefined ? outcome : { ...outcome, info }, options);
  }

  modify(change: Modification = {}, options?: SettleOptions): Promise<SettleResult> {
    const { deliveryFailed = false, undeliverableHere = false, messageAnnotations } = change;
    return this.#settleOnce({ kind: 'modified', deliveryFailed, undeliverableHere, messageAnnotations }, options);
  }

  #settleWithin(transaction: Transaction, outcome: Outcome): SettleResult {
    const { transactional } = this.#host;
    if (transactional === undefined)
      throw AmqpError.inOwnWords(
        new TransactionError('unsupported', `a message from "${this.address}" cannot be settled in a transaction`),
      );
    const own = transactional.settlesIn(transaction);
    if (this.isStale) {
      own.fail(
        AmqpError.inOwnWords(
          new SettlementError('not-settled', `the link of a message from "${this.address}" is gone`),
        ),
      );
      return 'stale';
    }
    this.#outcome = outcome;
    own.settle(this);
    return 'settled';
  }

  #write(outcome: Outcome, transactionId?: Buffer): SettleResult {
    const sent = this.#asSent(outcome);
    this.#result = this.#incoming.settle(sent, transactionId);
    this.#keeper?.delete(this);
    // Within a transaction it is true when that is committed.
    this.#isInCommit = transactionId !== undefined;
    if (!this.#isInCommit) this.#tellSettled(sent);
    return this.#result;
  }

  #asSent(outcome: Outcome): Outcome {
    return outcome.kind === 'modified' || outcome.kind === 'rejected' ? this.#host.outcomeFor(outcome) : outcome;
  }

  #tellSettled(outcome: Outcome): void {
    const { observers, address, node, consumerName: consumer } = this.#host;
    // A stale one reached nobody: the message comes again.
    if (observers.watchesSettlements && this.#result === 'settled')
      observers.settled({ address, node, message: this, consumer, outcome });
  }

  async #settleOnce(outcome: Outcome, options: SettleOptions | undefined): Promise<SettleResult> {
    if (outcome.kind === 'rejected') checkRecord(outcome.info, 'info');
    if (outcome.kind === 'modified') checkRecord(outcome.messageAnnotations, 'messageAnnotations');
    if (options?.multiple === true) return this.#settleUpToHere(outcome, options);
    const before = this.outcome;
    if (before === undefined) return this.#settleOrSay(outcome, options?.transaction);
    if (isDeepStrictEqual(before, outcome)) return this.#result ?? 'settled';
    if (this.#outcome === undefined)
      throw AmqpError.inOwnWords(
        new SettlementError(
          'pre-settled',
          `the message from "${this.address}" was sent pre-settled and cannot be ${outcome.kind}`,
        ),
      );
    throw AmqpError.inOwnWords(
      new SettlementError(
        'already-settled',
        `the message from "${this.address}" is ${before.kind} and cannot be ${outcome.kind}`,
      ),
    );
  }

  /** @throws EncodeError for an outcome that cannot be written, or is too large for a frame: it can be settled otherwise */
  #settleOrSay(outcome: Outcome, transaction: Transaction | undefined): SettleResult {
    try {
      return this.settle(outcome, transaction);
    } catch (cause) {
      if (!(cause instanceof EncodingFailure)) throw cause;
      const message = `an outcome for a message from "${this.address}" cannot be sent: ${cause.message}`;
      throw AmqpError.inOwnWords(new EncodeError(message, this.address, { cause }));
    }
  }

  /** Those before it that were fetched and not settled, then this one. */
  #settleUpToHere(outcome: Outcome, { transaction }: SettleOptions): Promise<SettleResult> {
    const before = this.#keeper;
    if (before === undefined && !this.#incoming.presettled && this.#outcome === undefined)
      throw new InvalidOptionsError('multiple', 'left out: the message was given to a handler, not fetched', true);
    if (before?.has(this) === true)
      for (const message of before) {
        if (message === this) break;
        message.settle(outcome, transaction);
      }
    return this.#settleOnce(outcome, { transaction });
  }
}
