// A message arriving: sections and delivery in one object. The steps around the handler settle it here.

import { isDeepStrictEqual } from 'node:util';
import {
  ACCEPTED,
  DecodeError,
  decodeMessageInto,
  InvalidOptionsError,
  ownBytes,
  RELEASED,
  type AmqpMessage,
  type IncomingDelivery,
  type Outcome,
} from '../../protocol/index.js';
import type { CodecRegistry } from '../codec/codec-registry.js';
import { BodyTooLarge, compressionOf, decompress, type Compression } from '../codec/compression.js';
import { SettlementError, TransactionError } from '../errors.js';
import { checkRecord } from '../options/check.js';
import type { ObservedNode } from '../observer/observed-node.js';
import type { Observers } from '../observer/observers.js';
import type { Transaction } from '../transaction/transaction.js';
import { batchSections, isBatch, readBatch } from './batched-message.js';
import { Message } from './message.js';
import { RAW } from './raw-body.js';
import type {
  Delivery,
  DeliveryInfo,
  MessageRoute,
  Modification,
  ReceivedMessage,
  RejectOptions,
  SettleOptions,
  SettleResult,
} from './received-message.js';
import type { LocalTransaction, TransactionalSettlement } from '../transaction/local-transaction.js';

/** The receiving client, as its messages see it. */
export interface DeliveryHost {
  readonly address: string;
  /** For observers. */
  readonly node: ObservedNode;
  readonly maxMessageBytes: number;
  readonly codecs: CodecRegistry;
  readonly observers: Observers;
  /** What observers are told of who consumes; absent: nobody that has a name. */
  readonly consumerName?: string | undefined;
  /** The outcome as this peer understands it. */
  outcomeFor(outcome: Outcome): Outcome;
  /** The way it came, as this peer tells it. */
  routeOf?(message: AmqpMessage): MessageRoute;
  /** Absent: its messages are not settled within transactions. */
  readonly transactional?: TransactionalHost | undefined;
}

/** The same, for messages that are settled within transactions. */
export interface TransactionalHost {
  /** The transaction, when its messages may be settled in it. @throws TransactionError, InvalidOptionsError */
  settlesIn(transaction: Transaction): LocalTransaction;
  /** Whether this peer takes the outcome within one; where it does not, it is written right after the commit. */
  writesWithin(outcome: Outcome): boolean;
  /** Writes what was settled. */
  flush(): void;
  /** A settlement was undone with its transaction; the message is in hand again. */
  rolledBack(message: IncomingMessage): void;
}

/** What stands between deliveries of one client; made once per message, so it holds only what every message needs. */
export class IncomingMessage extends Message implements ReceivedMessage, TransactionalSettlement {
  readonly #host: DeliveryHost;
  readonly #incoming: IncomingDelivery;
  #raw: unknown = undefined;
  #compression: Compression | undefined = undefined;
  #failure: { readonly error: unknown } | undefined = undefined;
  #lane: string | undefined = undefined;
  #outcome: Outcome | undefined = undefined;
  #result: SettleResult | undefined = undefined;
  /** `undone`: a settlement within a transaction came to nothing. `gone`: it is the peer's, which delivers it again. */
  #rollback: 'undone' | 'gone' | undefined = undefined;
  #attempt = 1;
  #controller: AbortController | undefined = undefined;
  #abortReason: Error | undefined = undefined;
  #keeper: Set<IncomingMessage> | undefined = undefined;

  constructor(host: DeliveryHost, incoming: IncomingDelivery) {
    super();
    this.#host = host;
    this.#incoming = incoming;
  }

  /** Fills the sections from borrowed bytes. Never throws: what cannot be read becomes `failure`. */
  read(payload: Buffer, start: number, end: number): void {
    if (this.#incoming.oversized) {
      const limit = `${this.#host.maxMessageBytes} bytes`;
      this.#fail(`is larger than maxMessageBytes (${limit}) and was discarded`, {
        code: 'message-too-large',
        condition: 'amqp:link:message-size-exceeded',
      });
      return;
    }
    try {
      decodeMessageInto(this, payload, start, end, 'borrowed');
      if (this.bodyType === 'data')
        this.body = batchSections(this.#incoming.messageFormat, payload, start, end) ?? this.body;
    } catch (cause) {
      this.#raw = Buffer.from(payload.subarray(start, end));
      this.#fail('is malformed', { cause });
      return;
    }
    this.#compression = compressionOf(this);
    if (this.#compression === undefined) this.#decode();
    else if (Buffer.isBuffer(this.body)) this.#raw = this.body = ownBytes(this.body, 0, this.body.length);
  }

  /** Its body waits for `inflate`. */
  get isCompressed(): boolean {
    return this.#compression !== undefined;
  }

  /** Decompresses and decodes the body. Never rejects: what cannot be read becomes `failure`. */
  async inflate(): Promise<void> {
    const how = this.#compression;
    if (how === undefined || !Buffer.isBuffer(this.#raw)) return;
    this.#compression = undefined;
    try {
      this.body = await decompress(this.#raw, how, this.#host.maxMessageBytes);
    } catch (cause) {
      if (cause instanceof BodyTooLarge)
        this.#fail('is larger than maxMessageBytes once it is decompressed', {
          cause,
          code: 'message-too-large',
          condition: 'amqp:link:message-size-exceeded',
        });
      else this.#fail(`has a body that cannot be decompressed (${how})`, { cause });
      return;
    }
    const raw = this.#raw;
    this.#decode();
    // Sent on, it goes as it came.
    this.#raw = raw;
  }

  /** Why it cannot be handed to a handler: it could not be read, or not be sorted into a lane. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  failBeforeHandler(error: unknown): void {
    this.#failure ??= { error };
  }

  /** The key of the lane it was sorted into. */
  get lane(): string | undefined {
    return this.#lane;
  }

  set lane(key: string | undefined) {
    this.#lane = key;
  }

  get [RAW](): unknown {
    // Nearly nobody asks, so the bytes of a text are made again when somebody does.
    if (this.bodyType === 'data' && typeof this.#raw === 'string') this.#raw = Buffer.from(this.#raw);
    return this.#raw;
  }

  get delivery(): Delivery {
    return this;
  }

  get messageFormat(): number {
    return this.#incoming.messageFormat;
  }

  unbatch(): AmqpMessage[] {
    const raw = this.#raw;
    return isBatch(this.messageFormat, raw) ? readBatch(raw, this.#host) : [this];
  }

  get tag(): Buffer {
    return this.#incoming.tag;
  }

  get address(): string {
    return this.#host.address;
  }

  get deliveryCount(): number {
    return this.header?.deliveryCount ?? 0;
  }

  get redelivered(): boolean {
    if (this.deliveryCount > 0 || this.header?.firstAcquirer === false) return true;
    // RabbitMQ's quorum queues count here what was only released.
    return Number(this.messageAnnotations?.['x-delivery-count'] ?? 0) > 0;
  }

  get deliveryInfo(): DeliveryInfo {
    const { tag, address, redelivered, deliveryCount } = this;
    return { tag, address, redelivered, deliveryCount, ...this.#host.routeOf?.(this) };
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
    if (this.#outcome !== undefined && this.#result === undefined) this.#write(this.#outcome);
  }

  flush(): void {
    this.#host.transactional?.flush();
  }

  undo(): void {
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

  #decode(): void {
    try {
      this.#decodeBody();
    } catch (cause) {
      const type = this.properties?.contentType ?? 'no content type';
      this.#fail(`has a body that its codec cannot read (${type})`, { cause });
    }
  }

  #settleWithin(transaction: Transaction, outcome: Outcome): SettleResult {
    const { transactional } = this.#host;
    if (transactional === undefined)
      throw new TransactionError('unsupported', `a message from "${this.address}" cannot be settled in a transaction`);
    const own = transactional.settlesIn(transaction);
    if (this.isStale) {
      own.fail(new SettlementError('not-settled', `the link of a message from "${this.address}" is gone`));
      return 'stale';
    }
    this.#outcome = outcome;
    own.settle(this);
    return 'settled';
  }

  #write(outcome: Outcome, transactionId?: Buffer): SettleResult {
    const sent = outcome.kind === 'modified' ? this.#host.outcomeFor(outcome) : outcome;
    this.#result = this.#incoming.settle(sent, transactionId);
    this.#keeper?.delete(this);
    const { observers, address, node, consumerName: consumer } = this.#host;
    if (observers.watchesSettlements) observers.settled({ address, node, message: this, consumer, outcome });
    return this.#result;
  }

  async #settleOnce(outcome: Outcome, options: SettleOptions | undefined): Promise<SettleResult> {
    if (outcome.kind === 'rejected') checkRecord(outcome.info, 'info');
    if (outcome.kind === 'modified') checkRecord(outcome.messageAnnotations, 'messageAnnotations');
    if (options?.multiple === true) return this.#settleUpToHere(outcome, options);
    const before = this.outcome;
    if (before === undefined) return this.settle(outcome, options?.transaction);
    if (isDeepStrictEqual(before, outcome)) return this.#result ?? 'settled';
    if (this.#outcome === undefined)
      throw new SettlementError(
        'pre-settled',
        `the message from "${this.address}" was sent pre-settled and cannot be ${outcome.kind}`,
      );
    throw new SettlementError(
      'already-settled',
      `the message from "${this.address}" is ${before.kind} and cannot be ${outcome.kind}`,
    );
  }

  /** The body is borrowed until it is a text, or bytes of its own. @throws whatever the codec throws */
  #decodeBody(): void {
    const { codecs } = this.#host;
    const text = codecs.textOf(this);
    if (text !== undefined && this.#takeText(text)) return;
    if (this.bodyType === 'data' && Buffer.isBuffer(this.body)) this.body = ownBytes(this.body, 0, this.body.length);
    this.#raw = this.body;
    this.body = codecs.decode(this);
  }

  /** `false`: it has no value, and `decode` will say why. */
  #takeText(text: string): boolean {
    try {
      this.body = this.#host.codecs.valueOf(text, this);
    } catch {
      return false;
    }
    this.#raw = text;
    return true;
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

  #fail(what: string, facts: { code?: string; condition?: string; cause?: unknown }): void {
    const { code, condition = 'amqp:decode-error', cause } = facts;
    const error = new DecodeError(`a message from "${this.#host.address}" ${what}`, { condition, cause }, code);
    this.#failure = { error };
  }
}
