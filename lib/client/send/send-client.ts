// A message leaving, first step: value -> codec -> pending send. The rest is the sender's.

import { encodeMessage, type AmqpMessage } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import { describeTarget } from '../address/terminus.js';
import type { Closable } from '../client-context.js';
import { ClientClosedError } from '../errors.js';
import type { MessagingContext } from '../messaging-context.js';
import { bytesOf } from '../message/body-bytes.js';
import { createMessage } from '../message/create-message.js';
import { MessageIds } from '../message/message-ids.js';
import { OutgoingMessages } from '../message/outgoing-message.js';
import { checkSendOptions, mergeSendOptions, type SendOptions } from '../message/send-options.js';
import { PendingSend } from './pending-send.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';
import { SendFailures } from './send-failures.js';
import { SendRoom } from './send-room.js';
import type { SendResult, SendSuccess } from './send-result.js';
import { Sender } from './sender.js';

/** A transfer that holds encoded messages, one per data section. */
const BATCH_FORMAT = 0x8001_3700;
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
  readonly #isAnonymous: boolean;
  readonly #messages: OutgoingMessages;
  readonly #failures: SendFailures;
  readonly #room: SendRoom;
  readonly #sender: Sender;
  #resolve: ((result: SendResult) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  /** @internal Made by a connection. */
  constructor(context: MessagingContext, target: Target, options: ResolvedSendClientOptions) {
    this.address = describeTarget(target);
    this.#context = context;
    this.#options = options;
    this.#isAnonymous = target === null;
    this.#messages = new OutgoingMessages(context.codecs.preferring(options.codec), new MessageIds());
    this.#failures = new SendFailures(this.address, () => context.links.peerName);
    this.#room = new SendRoom(this.address, options);
    this.#sender = new Sender({ target, options, room: this.#room, failures: this.#failures, context });
    context.register(this);
  }

  /** Messages queued, or sent without an outcome, in the order of the calls. */
  get pendingMessages(): readonly AmqpMessage[] {
    const { held, queued, sent, delayed } = this.#sender;
    const pending = [held, queued, sent, delayed].flatMap((list) => list.snapshot());
    return pending.toSorted((a, b) => a.sequence - b.sequence).map(({ message }) => message);
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
      pending = this.#prepare(value, options);
    } catch (error) {
      return Promise.reject(this.#failures.encode(error));
    }
    // One function for all promises: a closure for each would be the larger part of a send's garbage.
    const promise = new Promise<SendResult>(this.#capture);
    pending.resolve = this.#resolve;
    pending.reject = this.#reject;
    this.#sender.submit(pending, this.#options.whenFull);
    // True: with `reject` set, only a success is resolved.
    return promise as Promise<SendSuccess>;
  }

  /**
   * @internal Sends with options that were checked and hold the defaults already. Only a failure is told; what it gives takes the
   * message back while it is pending.
   */
  submit(value: unknown, options: SendOptions, failed: (error: unknown) => void): PendingSend | undefined {
    let pending: PendingSend;
    try {
      pending = this.#make(value, options);
    } catch (error) {
      failed(this.#failures.encode(error));
      return undefined;
    }
    pending.reject = failed;
    this.#sender.submit(pending, this.#options.whenFull);
    return pending;
  }

  /**
   * Sends each value and resolves with what became of each, in order. Where the queue is full it waits for room,
   * whatever `whenFull` says. The values are taken as there is room for them; only what their iterator throws rejects.
   */
  async sendBatch(
    values: Iterable<unknown>,
    options?: SendOptions | ((value: unknown, index: number) => SendOptions),
  ): Promise<SendResult[]> {
    const results: Promise<SendResult>[] = [];
    for (const value of values) {
      // Not more than one of ours in the waiting room: the rest of the batch need not exist yet.
      if (!this.#sender.isClosed && this.#room.waiting.size > 0) await this.#room.ready();
      const index = results.length;
      results.push(
        this.#sendForResult(value, typeof options === 'function' ? (): SendOptions => options(value, index) : options),
      );
    }
    return Promise.all(results);
  }

  /**
   * Sends all values in one transfer of message format 0x80013700, each an encoded message in a data section, for peers that take such
   * batches apart (Azure). The options stand on each and on the whole; a `messageId` on the whole only. Its size is checked here.
   */
  async sendBatchMessage(values: Iterable<unknown>, options: SendOptions = {}): Promise<SendSuccess> {
    let batch: AmqpMessage;
    try {
      const { messageId: _whole, ...each } = { ...this.#optionsOf(options) };
      const parts = Array.from(values, (value) => encodeMessage(this.#messages.make(value, each)));
      if (parts.length === 0) throw new TypeError('a batch message needs at least one value');
      batch = createMessage({ body: parts, bodyType: 'data' });
    } catch (error) {
      throw this.#failures.encode(error);
    }
    const { contentType: _inner, bodyType: _body, applicationProperties: _properties, ...whole } = options;
    return this.#promised(batch, whole, BATCH_FORMAT);
  }

  /**
   * Puts a message aside until `sendAllMessages`. It counts as pending meanwhile.
   *
   * @throws SendQueueFullError, EncodeError, ClientClosedError
   */
  queueMessage(value: unknown, options?: SendOptions): AmqpMessage {
    this.#checkOpen();
    let pending: PendingSend;
    try {
      pending = this.#prepare(value, options);
    } catch (error) {
      throw this.#failures.encode(error);
    }
    this.#sender.hold(pending);
    return pending.message;
  }

  /** Sends what was queued and resolves with what became of each, in order. The time-outs start now. */
  sendAllMessages(): Promise<SendResult[]> {
    return Promise.all(
      this.#sender.held.snapshot().map(
        (pending) =>
          new Promise<SendResult>((resolve) => {
            pending.resolve = resolve;
            this.#sender.releaseHeld(pending);
          }),
      ),
    );
  }

  /** Resolves when there is room for a message again; at once when there is. Rejects ClientClosedError. */
  async ready(): Promise<void> {
    this.#checkOpen();
    while (!this.#room.hasRoom) {
      await this.#room.ready();
      this.#checkOpen();
    }
  }

  /** @internal Resolves when no send is pending, at the latest after `timeoutMs`; further messages are taken. */
  flush(options: { readonly timeoutMs: number }): Promise<void> {
    return this.#sender.flush(options.timeoutMs);
  }

  /**
   * Takes no more messages, waits up to `timeoutMs` (5 000) for those that are pending, fails the rest and detaches. Never rejects; a
   * second call waits for the first. What was queued but never sent stays in `pendingMessages`.
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#sender.close(options.timeoutMs ?? CLOSE_TIMEOUT_MS).finally(() => {
      this.#context.unregister(this);
    });
    return this.#closing;
  }

  async #sendForResult(value: unknown, options: SendOptions | (() => SendOptions) | undefined): Promise<SendResult> {
    try {
      const pending = this.#prepare(value, typeof options === 'function' ? options() : options);
      return await new Promise<SendResult>((resolve) => {
        pending.resolve = resolve;
        this.#sender.submit(pending, 'queue');
      });
    } catch (error) {
      return { ok: false, error: this.#failures.encode(error), attempts: 0 };
    }
  }

  #promised(message: AmqpMessage, options: SendOptions, format: number): Promise<SendSuccess> {
    return new Promise((resolve, reject) => {
      const pending = this.#prepare(message, options);
      pending.messageFormat = format;
      // True: with `reject` set, only a success is resolved.
      pending.resolve = resolve as (result: SendResult) => void;
      pending.reject = reject;
      this.#sender.submit(pending, this.#options.whenFull);
    });
  }

  readonly #capture = (resolve: (result: SendResult) => void, reject: (error: unknown) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  /** @throws anything; the caller makes an EncodeError of it */
  #prepare(value: unknown, given: SendOptions | undefined): PendingSend {
    return this.#make(value, this.#optionsOf(given));
  }

  /** @throws as `#prepare` */
  #make(value: unknown, options: SendOptions | undefined): PendingSend {
    let message = this.#messages.make(value, options);
    const pending = new PendingSend(this.#sender, message, this.#options.settleMode === 'settled');
    if (this.#context.observers.watchesSends) {
      const observed = this.#context.observers.sending(this.address, message);
      message = observed.message;
      pending.message = message;
      pending.tokens = observed.tokens;
    }
    pending.bytes = bytesOf(message);
    pending.timeoutMs = options?.timeoutMs ?? this.#options.sendTimeoutMs;
    if (this.#isAnonymous && message.properties?.to === undefined)
      throw new TypeError("on the anonymous target each message needs the option 'to'");
    if (options !== undefined) {
      pending.mandatory = options.mandatory;
      pending.signal = options.signal;
      pending.transaction = options.transaction;
    }
    if (this.#isAnonymous || options?.delayMs !== undefined)
      pending.unfinished = { address: this.#isAnonymous, delayMs: options?.delayMs };
    return pending;
  }

  #optionsOf(given: SendOptions | undefined): SendOptions | undefined {
    const { defaults } = this.#options;
    if (given === undefined) return defaults;
    const checked = checkSendOptions(given, '');
    return defaults === undefined ? checked : mergeSendOptions(defaults, checked);
  }

  #checkOpen(): void {
    if (this.#sender.isClosed) throw new ClientClosedError(`the send client for "${this.address}" is closed`);
  }
}
