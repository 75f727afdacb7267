// A message arriving at the broker: from an address to the queues that take it, and the answer for the sender.

import { DecodeError, type Outcome, type PeerError, RELEASED } from '../../protocol/acceptor/index.js';
import type { BindingDestination } from '../exchange/exchange.js';
import type { MessageContent } from '../message/message-content.js';
import type { QueuedMessage } from '../message/queued-message.js';
import { type Death, deathAnnotations, isAutomatic } from '../queue/death.js';
import { errorOf, type InjectedFault } from '../queue/injected-fault.js';
import type { Queue } from '../queue/queue.js';
import type { Nodes } from './nodes.js';

/** Where a message is sent to. */
export type Destination =
  /** `autoCreate`: made when it is missing. */
  | { readonly kind: 'queue'; readonly name: string; readonly autoCreate: boolean }
  | { readonly kind: 'exchange'; readonly name: string; readonly routingKey: string };

/** A message that can be stored, now or when its transaction is committed. */
export interface Routed {
  readonly kind: 'routed';
  readonly content: MessageContent;
  readonly queues: readonly Queue[];
  readonly routingKey: string;
}

/** What the sender is told instead. */
export type Refused =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'detach'; readonly error: PeerError }
  | { readonly kind: 'drop-connection' };

export class Router {
  constructor(private readonly nodes: Nodes) {}

  /** Finds the queues and lets their faults strike; stores nothing. */
  route(destination: Destination, content: MessageContent): Routed | Refused {
    try {
      const queues = this.#queuesOf(destination, content);
      if (queues === undefined) return rejected('amqp:not-found', `there is no ${describeDestination(destination)}`);
      for (const queue of queues) {
        const fault = queue.faultOnTransfer();
        if (fault !== undefined) return struckBy(fault);
      }
      if (queues.length === 0) return { kind: 'outcome', outcome: RELEASED };
      const full = queues.find((queue) => queue.isFullFor(content.size));
      if (full !== undefined) return rejected('amqp:resource-limit-exceeded', `queue "${full.name}" is full`);
      const routingKey = destination.kind === 'queue' ? destination.name : destination.routingKey;
      return { kind: 'routed', content, queues, routingKey };
    } catch (error) {
      if (error instanceof DecodeError) return rejected('amqp:decode-error', error.message);
      throw error;
    }
  }

  /** Why these cannot all be stored; `undefined`: there is room for all of them together. */
  obstacleTo(all: readonly Routed[]): string | undefined {
    const added = new Map<Queue, { count: number; bytes: number }>();
    for (const { queues, content } of all) {
      for (const queue of queues) {
        if (queue.isDeleted) return `queue "${queue.name}" was deleted`;
        const sum = added.get(queue) ?? { count: 0, bytes: 0 };
        added.set(queue, { count: sum.count + 1, bytes: sum.bytes + content.size });
      }
    }
    const full = [...added].find(([queue, { count, bytes }]) => queue.isFullFor(bytes, count));
    return full === undefined ? undefined : `queue "${full[0].name}" is full`;
  }

  /** Stores what `route` found. A queue that was deleted meanwhile is left out. */
  store({ content, queues, routingKey }: Routed): void {
    for (const queue of queues) if (!queue.isDeleted) queue.publish(content, { routingKey });
  }

  /** `false`: the queue has no place for dead letters, or none that would not be a circle. */
  deadLetter(queue: Queue, message: QueuedMessage, death: Death): boolean {
    const route = queue.settings.deadLetter;
    if (route === undefined) return false;
    const routingKey = route.routingKey ?? message.facts.routingKey ?? queue.name;
    const automaticDeaths = isAutomatic(death)
      ? new Set([...(message.facts.automaticDeaths ?? []), queue.name])
      : new Set<string>();
    const queues = this.#deadLetterQueues(route.exchange, routingKey, message.content).filter(
      (target) => !automaticDeaths.has(target.name) && !target.isFullFor(message.size),
    );
    const annotations = deathAnnotations(message.currentAnnotations, queue.name, death);
    for (const target of queues) {
      target.publish(message.content, { routingKey, isDeadLetter: true, annotations, automaticDeaths });
    }
    return queues.length > 0;
  }

  #deadLetterQueues(exchange: string, routingKey: string, content: MessageContent): Queue[] {
    try {
      return this.#viaExchange(exchange, routingKey, content) ?? [];
    } catch (error) {
      if (error instanceof DecodeError) return [];
      throw error;
    }
  }

  #queuesOf(destination: Destination, content: MessageContent): Queue[] | undefined {
    if (destination.kind === 'exchange') {
      return this.#viaExchange(destination.name, destination.routingKey, content);
    }
    const queue = this.nodes.queue(destination.name);
    if (queue !== undefined) return [queue];
    if (!destination.autoCreate) return undefined;
    const created = this.nodes.autoCreateQueue(destination.name);
    return created === undefined ? undefined : [created];
  }

  /** `undefined`: there is no such exchange. */
  #viaExchange(name: string, routingKey: string, content: MessageContent): Queue[] | undefined {
    if (name === '') return this.#existing({ kind: 'queue', name: routingKey });
    const found = new Set<Queue>();
    const visited = new Set<string>();
    const waiting = [name];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const exchange = this.nodes.exchange(next);
      if (exchange === undefined || visited.has(next)) continue;
      visited.add(next);
      const destinations = exchange.matches(routingKey, content);
      const { alternateExchange } = exchange.settings;
      if (destinations.length === 0 && alternateExchange !== undefined) waiting.push(alternateExchange);
      for (const destination of destinations) {
        if (destination.kind === 'exchange') waiting.push(destination.name);
        else for (const queue of this.#existing(destination)) found.add(queue);
      }
    }
    return visited.size === 0 ? undefined : [...found];
  }

  #existing(destination: BindingDestination): Queue[] {
    const queue = this.nodes.queue(destination.name);
    return queue === undefined ? [] : [queue];
  }
}

export function describeDestination(destination: Destination): string {
  return `${destination.kind} "${destination.name}"`;
}

function rejected(condition: string, description: string): Refused {
  return { kind: 'outcome', outcome: { kind: 'rejected', condition, description } };
}

function struckBy(fault: InjectedFault): Refused {
  switch (fault.kind) {
    case 'reject': {
      const { condition, description = '' } = errorOf(fault);
      return rejected(condition, description);
    }
    case 'release':
    // Credit that was already given may still be used; such a message is not taken.
    case 'no-credit':
      return { kind: 'outcome', outcome: RELEASED };
    case 'detach':
      return { kind: 'detach', error: errorOf(fault) };
    case 'drop-connection':
      return { kind: 'drop-connection' };
  }
}
