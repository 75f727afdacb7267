import { AmqpError, InvalidOptionsError } from '../../protocol/index.js';
import type { Source } from '../address/address.js';
import { describeSource } from '../address/terminus.js';
import type { Closable } from '../client-context.js';
import { ClientClosedError } from '../errors.js';
import type { MessagingContext } from '../messaging-context.js';
import type { ReceivedMessage } from '../message/received-message.js';
import { checkGivenFunction, checkMs, checkObject, checkSignal, checkWhole } from '../options/check.js';
import { HandlerSubscription } from './handler-subscription.js';
import { MessageIterator } from './message-iterator.js';
import { Pull, type ReceiveBatchOptions } from './pull.js';
import type { ResolvedReceiveClientOptions } from './receive-client-options.js';
import { Receiver } from './receiver.js';
import { resolveSubscribeOptions, type SubscribeOptions } from './subscribe-options.js';
import type { Subscription } from './subscription.js';

const PULL_PREFETCH = 100;
const CLOSE_TIMEOUT_MS = 20_000;

/**
 * Receives messages from one source, by fetching (`receiveBatch`, iteration) or with a handler (`subscribe`). It attaches on first use
 * and survives lost links and connections.
 *
 * Each subscription has a link of its own, and so has fetching: they compete for the messages as separate consumers do.
 */
export class ReceiveClient implements Closable, AsyncIterable<ReceivedMessage> {
  /** @internal */
  readonly closesFirst = true;
  readonly #context: MessagingContext;
  readonly #source: Source;
  readonly #options: ResolvedReceiveClientOptions;
  readonly #subscriptions = new Set<HandlerSubscription>();
  /** The first link; the first that consumes takes it, also one that `attach()` brought up. */
  #first: Receiver;
  #isFirstFree = true;
  #pull: Pull | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  /** @internal Made by a connection. */
  constructor(context: MessagingContext, source: Source, options: ResolvedReceiveClientOptions) {
    this.#context = context;
    this.#source = source;
    this.#options = options;
    this.#first = new Receiver(context, source, options);
    context.register(this);
  }

  /** The source in words; for a dynamic one the peer's name for it, once attached. */
  get address(): string {
    return this.#first.address;
  }

  /** Attaches before the first use does. Resolves at once when it is attached. @throws LinkError, ConnectionError, ClientClosedError */
  async attach(): Promise<void> {
    this.#checkOpen();
    if (this.#first.isClosed) {
      this.#first = new Receiver(this.#context, this.#source, this.#options);
      this.#isFirstFree = true;
    }
    await this.#first.start('bounded');
  }

  /**
   * Up to `maxMessages` messages. It resolves as soon as there are that many, or when no more came for a moment after some did; with an
   * empty array when none came within `waitMs`. Never more than the prefetch are unsettled: beyond it the rest comes as the caller
   * settles. The caller settles each message ('at-most-once' excepted).
   *
   * @throws InvalidOptionsError, LinkError, ConnectionError, ClientClosedError, the signal's reason
   */
  async receiveBatch(options: ReceiveBatchOptions): Promise<ReceivedMessage[]> {
    this.#checkOpen();
    const checked = checkBatchOptions(options);
    return this.#pulling().receiveBatch(checked);
  }

  /**
   * One message, or `undefined` when the source has none now: the peer is asked, unless one is buffered. With `waitMs` it waits so long
   * for one. `prefetch: 0` keeps it to one message on the wire too.
   *
   * @throws as `receiveBatch`; AmqpTimeoutError when the peer does not answer
   */
  async get(
    options: Partial<Pick<ReceiveBatchOptions, 'waitMs' | 'signal'>> = {},
  ): Promise<ReceivedMessage | undefined> {
    const given = checkObject(options, 'get', ['waitMs', 'signal']);
    const waitMs = checkMs(given['waitMs'], 'get.waitMs', { default: 0 });
    const signal = checkSignal(given['signal'], 'get.signal');
    const [message] = await this.receiveBatch({ maxMessages: 1, waitMs, signal });
    return message;
  }

  /**
   * Takes the credit of fetching back. What the peer had for it is buffered when this resolves, and is what the next calls give; with
   * them goes new credit. Subscriptions have `pause()`.
   *
   * @throws AmqpTimeoutError when the peer does not answer; LinkError, ConnectionError when the link is lost meanwhile; the signal's reason
   */
  async drain(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#checkOpen();
    const given = checkObject(options, 'drain', ['signal']);
    const signal = checkSignal(given['signal'], 'drain.signal');
    signal?.throwIfAborted();
    await this.#pull?.drain(signal);
  }

  /**
   * Releases every message that was fetched and is not settled, and what is buffered: the peer delivers them again, to anybody. Settling
   * one of them afterwards in another way is an error. Pre-settled ones and those of a stream would not come again: they stay. Resolves to
   * how many were released. Subscriptions have a `recover()` of their own.
   */
  async recover(): Promise<number> {
    this.#checkOpen();
    return this.#pull?.recover() ?? 0;
  }

  /**
   * Messages as they come, until the client is closed, or none came for `idleTimeoutMs`. Leaving the loop gives back what was buffered,
   * unless another one waits for it. Rejects as `receiveBatch` does, and with the signal's reason.
   */
  messages(options: { readonly signal?: AbortSignal | undefined } = {}): MessageIterator {
    this.#checkOpen();
    const given = checkObject(options, 'messages', ['signal']);
    return new MessageIterator(this.#pulling(), checkSignal(given['signal'], 'messages.signal'));
  }

  /** `messages()` without a signal. */
  [Symbol.asyncIterator](): AsyncIterator<ReceivedMessage, undefined> {
    return this.messages();
  }

  /**
   * Calls the handler for each message, `concurrency` at a time. What the handler throws goes to the `errorPolicy`.
   *
   * @throws InvalidOptionsError, ClientClosedError
   */
  subscribe(
    handler: (messages: ReceivedMessage[]) => unknown,
    options: SubscribeOptions & { batch: NonNullable<SubscribeOptions['batch']> },
  ): Subscription;
  subscribe(handler: (message: ReceivedMessage) => unknown, options?: SubscribeOptions): Subscription;
  subscribe(handler: (input: never) => unknown, options?: SubscribeOptions): Subscription {
    this.#checkOpen();
    const resolved = resolveSubscribeOptions(options, this.#options);
    const checked = checkGivenFunction<(input: unknown) => unknown>(handler, 'handler');
    const receiver = this.#receiver(resolved);
    const subscription = new HandlerSubscription(receiver, checked, resolved, () => {
      this.#subscriptions.delete(subscription);
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /**
   * Stops the credit, waits up to `timeoutMs` (20 000) for handlers, gives back what no handler has seen, detaches. Messages that were
   * fetched and not settled come again. Never rejects; a second call waits for the first.
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? CLOSE_TIMEOUT_MS);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    const consumers = [...this.#subscriptions].map((subscription) => subscription.close({ timeoutMs }));
    if (this.#pull !== undefined) consumers.push(this.#pull.close(timeoutMs));
    await Promise.all(consumers);
    if (this.#isFirstFree) await this.#first.close(timeoutMs);
    this.#context.unregister(this);
  }

  #pulling(): Pull {
    this.#pull ??= new Pull(this.#receiver(this.#options), this.#options.prefetch ?? PULL_PREFETCH);
    return this.#pull;
  }

  /** The first link when it is free and attached alike; else one more. */
  #receiver(options: ResolvedReceiveClientOptions): Receiver {
    const isDynamic = typeof this.#source === 'object' && this.#source.dynamic === true;
    if (this.#isFirstFree) {
      this.#isFirstFree = false;
      if (!this.#first.wasStarted || attachesAlike(options, this.#options)) return this.#first.adopt(options);
      void this.#first.close(0);
    }
    if (!isDynamic) return new Receiver(this.#context, this.#source, options);
    // Another link would be another node: nobody would send to it.
    throw new InvalidOptionsError(
      'source',
      'one that is not dynamic for a second consumer',
      describeSource(this.#source),
    );
  }

  #checkOpen(): void {
    if (this.#closing !== undefined)
      throw AmqpError.inOwnWords(new ClientClosedError(`the receive client of "${this.address}" is closed`));
  }
}

function attachesAlike(left: ResolvedReceiveClientOptions, right: ResolvedReceiveClientOptions): boolean {
  return (
    (left.settlement === 'at-most-once') === (right.settlement === 'at-most-once') &&
    left.maxMessageBytes === right.maxMessageBytes &&
    left.transactional === right.transactional &&
    left.queues === right.queues
  );
}

function checkBatchOptions(options: ReceiveBatchOptions): ReceiveBatchOptions {
  const given = checkObject(options, 'receiveBatch', ['maxMessages', 'waitMs', 'signal']);
  const maxMessages = checkWhole(given['maxMessages'], 'maxMessages', {
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    default: undefined,
  });
  const waitMs = checkMs(given['waitMs'], 'waitMs', { default: undefined });
  if (maxMessages === undefined || waitMs === undefined)
    throw new InvalidOptionsError(maxMessages === undefined ? 'maxMessages' : 'waitMs', 'given', undefined);
  return { maxMessages, waitMs, signal: checkSignal(given['signal'], 'signal') };
}
