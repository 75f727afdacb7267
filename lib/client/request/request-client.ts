// A request leaving and its replies coming back: value -> reply address -> send client -> peer -> reply link -> promise.

import { InvalidOptionsError, type AmqpError } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import { describeTarget } from '../address/terminus.js';
import type { Closable } from '../client-context.js';
import { keyOf } from '../correlation.js';
import { SendError } from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { MessageIds } from '../message/message-ids.js';
import type { ReceivedMessage } from '../message/received-message.js';
import { checkSendOptions, mergeSendOptions, type SendOptions } from '../message/send-options.js';
import type { MessagingContext } from '../messaging-context.js';
import { nodeOfTarget, type ObservedNode } from '../observer/observed-node.js';
import { SendClient } from '../send/send-client.js';
import { PendingRequest, type RepliesTaken, type ReplyHandler, type RequestEvents } from './pending-request.js';
import { errorReply } from './error-reply.js';
import { ReplyLink, type ReplyLinkEvents } from './reply-link.js';
import type { ResolvedRequestClientOptions } from './request-client-options.js';
import { RequestFailures } from './request-failures.js';
import { RequestsInFlight } from './requests-in-flight.js';

const CLOSE_TIMEOUT_MS = 5_000;
const NO_OPTIONS: SendOptions = Object.freeze({});

/**
 * Sends requests to one target and gives back their replies. Any number may be in flight; all replies come over one link. It attaches
 * on first use.
 */
export class RequestClient implements Closable {
  /** The target in words. */
  readonly address: string;
  readonly #context: MessagingContext;
  readonly #target: Target;
  readonly #node: ObservedNode;
  readonly #options: ResolvedRequestClientOptions;
  readonly #ids = new MessageIds();
  readonly #link: ReplyLink;
  readonly #failures: RequestFailures;
  readonly #inFlight: RequestsInFlight;
  /** One for each reply address, so that no request goes out with an old one. */
  #sender: { readonly client: SendClient; readonly replyTo: string } | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  /** @internal Made by a connection. */
  constructor(
    context: MessagingContext,
    target: Target,
    options: ResolvedRequestClientOptions,
    maxMessageBytes: number,
  ) {
    this.address = describeTarget(target);
    this.#context = context;
    this.#target = target;
    this.#node = nodeOfTarget(target, false);
    this.#options = options;
    this.#failures = new RequestFailures(this.address, () => context.links.peerName);
    this.#inFlight = new RequestsInFlight(context);
    this.#link = new ReplyLink(context, this.address, maxMessageBytes, options, this.#linkEvents());
    context.register(this);
  }

  /**
   * Sends the value and resolves to the reply; of a stream of replies, to the first. Unless the options say otherwise the request is
   * not durable and lives as long as its time-out.
   *
   * @throws RequestTimeoutError when no reply came within `timeoutMs`; RequestError when an error reply came; SendError when the peer
   * did not take the request, or the signal was aborted; ConnectionError or LinkError at once when the connection or the reply link is
   * lost meanwhile; ClientClosedError
   */
  request(value: unknown, options?: SendOptions): Promise<ReceivedMessage> {
    return new Promise((resolve, reject) => {
      this.#start(value, options, 'one', {
        next: resolve,
        // A stream without a value: what says so is all there is.
        complete: (message) => message !== undefined && resolve(message),
        error: reject,
      });
    });
  }

  /**
   * @internal Sends the value and hands on every reply until the last. The options' signal ends it, as `abort` of what this gives does:
   * the handler is told, later replies are dropped. The time-out starts anew with each reply.
   */
  stream(
    value: unknown,
    options: SendOptions | undefined,
    handler: ReplyHandler,
    takes: RepliesTaken = 'all',
  ): PendingRequest | undefined {
    try {
      return this.#start(value, options, takes, handler);
    } catch (error) {
      handler.error(error);
      return undefined;
    }
  }

  /** @internal No request is in flight. */
  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** Requests in flight fail with a ClientClosedError at once; detaches. Never rejects; a second call waits for the first. */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? CLOSE_TIMEOUT_MS);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#failAll(this.#inFlight.all, this.#failures.closed());
    const sender = this.#sender?.client;
    this.#sender = undefined;
    await Promise.all([sender?.close({ timeoutMs: 0 }), this.#link.close(timeoutMs)]);
    this.#context.unregister(this);
  }

  /** @throws InvalidOptionsError, ClientClosedError, SendQueueFullError */
  #start(value: unknown, given: SendOptions | undefined, takes: RepliesTaken, handler: ReplyHandler): PendingRequest {
    if (this.#closing !== undefined) throw this.#failures.closed();
    const pending = this.#prepare(value, given, takes, handler);
    const { signal } = pending;
    if (signal?.aborted === true) throw this.#failures.aborted(pending);
    const { observers } = this.#context;
    if (observers.watchesRequests) pending.tokens = observers.requesting({ address: this.address, node: this.#node });
    this.#inFlight.add(pending);
    if (this.#sender !== undefined) this.#send(pending, this.#sender);
    else {
      this.#inFlight.putAside(pending);
      this.#link.want();
    }
    return pending;
  }

  #prepare(value: unknown, given: SendOptions | undefined, takes: RepliesTaken, handler: ReplyHandler): PendingRequest {
    const { send, timeoutMs: usual } = this.#options;
    const { waitingCount } = this.#inFlight;
    if (waitingCount >= send.maxPendingMessages) throw this.#failures.full(waitingCount);
    const asked = given === undefined ? NO_OPTIONS : checkSendOptions(given, '');
    const timeoutMs = asked.timeoutMs ?? usual;
    const options = mergeSendOptions(send.defaults ?? NO_OPTIONS, asked);
    options.ttlMs ??= timeoutMs;
    options.mandatory ??= true;
    // Both ids: some responders copy the one, some the other.
    options.messageId = asked.messageId ?? this.#ids.next();
    options.correlationId = asked.correlationId ?? options.messageId;
    const key = keyOf(options.correlationId);
    if (this.#inFlight.has(key))
      throw new InvalidOptionsError('correlationId', 'unlike those of the requests in flight', options.correlationId);
    return new PendingRequest(this.#events, key, value, options, timeoutMs, handler, takes);
  }

  #send(pending: PendingRequest, { client, replyTo }: { readonly client: SendClient; readonly replyTo: string }): void {
    pending.isSent = true;
    const { options } = pending;
    options.replyTo = replyTo;
    options.timeoutMs = Math.max(1, Math.ceil(pending.deadlineAt - performance.now()));
    const failed = (error: unknown): void => {
      const late = error instanceof SendError && error.code === 'timeout';
      this.#fail(pending, late ? this.#failures.timeout(pending, error) : error);
    };
    pending.send = client.submit(pending.value, options, failed, pending.tokens);
  }

  #replied(message: IncomingMessage): void {
    const pending = this.#inFlight.find(message.properties?.correlationId);
    if (pending === undefined) {
      this.#context.logger.debug?.(`"${this.address}": a reply to no request in flight was dropped`);
      return;
    }
    if (message.failure !== undefined) return this.#fail(pending, message.failure.error);
    const { handler } = pending;
    const kind = message.applicationProperties?.['x-reply'];
    switch (kind) {
      case 'error':
        return this.#fail(pending, errorReply(this.address, message.body));
      case 'complete':
        this.#inFlight.remove(pending);
        return handler.complete(message);
      case 'next':
        if (pending.takes === 'one') this.#inFlight.remove(pending);
        else this.#inFlight.waitForNext(pending);
        return handler.next(message);
      default:
        if (pending.takes === 'until-aborted' && kind === undefined) {
          this.#inFlight.waitForNext(pending);
          return handler.next(message);
        }
        this.#inFlight.remove(pending);
        handler.next(message);
        return handler.complete(undefined);
    }
  }

  #fail(pending: PendingRequest, error: unknown): void {
    if (this.#inFlight.remove(pending, error)) pending.handler.error(error);
  }

  #failAll(pending: readonly PendingRequest[], error: unknown): void {
    for (const each of pending) this.#fail(each, error);
  }

  readonly #events: RequestEvents = {
    expired: (pending) => this.#fail(pending, this.#failures.timeout(pending)),
    aborted: (pending) => {
      if (this.#inFlight.isOver(pending)) return;
      this.#fail(pending, this.#failures.aborted(pending));
      pending.send?.abort();
    },
  };

  #linkEvents(): ReplyLinkEvents {
    return {
      repliesTo: (replyTo) => {
        const options = { ...this.#options.send, role: 'request' } as const;
        const sender = { client: new SendClient(this.#context, this.#target, options), replyTo };
        this.#sender = sender;
        for (const pending of this.#inFlight.takeWaiting()) this.#send(pending, sender);
      },
      replied: (message) => this.#replied(message),
      linkLost: (error, refused) => this.#linkLost(error, refused),
      linkFailed: (error) => {
        this.#dropSender();
        this.#failAll(this.#inFlight.all, error);
      },
    };
  }

  /** What was sent will not be answered any more: nobody knows the next address. What was not goes on waiting for it. */
  #linkLost(error: AmqpError, refused: boolean): void {
    this.#dropSender();
    this.#failAll(
      this.#inFlight.all.filter((pending) => refused || pending.isSent),
      error,
    );
  }

  #dropSender(): void {
    const sender = this.#sender?.client;
    this.#sender = undefined;
    void sender?.close({ timeoutMs: 0 }); // never rejects; what it still held is failed here
  }
}
