// A message arriving: concurrency gate -> (here) -> the handlers of its pattern -> replies -> policy -> settle.

import { Logger } from '@nestjs/common';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';

import {
  AmqpError,
  AmqpConnection,
  type AmqpLogger,
  ClientClosedError,
  type ConnectionStatus,
  InvalidOptionsError,
  type ReceivedMessage,
} from '../../client/index.js';
import { AmqpContext } from '../amqp-context.js';
import { Replies } from '../reply/replies.js';
import { answerRequest } from './answer-request.js';
import { failurePolicy } from './failure-policy.js';
import { readPacket, replyPacket } from './nest-packet.js';
import { keepOriginalErrors } from './original-errors.js';
import { PatternHandlers } from './pattern-handlers.js';
import { runEvent } from './run-event.js';
import { SourceIntake } from './source-intake.js';
import { type AmqpTransportEvents, type Application, TransportConnection } from './transport-connection.js';
import {
  type AmqpTransportOptions,
  type ResolvedTransportOptions,
  resolveTransportOptions,
} from './transport-options.js';
import { UnmatchedPatternError } from './unmatched.js';

/** The `transportId` of {@link AmqpTransportStrategy}: `@EventPattern('order.placed', AMQP_TRANSPORT)` is for this transport alone. */
export const AMQP_TRANSPORT: unique symbol = Symbol.for('nestjs-amqp10:transport');

/** What closing an own connection may take when the handlers are through. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Nest's microservices over AMQP 1.0: `app.connectMicroservice({ strategy: new AmqpTransportStrategy({ uri, sources }) })`.
 *
 * A request is accepted right behind its last reply, also the reply that tells of a failure. An event is accepted when all its handlers
 * are through; a failure goes to the error policy.
 */
export class AmqpTransportStrategy
  extends Server<AmqpTransportEvents, ConnectionStatus>
  implements CustomTransportStrategy
{
  /** Failures of events reach the error policy, so that Nest need not log them. */
  override readonly propagatesEventHandlerErrors: boolean = true;
  private readonly options: ResolvedTransportOptions;
  private readonly connection: TransportConnection;
  private handlers = new PatternHandlers();
  private application: Application | undefined;
  private readonly log: AmqpLogger = new Logger('AmqpTransportStrategy');
  private readonly intake: SourceIntake;
  private replies: Replies | undefined;
  private listening: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  /** @throws InvalidOptionsError for options that cannot work */
  constructor(options: AmqpTransportOptions) {
    super();
    this.options = resolveTransportOptions(options);
    this.intake = new SourceIntake(this.options);
    this.connection = new TransportConnection(this.options.connection);
    this.connection.on('status', ({ status }) => this.tell(status));
    this.setTransportId(AMQP_TRANSPORT);
    keepOriginalErrors();
  }

  /**
   * Called by Nest. Calls back when every source is attached, with an error when that could not be done or the server was closed;
   * nothing is open then. A second call waits for the first.
   */
  listen(callback: (error?: unknown) => unknown): void {
    this.listening ??= this.start();
    const listening = this.intake.isStopped ? Promise.reject(closed()) : this.listening;
    listening.then(
      () => callback(),
      async (error: unknown) => {
        await this.close();
        callback(error);
      },
    );
  }

  /** Stops the intake, waits for running handlers and their replies, then detaches; an own connection closes. Harmless twice. */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  /** `status`: each change of the connection. `error`: why it was lost or could not be had. */
  on<Event extends keyof AmqpTransportEvents>(event: Event, callback: AmqpTransportEvents[Event]): void {
    this.connection.on(event, callback);
  }

  /**
   * The AmqpConnection.
   *
   * @throws InvalidOptionsError for a connection's name that the application does not have (yet)
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as Nest declares it
  unwrap<T = AmqpConnection>(): T {
    // true: by Nest's convention the caller names the type
    return this.connection.get() as T;
  }

  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    // true: what stands in a decorator
    const route = this.normalizePattern(pattern as string);
    callback.isEventHandler = isEventHandler;
    callback.extras = extras;
    // Each handler of an event is called by itself, so that one that fails does not cut off the others.
    if (!this.messageHandlers.has(route)) this.messageHandlers.set(route, callback);
    this.handlers.add(route, callback, isEventHandler);
  }

  override getHandlerByPattern(pattern: string): MessageHandler | null {
    const found = this.handlers.find(this.routeOf(pattern), true);
    if (found === undefined) return null;
    return found.kind === 'request' ? found.handler : (found.handlers[0] ?? null);
  }

  /** @internal The connection; `undefined`: it has the name of one of AmqpModule's. */
  get givenConnection(): AmqpConnection | undefined {
    return this.connection.isNamed ? undefined : this.connection.get();
  }

  /** @internal The application's connections by name. */
  bind(application: Application): void {
    this.application ??= application;
    this.connection.bind(application);
  }

  private tell(status: ConnectionStatus): void {
    // oxlint-disable-next-line eslint/no-underscore-dangle -- Nest's name
    this._status$.next(status);
  }

  private async start(): Promise<void> {
    const connection = this.connection.get();
    if (this.options.inheritAppConfig) this.inherit();
    const { allow, serializer } = this.options;
    const replies = new Replies(connection, this.log, {
      allow: allow && ((address, request) => allow(address, this.contextOf(request, this.patternOf(request)))),
      encode: serializer && ((kind, body, request) => serializer.serialize(replyPacket(kind, body, request))),
    });
    this.replies = replies;
    this.tell(connection.status);
    this.connection.attend({ close: () => this.intake.stop() });
    await connection.open();
    if (this.intake.isStopped) throw closed();
    await this.intake.start(connection, {
      handle: (message) => this.handle(message, replies),
      policyOf: (errorPolicy) => failurePolicy(errorPolicy, this.options.unmatched, replies, this.log),
    });
  }

  /** In place of what Nest has compiled. */
  private inherit(): void {
    if (this.application === undefined)
      throw new InvalidOptionsError(
        'inheritAppConfig',
        'left out in an application without AmqpModule; { inheritAppConfig: true } of connectMicroservice does the same',
        true,
      );
    this.handlers = new PatternHandlers();
    this.messageHandlers.clear();
    for (const { pattern, handler, isEventHandler, extras } of this.application.patternHandlers(AMQP_TRANSPORT))
      this.addHandler(pattern, handler, isEventHandler, extras);
  }

  private async handle(message: ReceivedMessage, replies: Replies): Promise<unknown> {
    const { pattern, data } = await this.read(message);
    const replyTo = message.properties?.replyTo;
    const wantsReply = replyTo !== undefined && replyTo !== '';
    const found = pattern === undefined ? undefined : this.handlers.find(this.routeOf(pattern), wantsReply);
    if (found === undefined) throw new UnmatchedPatternError(pattern, message.address);
    const context = this.contextOf(message, pattern);
    return this.processing<unknown>(context, () =>
      found.kind === 'request'
        ? answerRequest(found.handler, data, context, replies.to(message), this.log)
        : runEvent(found.handlers, data, context),
    );
  }

  /** Between the hooks that instrumentation sets, which may run it inside a scope of their own. */
  private processing<T>(context: AmqpContext, run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (): Promise<T> => {
        const running = run().finally(() => this.onProcessingEndHook?.(AMQP_TRANSPORT, context));
        running.then(resolve, reject);
        return running;
      };
      try {
        // Typed as giving nothing, but an async hook gives a promise of its own.
        const hooked: unknown = this.onProcessingStartHook(AMQP_TRANSPORT, context, done);
        Promise.resolve(hooked).catch(reject);
      } catch (error) {
        reject(error);
      }
    });
  }

  private async read(message: ReceivedMessage): Promise<{ pattern: string | undefined; data: unknown }> {
    const { deserializer } = this.options;
    if (deserializer === undefined) return { pattern: this.patternOf(message), data: message.body };
    const { pattern, data } = await readPacket(deserializer, message);
    // true: normalizePattern takes whatever a pattern may be
    const own = pattern === undefined ? this.patternOf(message) : this.normalizePattern(pattern as string);
    return { pattern: own, data };
  }

  private patternOf(message: ReceivedMessage): string | undefined {
    const { pattern } = this.options;
    if (typeof pattern === 'function') return pattern(message);
    return pattern === 'address' ? message.address : message.properties?.subject;
  }

  /** An object pattern may be written in another order, or with spaces, by somebody who is not Nest. */
  private routeOf(pattern: string): string {
    return pattern.startsWith('{') ? this.getRouteFromPattern(pattern) : pattern;
  }

  private contextOf(message: ReceivedMessage, pattern: string | undefined): AmqpContext {
    return new AmqpContext(message, this.connection.get(), pattern);
  }

  private async closeAll(): Promise<void> {
    await this.intake.close();
    await this.replies?.close({ timeoutMs: CLOSE_TIMEOUT_MS });
    if (this.connection.isOwn) await this.connection.get().close({ timeoutMs: CLOSE_TIMEOUT_MS });
    this.connection.release();
  }
}

function closed(): ClientClosedError {
  return AmqpError.inOwnWords(new ClientClosedError('the server of the transport is closed'));
}
