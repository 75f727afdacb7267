// The listeners of one connection, sorted by what they listen to, so that a message pays only for those that are there.

import type { AmqpMessage, Outcome } from '../../protocol/index.js';
import type { AmqpLogger } from '../client-context.js';
import type { AuthenticationStatus } from '../authentication/authentication-status.js';
import type { StatusEvent } from '../connection/status.js';
import type { ReceivedMessage } from '../message/received-message.js';
import type { SendResult } from '../send/send-result.js';
import type { Observer } from './observer.js';

/** What `sending` handed out for one message; goes back to `sent`. */
export type SendTokens = readonly unknown[];
/** What `delivering` handed out for one message; goes back to `run` and `handled`. */
export type DeliveryTokens = readonly unknown[];

/** Calls every observer and contains what they throw. */
export class Observers {
  /** Whether any of them wants to hear of sends. */
  readonly watchesSends: boolean;
  /** Whether any of them wants to hear of deliveries, or to run handlers. */
  readonly watchesDeliveries: boolean;
  readonly watchesSettlements: boolean;
  readonly #list: readonly Observer[];
  readonly #logger: AmqpLogger;
  readonly #complained = new Set<Observer>();

  constructor(list: readonly Observer[], logger: AmqpLogger) {
    this.#list = list;
    this.#logger = logger;
    this.watchesSends = anyHas(list, 'onSend', 'onSent');
    this.watchesDeliveries = anyHas(list, 'onDelivery', 'onHandled', 'runHandler');
    this.watchesSettlements = anyHas(list, 'onSettle');
  }

  status(event: StatusEvent): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onStatus?.(event));
  }

  authentication(status: AuthenticationStatus): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onAuthentication?.(status));
  }

  /** The message with what the observers add to it, and their tokens. */
  sending(address: string, message: AmqpMessage): { readonly message: AmqpMessage; readonly tokens: SendTokens } {
    let observed = message;
    const tokens = this.#list.map((observer) => {
      const observation = this.#guard(observer, () => observer.onSend?.({ address, message: observed }));
      if (observation?.applicationProperties !== undefined) {
        const applicationProperties = { ...observed.applicationProperties, ...observation.applicationProperties };
        observed = { ...observed, applicationProperties };
      }
      return observation?.token;
    });
    return { message: observed, tokens };
  }

  sent(tokens: SendTokens, result: SendResult): void {
    this.#list.forEach((observer, index) => this.#guard(observer, () => observer.onSent?.(tokens[index], result)));
  }

  delivering(address: string, message: ReceivedMessage): DeliveryTokens {
    return this.#list.map((observer) => this.#guard(observer, () => observer.onDelivery?.({ address, message })));
  }

  /** Runs the handler inside all `runHandler`s, the first observer outermost. What the handler throws is thrown. */
  run<T>(tokens: DeliveryTokens, handler: () => T): T {
    return this.#list.reduceRight<() => T>((inner, observer, index) => {
      if (observer.runHandler === undefined) return inner;
      return () => this.#runOne(observer, tokens[index], inner);
    }, handler)();
  }

  handled(tokens: DeliveryTokens, error?: unknown): void {
    this.#list.forEach((observer, index) => this.#guard(observer, () => observer.onHandled?.(tokens[index], error)));
  }

  settled(address: string, outcome: Outcome, message: ReceivedMessage): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onSettle?.({ address, outcome, message }));
  }

  /** Whatever the observer does around the handler, the handler runs exactly once and its result stands. */
  #runOne<T>(observer: Observer, token: unknown, inner: () => T): T {
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
      observer.runHandler?.(token, run);
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

function anyHas(list: readonly Observer[], ...methods: (keyof Observer)[]): boolean {
  return list.some((observer) => methods.some((method) => observer[method] !== undefined));
}
