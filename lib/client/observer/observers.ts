// The listeners of one connection, sorted by what they listen to, so that a message pays only for those that are there.

import type { AmqpMessage, Outcome } from '../../protocol/index.js';
import type { AmqpLogger } from '../client-context.js';
import type { AuthenticationStatus } from '../authentication/authentication-status.js';
import type { StatusEvent } from '../connection/status.js';
import type { PolicyDecision } from '../policy/handler-policy.js';
import type { SendResult } from '../send/send-result.js';
import type { ObservedConnection } from './observed-connection.js';
import type {
  ObservedDelivery,
  ObservedMessage,
  ObservedReceive,
  ObservedSend,
  Observer,
  SendObservation,
} from './observer.js';

/** Who was told of one thing, and the token of each: whoever comes later does not hear of its end alone. */
interface Told {
  readonly observers: readonly Observer[];
  readonly tokens: readonly unknown[];
}

/** What `sending` handed out for one message; goes back to `sent`. */
export type SendTokens = Told;
/** What `requesting` handed out for one request; goes back to `sending` and `replied`. */
export type RequestTokens = Told;
/** What `delivering` handed out for one message; goes back to `run`, `handled` and `runPolicy`. */
export type DeliveryTokens = Told;

type Runner = <T>(token: unknown, run: () => T) => T;

/** Calls every observer and contains what they throw. */
export class Observers {
  /** Whether any of them wants to hear of sends. */
  watchesSends = false;
  watchesRequests = false;
  watchesReceives = false;
  /** Whether any of them wants to hear of deliveries, or to run handlers. */
  watchesDeliveries = false;
  watchesSettlements = false;
  /** Replaced, never changed: those who were told of a message keep the list that they stood in. */
  #list: readonly Observer[] = [];
  readonly #logger: AmqpLogger;
  readonly #connection: ObservedConnection | undefined;
  readonly #complained = new Set<Observer>();

  /** @param connection whose they are; absent where there is none, in tests */
  constructor(list: readonly Observer[], logger: AmqpLogger, connection?: ObservedConnection) {
    this.#logger = logger;
    this.#connection = connection;
    this.#use(list.map((observer) => this.#own(observer)));
  }

  /** @returns what takes it away again; it still hears of the end of what it heard the beginning of */
  add(observer: Observer): () => void {
    const own = this.#own(observer);
    this.#use([...this.#list, own]);
    let isThere = true;
    return () => {
      if (isThere) this.#use(this.#list.toSpliced(this.#list.lastIndexOf(own), 1));
      isThere = false;
    };
  }

  status(event: StatusEvent): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onStatus?.(event));
  }

  authentication(status: AuthenticationStatus): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onAuthentication?.(status));
  }

  /**
   * The message with what the observers add to it, and their tokens.
   *
   * @param requested of the request that the message is
   */
  sending(
    event: Omit<ObservedSend, 'request'>,
    requested?: RequestTokens,
  ): { readonly message: AmqpMessage; readonly tokens: SendTokens } {
    const observers = this.#list;
    const { address, node } = event;
    let { message } = event;
    const tokens = observers.map((observer) => {
      // Written out: spreading it costs more than all the rest.
      const seen = { address, node, message, request: requested && tokenOf(observer, requested) };
      const observation = this.#guard(observer, () => observer.onSend?.(seen));
      if (observation !== undefined) message = withAdded(message, observation);
      return observation?.token;
    });
    return { message, tokens: { observers, tokens } };
  }

  sent({ observers, tokens }: SendTokens, result: SendResult): void {
    observers.forEach((observer, index) => this.#guard(observer, () => observer.onSent?.(tokens[index], result)));
  }

  requesting(event: Parameters<NonNullable<Observer['onRequest']>>[0]): RequestTokens {
    return this.#tell((observer) => observer.onRequest?.(event));
  }

  replied({ observers, tokens }: RequestTokens, error: unknown): void {
    observers.forEach((observer, index) => this.#guard(observer, () => observer.onReplied?.(tokens[index], error)));
  }

  received(event: ObservedReceive): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onReceive?.(event));
  }

  delivering(event: ObservedDelivery): DeliveryTokens {
    return this.#tell((observer) => observer.onDelivery?.(event));
  }

  /** Runs the handler inside all `runHandler`s, the first observer outermost. What the handler throws is thrown. */
  run<T>(told: DeliveryTokens, handler: () => T): T {
    return this.#runAll(told, 'runHandler', handler);
  }

  handled({ observers, tokens }: DeliveryTokens, error?: unknown): void {
    observers.forEach((observer, index) => this.#guard(observer, () => observer.onHandled?.(tokens[index], error)));
  }

  /** Runs the policy inside all `runPolicy`s. */
  runPolicy<T>(told: DeliveryTokens, policy: () => T): T {
    return this.#runAll(told, 'runPolicy', policy);
  }

  decided(event: ObservedMessage & { readonly error: unknown; readonly decision: PolicyDecision }): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onDecision?.(event));
  }

  settled(event: ObservedMessage & { readonly outcome: Outcome }): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onSettle?.(event));
  }

  #use(list: readonly Observer[]): void {
    this.#list = list;
    this.watchesSends = anyHas(list, 'onSend', 'onSent');
    this.watchesRequests = anyHas(list, 'onRequest', 'onReplied');
    this.watchesReceives = anyHas(list, 'onReceive');
    this.watchesDeliveries = anyHas(list, 'onDelivery', 'onHandled', 'runHandler', 'runPolicy');
    this.watchesSettlements = anyHas(list, 'onSettle');
  }

  /** The one that listens to this connection in its place. One that fails here hears of nothing. */
  #own(observer: Observer): Observer {
    const connection = this.#connection;
    if (observer.forConnection === undefined || connection === undefined) return observer;
    return this.#guard(observer, () => observer.forConnection?.(connection)) ?? {};
  }

  #tell(tell: (observer: Observer) => unknown): Told {
    const observers = this.#list;
    return { observers, tokens: observers.map((observer) => this.#guard(observer, () => tell(observer))) };
  }

  #runAll<T>({ observers, tokens }: Told, method: 'runHandler' | 'runPolicy', innermost: () => T): T {
    return observers.reduceRight<() => T>((inner, observer, index) => {
      const runner = observer[method];
      if (runner === undefined) return inner;
      return () => this.#runOne(observer, runner, tokens[index], inner);
    }, innermost)();
  }

  /** Whatever the observer does around the handler, the handler runs exactly once and its result stands. */
  #runOne<T>(observer: Observer, runner: Runner, token: unknown, inner: () => T): T {
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
    const run = (): T => {
      if (outcome === undefined) {
        try {
          outcome = { value: inner() };
        } catch (error) {
          outcome = { error };
        }
      }
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    };
    try {
      runner.call(observer, token, run);
    } catch (error) {
      const handlers = outcome as { readonly error?: unknown } | undefined;
      if (handlers === undefined || handlers.error !== error) this.#complain(observer);
    }
    return run();
  }

  #guard<T>(observer: Observer, call: () => T): T | undefined {
    try {
      return call();
    } catch {
      this.#complain(observer);
      return undefined;
    }
  }

  #complain(observer: Observer): void {
    if (this.#complained.has(observer)) return;
    this.#complained.add(observer);
    this.#logger.error(`an observer (${observer.constructor.name}) threw; its errors are ignored from now on`);
  }
}

/** Of an observer that was not told of it there is none. */
function tokenOf(observer: Observer, { observers, tokens }: Told): unknown {
  return tokens[observers.indexOf(observer)];
}

function withAdded(message: AmqpMessage, { applicationProperties, messageAnnotations }: SendObservation): AmqpMessage {
  if (applicationProperties === undefined && messageAnnotations === undefined) return message;
  return {
    ...message,
    ...(applicationProperties && {
      applicationProperties: { ...message.applicationProperties, ...applicationProperties },
    }),
    ...(messageAnnotations && { messageAnnotations: { ...message.messageAnnotations, ...messageAnnotations } }),
  };
}

function anyHas(list: readonly Observer[], ...methods: (keyof Observer)[]): boolean {
  return list.some((observer) => methods.some((method) => observer[method] !== undefined));
}
