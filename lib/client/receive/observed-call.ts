// A message arriving, around the call of its handler: what observers are told.

import type { IncomingMessage } from '../message/incoming-message.js';
import type { ObservedNode } from '../observer/observed-node.js';
import type { DeliveryTokens, Observers } from '../observer/observers.js';
import type { Failure } from './failures.js';

export interface ObservedCallParts {
  readonly address: () => string;
  readonly node: ObservedNode;
  readonly handler: (input: unknown) => unknown;
  readonly observers: Observers;
  readonly options: { readonly name?: string | undefined };
}

/** One call after another, where somebody watches. */
export class ObservedCall {
  #messages: readonly IncomingMessage[] = [];
  #tokens: readonly DeliveryTokens[] | undefined = undefined;

  constructor(private readonly parts: ObservedCallParts) {}

  /** Its end is still to be told. */
  get isUnderWay(): boolean {
    return this.#tokens !== undefined;
  }

  /** Calls the handler. */
  call(messages: readonly IncomingMessage[], input: unknown): unknown {
    const { observers, handler, node, options } = this.parts;
    const address = this.parts.address();
    const batch = Array.isArray(input) ? messages : undefined;
    const all = messages.map((message) =>
      observers.delivering({ address, node, message, consumer: options.name, batch }),
    );
    this.#messages = messages;
    this.#tokens = all;
    const [first] = all;
    return first === undefined ? handler(input) : observers.run(first, () => handler(input));
  }

  /** Of a message that never reaches its handler: told as a call that fails. */
  unhandled(message: IncomingMessage, failure: { readonly error: unknown }): void {
    const { observers, address, node, options } = this.parts;
    this.#messages = [message];
    this.#tokens = [observers.delivering({ address: address(), node, message, consumer: options.name, failure })];
  }

  end(failures: readonly Failure[]): void {
    const tokens = this.#tokens ?? [];
    this.#tokens = undefined;
    // Not looked for one by one: a large batch may fail whole.
    const errors = failures.length === 0 ? undefined : new Map(failures.map(({ message, error }) => [message, error]));
    this.#messages.forEach((message, index) => {
      const told = tokens[index];
      if (told !== undefined) this.parts.observers.handled(told, errors?.get(message));
    });
    this.#messages = [];
  }

  /** Tells the end, then runs what the policy does about it where the call was. */
  endIn<T>(failures: readonly Failure[], policy: () => T): T {
    const first = this.#tokens?.[0];
    if (first === undefined) return policy();
    this.end(failures);
    return this.parts.observers.runPolicy(first, policy);
  }
}
