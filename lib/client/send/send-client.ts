// A message leaving: the calls of an application -> pending sends -> promises. The rest is the sender's.

import { AmqpError, type AmqpMessage } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import { describeTarget } from '../address/terminus.js';
import type { Closable } from '../client-context.js';
import { ClientClosedError, type SendError } from '../errors.js';
import type { MessagingContext } from '../messaging-context.js';
import type { RequestTokens } from '../observer/observers.js';
import type { SendOptions } from '../message/send-options.js';
import { LocalTransaction } from '../transaction/local-transaction.js';
import type { Transaction } from '../transaction/transaction.js';
import { BulkSends } from './bulk-sends.js';
import type { PendingMessage } from './pending-message.js';
import type { PendingSend } from './pending-send.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';
import { SendFailures } from './send-failures.js';
import { SendLanes } from './send-lanes.js';
import type { AttachedLink, SendClientState } from './send-link.js';
import { SendPreparation, UNOBSERVED } from './send-preparation.js';
import type { BatchSuccess, SendResult, SendSuccess } from './send-result.js';

const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Sends messages to one target. It attaches on first use and survives lost links and connections.
 *
 * Messages are written in the order of the calls while none has to be retried. Sends do not wait for each other's outcome.
 */
export class SendClient implements Closable {
  /** The target in words: `orders`, `events/created`, `anonymous`. */
  readonly address: string;
  readonly #context: MessagingContext;
  readonly #options: ResolvedSendClientOptions;
  readonly #failures: SendFailures;
  readonly #lanes: SendLanes;
  readonly #preparation: SendPreparation;
  readonly #bulk: BulkSends;
  #resolve: ((result: SendResult) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  /** @internal Made by a connection. */
  constructor(context: MessagingContext, target: Target, options: ResolvedSendClientOptions) {
    this.address = describeTarget(target);
    this.#context = context;
    this.#options = options;
    const { links } = context;
    this.#failures = new SendFailures(
      this.address,
      () => links.peerName,
      () => links.connectionFailure,
      (condition) => links.profile?.passingRejections.has(condition) === true,
    );
    this.#lanes = new SendLanes({ target, options, failures: this.#failures, context });
    this.#preparation = new SendPreparation(context, target, options, this.#lanes);
    this.#bulk = new BulkSends({
      address: this.address,
      context,
      options,
      lanes: this.#lanes,
      preparation: this.#preparation,
      failures: this.#failures,
      unsendable: (cause, given) => this.#unsendable(cause, given),
    });
    context.register(this);
  }

  /**
   * Messages queued, or sent without an outcome, in the order of the calls. They are for looking at: what is written into the bytes of a
   * body may reach the peer, or a part of it.
   */
  get pendingMessages(): readonly AmqpMessage[] {
    return this.pending.map(({ message }) => message);
  }

  /** The same messages, each with how far it is. What was queued and never sent is still here after `close()`. */
  get pending(): readonly PendingMessage[] {
    return this.#lanes.pending;
  }

  get state(): SendClientState {
    return this.#lanes.main.sender.link.state;
  }

  /** What was agreed on with the peer, and the credit now; `undefined` while there is no link. */
  get link(): AttachedLink | undefined {
    return this.#lanes.main.sender.link.attachedLink;
  }

  /**
   * Attaches now instead of with the first send; at once when it is attached.
   *
   * Rejects LinkError, ConnectionError, AmqpTimeoutError, ClientClosedError.
   */
  async attach(): Promise<void> {
    this.#checkOpen();
    await this.#lanes.main.sender.link.attachNow(undefined);
  }

  /**
   * Sends one value, or a message made by `createMessage`, and resolves when the peer has accepted it (`settleMode: 'settled'`: when it
   * is written).
   *
   * Rejects with a SendError and nothing else. Its `delivered` says whether the peer may have the message.
   */
  send(value: unknown, options?: SendOptions): Promise<SendSuccess> {
    let pending: PendingSend;
    try {
      pending = this.#preparation.prepare(value, options);
    } catch (error) {
      return reportedBy(options?.transaction, Promise.reject(this.#unsendable(error, options)));
    }
    // One function for all promises: a closure for each would be the larger part of a send's garbage.
    const promise = new Promise<SendResult>(this.#capture);
    pending.resolve = this.#resolve;
    pending.reject = this.#reject;
    this.#lanes.of(pending.transaction).sender.submit(pending, this.#options.whenFull);
    // True: with `reject` set, only a success is resolved.
    return reportedBy(pending.transaction, promise as Promise<SendSuccess>);
  }

  /**
   * @internal Sends with options that were checked and hold the defaults already. Only a failure is told; what it gives takes the
   * message back while it is pending.
   *
   * @param requested of the request that the message is
   */
  submit(
    value: unknown,
    options: SendOptions,
    failed: (error: unknown) => void,
    requested: RequestTokens | undefined,
  ): PendingSend | undefined {
    let pending: PendingSend;
    try {
      pending = this.#preparation.make(value, options, { isObserved: true, requested });
    } catch (error) {
      failed(this.#unsendable(error, options));
      return undefined;
    }
    pending.reject = failed;
    this.#lanes.of(pending.transaction).sender.submit(pending, this.#options.whenFull);
    return pending;
  }

  /**
   * Sends each value and resolves with what became of each, in order. Where the queue is full it waits for room,
   * whatever `whenFull` says. The values are taken as there is room for them; only what their iterator throws rejects.
   */
  sendBatch(
    values: Iterable<unknown>,
    options?: SendOptions | ((value: unknown, index: number) => SendOptions),
  ): Promise<SendResult[]> {
    return this.#bulk.each(values, options);
  }

  /**
   * Sends all values in one transfer of message-format 0x80013700, each an encoded message in a data section, for peers that take such
   * batches apart (Azure, the embedded broker) and receivers that do (`message.unbatch()`). What does not fit into one transfer of the
   * peer's max-message-size goes out in several, in order. The options stand on each message and on the whole; a `messageId` on the first
   * transfer only. With `compress` the batch goes out when the bodies of all its messages are compressed. The values are taken once, and
   * nothing is sent unless every one of them can be.
   *
   * Rejects as `send` does: MessageTooLargeError names the values that fit into no transfer; BatchSendError says what became of each
   * transfer when there were several and one of them failed.
   */
  sendBatchMessage(values: Iterable<unknown>, options: SendOptions = {}): Promise<BatchSuccess> {
    const sent = this.#bulk.asOne(values, options);
    // Whatever it is: also what was found out before there was a message of which the transaction knew.
    if (options.transaction !== undefined) sent.catch((error: unknown) => this.#unsendable(error, options));
    return reportedBy(options.transaction, sent);
  }

  /**
   * Puts a message aside until `sendAllMessages`. It counts as pending meanwhile. A body that is written into is sent as it is
   * when the message is encoded, never in part.
   *
   * @throws SendQueueFullError, EncodeError, ClientClosedError
   */
  queueMessage(value: unknown, options?: SendOptions): AmqpMessage {
    this.#checkOpen();
    let pending: PendingSend;
    try {
      pending = this.#preparation.prepare(value, options, UNOBSERVED);
    } catch (error) {
      throw this.#unsendable(error, options);
    }
    this.#lanes.of(pending.transaction).sender.hold(pending);
    return pending.share();
  }

  /** Sends what was queued and resolves with what became of each, in order. The time-outs start now. */
  sendAllMessages(): Promise<SendResult[]> {
    return Promise.all(
      this.#lanes.held.map(
        (pending) =>
          new Promise<SendResult>((resolve) => {
            pending.resolve = resolve;
            this.#preparation.sendHeld(pending);
            this.#lanes.of(pending.transaction).sender.releaseHeld(pending);
          }),
      ),
    );
  }

  /** Resolves when there is room for a message again; at once when there is. Rejects ClientClosedError. */
  async ready(): Promise<void> {
    this.#checkOpen();
    const { room } = this.#lanes.main;
    while (!room.hasRoom) {
      await room.ready();
      this.#checkOpen();
    }
  }

  /** @internal All that was sent is on its way to the peer, and no more than `most` of it without an outcome. */
  hasWritten(most: number): boolean {
    return this.#lanes.main.sender.hasWritten(most);
  }

  /** @internal Resolves when no send is pending, at the latest after `timeoutMs`; further messages are taken. */
  async flush(options: { readonly timeoutMs: number }): Promise<void> {
    await Promise.all(this.#lanes.all.map(({ sender }) => sender.flush(options.timeoutMs)));
  }

  /**
   * Takes no more messages, waits up to `timeoutMs` (5 000) for those that are pending, fails the rest and detaches. Never rejects; a
   * second call waits for the first. What was queued but never sent stays in `pendingMessages`.
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? CLOSE_TIMEOUT_MS);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    await Promise.all(this.#lanes.all.map(({ sender }) => sender.close(timeoutMs)));
    this.#context.unregister(this);
  }

  readonly #capture = (resolve: (result: SendResult) => void, reject: (error: unknown) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  /** It fails before it is a message; its transaction, where it has one, with it. */
  #unsendable(cause: unknown, { transaction }: SendOptions = {}): SendError {
    const error = this.#failures.encode(cause);
    if (transaction instanceof LocalTransaction) transaction.fail(error);
    return error;
  }

  #checkOpen(): void {
    if (this.#lanes.main.sender.isClosed)
      throw AmqpError.inOwnWords(new ClientClosedError(`the send client for "${this.address}" is closed`));
  }
}

/** Its transaction tells of a failure too: nobody who forgot to wait for the send shall lose the process. */
function reportedBy<T>(transaction: Transaction | undefined, promise: Promise<T>): Promise<T> {
  if (transaction !== undefined) promise.catch(() => undefined);
  return promise;
}
