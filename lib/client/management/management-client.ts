// A management request and its answer: operation -> request link -> node -> answer link -> promise.

import { AmqpError, EncodingFailure, InvalidOptionsError, SizeFailure, type Outcome } from '../../protocol/index.js';
import type { Closable } from '../client-context.js';
import { findById } from '../correlation.js';
import {
  ClientClosedError,
  EncodeError,
  MessageTooLargeError,
  RequestTimeoutError,
  SendError,
  SendQueueFullError,
} from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { createMessage } from '../message/create-message.js';
import { MessageIds } from '../message/message-ids.js';
import type { MessagingContext } from '../messaging-context.js';
import { checkFunction, checkMs, checkObject, checkRecord, checkText } from '../options/check.js';
import type {
  ManagementRequest,
  ManagementResponse,
  ResolvedManagementClientOptions,
} from './management-client-options.js';
import { ManagementLink, type ManagementLinkEvents } from './management-link.js';
import { readResponse } from './management-response.js';
import { PendingOperation, type AnswerHandler, type OperationEvents } from './pending-operation.js';

const CLOSE_TIMEOUT_MS = 5_000;
const MAX_IN_FLIGHT = 10_000;
const REQUEST_NAMES: readonly (keyof ManagementRequest)[] = [
  'operation',
  'type',
  'body',
  'applicationProperties',
  'timeoutMs',
  'reshape',
];

/**
 * Asks a management node and gives back its answers. Any number of requests may be in flight. It attaches on first use, with a session
 * of its own, and survives lost links and connections.
 */
export class ManagementClient implements Closable {
  /** The address of the node. */
  readonly address: string;
  readonly #context: MessagingContext;
  readonly #options: ResolvedManagementClientOptions;
  readonly #ids = new MessageIds();
  readonly #link: ManagementLink;
  /** By message-id, in the order of the calls. */
  readonly #pending = new Map<string, PendingOperation>();
  /** Those of them that wait for the link or for credit. */
  readonly #waiting = new Set<PendingOperation>();
  #closing: Promise<void> | undefined = undefined;

  /** @internal Made by a connection. */
  constructor(context: MessagingContext, options: ResolvedManagementClientOptions, maxMessageBytes: number) {
    this.address = options.node;
    this.#context = context;
    this.#options = options;
    this.#link = new ManagementLink(context, options.node, maxMessageBytes, this.#linkEvents);
    context.register(this);
  }

  /**
   * Sends the request and resolves to its answer.
   *
   * @throws ManagementError when the status is not 2xx, unless the client is `raw`
   * @throws RequestTimeoutError when no answer came within `timeoutMs`; whether the node did it is not known
   * @throws ConnectionError or LinkError at once when the links are lost while it waits for its answer, or are refused
   * @throws SendError when the node did not take the request; DecodeError when its answer has no status or cannot be read
   * @throws InvalidOptionsError, ClientClosedError
   */
  async request<T = ManagementResponse>(request: ManagementRequest<T>): Promise<T> {
    const checked = checkRequest(request);
    const answer = await new Promise<IncomingMessage>((answered, failed) => {
      this.#start(checked, { answered, failed });
    });
    return readResponse(answer, checked, this.#options, this.#context.secrets);
  }

  /** Requests in flight fail with a ClientClosedError at once; detaches. Never rejects; a second call waits for the first. */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? CLOSE_TIMEOUT_MS);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#failAll(this.#pending.values(), this.#closedError());
    await this.#link.close(timeoutMs);
    this.#context.unregister(this);
  }

  /** @throws ClientClosedError, SendQueueFullError */
  #start(request: ManagementRequest<unknown>, handler: AnswerHandler): void {
    if (this.#closing !== undefined) throw this.#closedError();
    if (this.#pending.size >= MAX_IN_FLIGHT)
      throw AmqpError.inOwnWords(
        new SendQueueFullError(`${MAX_IN_FLIGHT} requests to "${this.address}" are in flight already`, this.address),
      );
    const { operation, type, body = null, applicationProperties, timeoutMs = this.#options.timeoutMs } = request;
    const id = this.#ids.next();
    const message = createMessage({
      header: { durable: false },
      properties: { messageId: id, to: this.address, replyTo: this.#link.replyTo },
      applicationProperties: { ...applicationProperties, operation, ...(type === undefined ? {} : { type }) },
      body,
      bodyType: 'value',
    });
    const pending = new PendingOperation(this.#operationEvents, id, message, timeoutMs, handler);
    this.#pending.set(id, pending);
    this.#waiting.add(pending);
    this.#context.deadlines.add(pending);
    this.#link.want();
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    for (const pending of this.#waiting) {
      try {
        if (!this.#link.send(pending)) return;
        pending.isSent = true;
        this.#waiting.delete(pending);
      } catch (error) {
        this.#fail(pending, this.#unsendable(error));
      }
    }
  }

  #answered(message: IncomingMessage): void {
    const pending = findById(this.#pending, message.properties?.correlationId);
    if (pending === undefined)
      this.#context.logger.debug?.(`"${this.address}": an answer to no request in flight was dropped`);
    else if (this.#forget(pending)) pending.handler.answered(message);
  }

  /** `false`: it was over before. */
  #forget(pending: PendingOperation): boolean {
    this.#waiting.delete(pending);
    this.#context.deadlines.remove(pending);
    return this.#pending.delete(pending.id);
  }

  #fail(pending: PendingOperation, error: unknown): void {
    if (this.#forget(pending)) pending.handler.failed(error);
  }

  #failAll(pending: Iterable<PendingOperation>, error: unknown): void {
    for (const each of pending) this.#fail(each, error);
  }

  readonly #operationEvents: OperationEvents = {
    expired: (pending) => {
      const where = `"${this.address}" at ${this.#context.links.peerName}`;
      this.#fail(
        pending,
        AmqpError.inOwnWords(new RequestTimeoutError(`no answer from ${where} within ${pending.timeoutMs} ms`)),
      );
    },
    settled: (pending, outcome) => {
      if (outcome !== undefined && outcome.kind !== 'accepted') this.#fail(pending, this.#refused(outcome));
    },
    lost: (pending, error) => this.#fail(pending, error),
  };

  readonly #linkEvents: ManagementLinkEvents = {
    linkSendable: () => this.#sendWaiting(),
    answered: (message) => this.#answered(message),
    // An answer to what was sent would go to a link that is no more. What was not sent waits for the next.
    linkLost: (error, refused) => {
      const over = [...this.#pending.values()].filter((pending) => refused || pending.isSent);
      this.#failAll(over, error);
    },
    linkFailed: (error) => this.#failAll(this.#pending.values(), error),
  };

  #refused(outcome: Exclude<Outcome, { kind: 'accepted' }>): SendError {
    const condition = outcome.kind === 'rejected' ? outcome.condition : undefined;
    const said = outcome.kind === 'rejected' ? [condition, outcome.description] : [];
    const details = said.filter((part) => part !== undefined && part !== '').join(', ');
    const message = `a request to "${this.address}" was ${outcome.kind}${details === '' ? '' : ` (${details})`}`;
    const retryable = outcome.kind !== 'rejected';
    const facts = { address: this.address, delivered: 'no', attempts: 1, condition, outcome, retryable } as const;
    return AmqpError.inOwnWords(new SendError(outcome.kind, message, facts));
  }

  #unsendable(cause: unknown): SendError {
    const known = cause instanceof EncodingFailure || cause instanceof SizeFailure || cause instanceof AmqpError;
    const why = known ? cause.message : 'it cannot be encoded';
    const Failure = cause instanceof SizeFailure ? MessageTooLargeError : EncodeError;
    return new Failure(`a request to "${this.address}" failed: ${why}`, this.address, { cause });
  }

  #closedError(): ClientClosedError {
    return AmqpError.inOwnWords(new ClientClosedError(`the management client of "${this.address}" is closed`));
  }
}

/** @throws InvalidOptionsError */
function checkRequest<T>(request: ManagementRequest<T>): ManagementRequest<T> {
  const given = checkObject(request, 'request', REQUEST_NAMES);
  if (checkText(given['operation'], 'request.operation') === undefined)
    throw new InvalidOptionsError('request.operation', 'a string that is not empty', undefined);
  checkText(given['type'], 'request.type');
  checkRecord(given['applicationProperties'], 'request.applicationProperties');
  checkMs(given['timeoutMs'], 'request.timeoutMs', { min: 1, default: undefined });
  checkFunction(given['reshape'], 'request.reshape');
  return request;
}
