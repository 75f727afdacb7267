// The listeners of one connection, sorted by what they listen to, so that a message pays only for those that are there.

import type { AmqpMessage, Outcome } from '../../protocol/index.js';
import type { AmqpLogger } from '../client-context.js';
import type { AuthenticationStatus } from '../authentication/authentication-status.js';
import type { StatusEvent } from '../connection/status.js';
import type { ReceivedMessage } from '../message/received-message.js';
import type { PolicyDecision } from '../policy/handler-policy.js';
import type { SendResult } from '../send/send-result.js';
import type { Observer } from './observer.js';

/** Who was told of one message, and the token of each: whoever comes later does not hear of its end alone. */
interface Told {
  readonly observers: readonly Observer[];
  readonly tokens: readonly unknown[];
}

/** What `sending` handed out for one message; goes back to `sent`. */
export type SendTokens = Told;
/** What `delivering` handed out for one message; goes back to `run` and `handled`. */
export type DeliveryTokens = Told;

/** One message on its way to a handler, and who consumes it, if the consumer has a name. */
export interface Arrival {
  readonly address: string;
  readonly message: ReceivedMessage;
  readonly consumer: string | undefined;
}

/** Calls every observer and contains what they throw. */
export class Observers {
  /** Whether any of them wants to hear of sends. */
  watchesSends = false;
  /** Whether any of them wants to hear of deliveries, or to run handlers. */
  watchesDeliveries = false;
  watchesSettlements = false;
  /** Replaced, never changed: those who were told of a message keep the list that they stood in. */
  #list: readonly Observer[] = [];
  readonly #logger: AmqpLogger;
  readonly #complained = new Set<Observer>();

  constructor(list: readonly Observer[], logger: AmqpLogger) {
    this.#logger = logger;
    this.#use(list);
  }

  /** @returns what takes it away again; it still hears of the end of what it heard the beginning of */
  add(observer: Observer): () => void {
    this.#use([...this.#list, observer]);
    let isThere = true;
    return () => {
      if (isThere) this.#use(this.#list.toSpliced(this.#list.lastIndexOf(observer), 1));
      isThere = false;
    };
  }

  status(event: StatusEvent): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onStatus?.(event));
  }

  authentication(status: AuthenticationStatus): void {
    for (const observer of this.#list) this.#guard(observer, () => observer.onAuthentication?.(status));
  }

  /** The message with what the observers add to it, and their tokens. */
  sending(address: string, message: AmqpMessage): { readonly message: AmqpMessage; readonly tokens: SendTokens } {
    const observers = this.#list;
    let observed = message;
    const tokens = observers.map((observer) => {
      const observation = this.#guard(observer, () => observer.onSend?.({ address, message: observed }));
      if (observation?.applicationProperties !== undefined) {
        const applicationProperties = { ...observed.applicationProperties, ...observation.applicationProperties };
        observed = { ...observed, applicationProperties };
      }
      return observation?.token;
    });
    return { message: observed, tokens: { observers, tokens } };
  }

  sent({ observers, tokens }: SendTokens, result: SendResult): void {
    observers.forEach((observer, index) => this.#guard(observer, () => observer.onSent?.(tokens[index], result)));
  }

  delivering(arrival: Arrival): DeliveryTokens {
    const observers = this.#list;
    return { observers, tokens: observers.map((one) => this.#guard(one, () => one.onDelivery?.(arrival))) };
  }

  /** Runs the handler inside all `runHandler`s, the first observer outermost. What the handler throws is thrown. */
  run<T>({ observers, tokens }: DeliveryTokens, handler: () => T): T {
    return observers.reduceRight<() => T>((inner, observer, index) => {
      if (observer.runHandler === undefined) return inner;
      return () => this.#runOne(observer, tokens[index], inner);
    }, handler)();
  }

  handled({ observers, tokens }: DeliveryTokens, error?: unknown): void {
    observers.forEach((observer, index) => this.#guard(observer, () => observer.onHandled?.(tokens[index], error)));
  }

  decided(arrival: Arrival, error: unknown, decision: PolicyDecision): void {
    const event = { ...arrival, error, decision };
    for (const observer of this.#list) this.#guard(observer, () => observer.onDecision?.(event));
  }

  settled(arrival: Arrival, outcome: Outcome): void {
    const event = { ...arrival, outcome };
    for (const observer of this.#list) this.#guard(observer, () => observer.onSettle?.(event));
  }

  #use(list: readonly Observer[]): void {
    this.#list = list;
    this.watchesSends = anyHas(list, 'onSend', 'onSent');
    this.watchesDeliveries = anyHas(list, 'onDelivery', 'onHandled', 'runHandler');
    this.watchesSettlements = anyHas(list, 'onSettle');
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
