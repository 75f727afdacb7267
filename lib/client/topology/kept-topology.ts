// What is declared anew after each connect, until somebody deletes it.

import { inspect } from 'node:util';
import type { BindingDeclaration, Topology } from './topology.js';

export class KeptTopology {
  /** The same definition is kept once. */
  readonly #kept = new Map<string, Topology>();

  get all(): readonly Topology[] {
    return [...this.#kept.values()];
  }

  keep(topology: Topology): void {
    this.#kept.set(inWords(topology), topology);
  }

  /** With the queue go its bindings. */
  forgetQueue(name: string): void {
    this.#rewrite((topology) => ({
      ...topology,
      queues: topology.queues?.filter((queue) => (typeof queue === 'string' ? queue : queue.name) !== name),
      bindings: topology.bindings?.filter(({ queue }) => queue !== name),
    }));
  }

  /** With the exchange go the bindings at either end of it. */
  forgetExchange(name: string): void {
    this.#rewrite((topology) => ({
      ...topology,
      exchanges: topology.exchanges?.filter((exchange) => exchange.name !== name),
      bindings: topology.bindings?.filter(
        ({ exchange, destinationExchange }) => exchange !== name && destinationExchange !== name,
      ),
    }));
  }

  forgetBinding(binding: BindingDeclaration): void {
    const forgotten = bindingInWords(binding);
    this.#rewrite((topology) => ({
      ...topology,
      bindings: topology.bindings?.filter((candidate) => bindingInWords(candidate) !== forgotten),
    }));
  }

  #rewrite(change: (topology: Topology) => Topology): void {
    const changed = this.all.map(change).filter((topology) => !isEmpty(topology));
    this.#kept.clear();
    for (const topology of changed) this.keep(topology);
  }
}

export function isEmpty({ queues = [], exchanges = [], bindings = [] }: Topology): boolean {
  return queues.length === 0 && exchanges.length === 0 && bindings.length === 0;
}

function bindingInWords({
  exchange,
  queue,
  destinationExchange,
  routingKey = '',
  arguments: given = {},
}: BindingDeclaration): string {
  return inWords({ exchange, queue, destinationExchange, routingKey, given });
}

/** A text that is equal for equal definitions. */
function inWords(definition: object): string {
  return inspect(definition, { depth: null, sorted: true, maxArrayLength: null, maxStringLength: null });
}
