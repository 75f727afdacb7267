// Exchanges and their bindings: which destinations a message with a routing key reaches.

import type { MessageContent } from '../message/message-content.js';
import { headersMatch } from './headers-match.js';
import { topicMatches } from './topic-match.js';

export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers';

export interface ExchangeSettings {
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** Takes no messages from links, only from other exchanges. */
  readonly internal: boolean;
  /** Where what no binding wants goes. */
  readonly alternateExchange: string | undefined;
  readonly otherArguments: Readonly<Record<string, unknown>>;
}

export const DEFAULT_EXCHANGE: ExchangeSettings = Object.freeze({
  type: 'direct',
  durable: true,
  autoDelete: false,
  internal: false,
  alternateExchange: undefined,
  otherArguments: Object.freeze({}),
});

export interface BindingDestination {
  readonly kind: 'queue' | 'exchange';
  readonly name: string;
}

export interface Binding {
  readonly destination: BindingDestination;
  readonly routingKey: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export class Exchange {
  #bindings: Binding[] = [];

  constructor(
    readonly name: string,
    readonly settings: ExchangeSettings,
  ) {}

  get bindings(): readonly Binding[] {
    return this.#bindings;
  }

  /** The same binding twice is one. */
  bind(binding: Binding): void {
    if (!this.#bindings.some((other) => isSameBinding(other, binding))) this.#bindings.push(binding);
  }

  /** `false`: there was none such. */
  unbind(binding: Binding): boolean {
    return this.#keep((other) => !isSameBinding(other, binding));
  }

  /** The destination is gone. `false`: nothing was bound to it. */
  unbindAll(destination: BindingDestination): boolean {
    return this.#keep((other) => !isSameDestination(other.destination, destination));
  }

  /**
   * Where the message goes from here, without repetitions.
   *
   * @throws {DecodeError} when a headers exchange cannot read the message's application properties
   */
  matches(routingKey: string, content: MessageContent): BindingDestination[] {
    return this.#bindings
      .filter((binding) => this.#isMatch(binding, routingKey, content))
      .map((binding) => binding.destination);
  }

  #isMatch(binding: Binding, routingKey: string, content: MessageContent): boolean {
    switch (this.settings.type) {
      case 'direct':
        return binding.routingKey === routingKey;
      case 'topic':
        return topicMatches(binding.routingKey, routingKey);
      case 'fanout':
        return true;
      case 'headers':
        return headersMatch(binding.arguments, content.applicationProperties);
    }
  }

  #keep(isKept: (binding: Binding) => boolean): boolean {
    const before = this.#bindings.length;
    this.#bindings = this.#bindings.filter(isKept);
    return this.#bindings.length < before;
  }
}

export function isSameDestination(a: BindingDestination, b: BindingDestination): boolean {
  return a.kind === b.kind && a.name === b.name;
}

function isSameBinding(a: Binding, b: Binding): boolean {
  return (
    isSameDestination(a.destination, b.destination) &&
    a.routingKey === b.routingKey &&
    bindingArgumentsKey(a.arguments) === bindingArgumentsKey(b.arguments)
  );
}

/** A text that is equal for equal arguments, whatever their order. */
export function bindingArgumentsKey(values: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(values)
    .map(([name, value]) => [name, typeof value, String(value)])
    .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return entries.length === 0 ? '' : JSON.stringify(entries);
}
