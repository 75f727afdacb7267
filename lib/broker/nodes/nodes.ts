// The queues and exchanges of one broker: declared, found, deleted.

import { Exchange, type Binding, type ExchangeSettings, DEFAULT_EXCHANGE } from '../exchange/exchange.js';
import { Queue, type QueueWorld } from '../queue/queue.js';
import { DEFAULT_QUEUE, type QueueSettings } from '../queue/queue-settings.js';
import type { Cancel } from '../timetable.js';
import { firstDifference, type Difference } from './difference.js';
import { writeQueueArguments } from './queue-arguments.js';

/** What became of a declaration. */
export type Declared<Node> =
  | { readonly kind: 'created' | 'exists'; readonly node: Node }
  /** It is there and is different. */
  | { readonly kind: 'conflict'; readonly difference: Difference }
  /** It is exclusive to another connection. */
  | { readonly kind: 'locked' };

const PREDECLARED: readonly (readonly [string, ExchangeSettings['type']])[] = [
  ['amq.direct', 'direct'],
  ['amq.fanout', 'fanout'],
  ['amq.headers', 'headers'],
  ['amq.match', 'headers'],
  ['amq.topic', 'topic'],
];

const MAX_AUTO_QUEUES = 10_000;

/** What the nodes leave to the rest of the broker. */
export type NodesWorld = Omit<QueueWorld, 'unused'>;

export class Nodes {
  readonly #queues = new Map<string, Queue>();
  readonly #exchanges = new Map<string, Exchange>();
  /** Made by an attach alone: the first declaration may say how they shall be. */
  readonly #autoCreated = new WeakSet<Queue>();
  readonly #expiry = new Map<Queue, Cancel>();
  readonly #world: QueueWorld;

  constructor(world: NodesWorld) {
    this.#world = { ...world, unused: (queue) => this.#unused(queue) };
    for (const [name, type] of PREDECLARED)
      this.#exchanges.set(name, new Exchange(name, { ...DEFAULT_EXCHANGE, type }));
  }

  queue(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  queues(): Queue[] {
    return [...this.#queues.values()];
  }

  exchange(name: string): Exchange | undefined {
    return this.#exchanges.get(name);
  }

  /** @param owner the connection that an exclusive queue belongs to */
  declareQueue(name: string, settings: QueueSettings, owner?: object): Declared<Queue> {
    const existing = this.#queues.get(name);
    if (existing === undefined) return { kind: 'created', node: this.#createQueue(name, settings, owner) };
    if (existing.owner !== undefined && existing.owner !== owner) return { kind: 'locked' };
    if (this.#autoCreated.has(existing) && !settings.exclusive) {
      this.#autoCreated.delete(existing);
      existing.settings = settings;
      this.#watchUse(existing);
      return { kind: 'exists', node: existing };
    }
    const difference = firstDifference(
      queueFields(existing.settings, settings),
      queueFields(settings, existing.settings),
    );
    if (difference !== undefined) return { kind: 'conflict', difference };
    this.#watchUse(existing);
    return { kind: 'exists', node: existing };
  }

  /** The queue of that name, made with the defaults if there is none; `undefined`: there are too many already. */
  autoCreateQueue(name: string): Queue | undefined {
    const existing = this.#queues.get(name);
    if (existing !== undefined) return existing;
    // Only what any peer can ask for by a mere address is bounded.
    if (this.#queues.size >= MAX_AUTO_QUEUES) return undefined;
    const queue = this.#createQueue(name, DEFAULT_QUEUE, undefined);
    this.#autoCreated.add(queue);
    return queue;
  }

  /** Answers how many ready messages went with it. */
  deleteQueue(queue: Queue): number {
    if (this.#queues.get(queue.name) !== queue) return 0;
    this.#queues.delete(queue.name);
    this.#expiry.get(queue)?.();
    this.#expiry.delete(queue);
    for (const exchange of this.#exchanges.values()) {
      if (exchange.unbindAll({ kind: 'queue', name: queue.name })) this.#afterUnbind(exchange);
    }
    const ready = queue.delete();
    this.#world.changed();
    return ready;
  }

  declareExchange(name: string, settings: ExchangeSettings): Declared<Exchange> {
    const existing = this.#exchanges.get(name);
    if (existing !== undefined) {
      const difference = firstDifference(exchangeFields(existing.settings), exchangeFields(settings));
      return difference === undefined ? { kind: 'exists', node: existing } : { kind: 'conflict', difference };
    }
    const exchange = new Exchange(name, settings);
    this.#exchanges.set(name, exchange);
    return { kind: 'created', node: exchange };
  }

  deleteExchange(exchange: Exchange): void {
    if (!this.#exchanges.delete(exchange.name)) return;
    for (const other of this.#exchanges.values()) {
      if (other.unbindAll({ kind: 'exchange', name: exchange.name })) this.#afterUnbind(other);
    }
  }

  /** One that is not there is no error. */
  unbind(exchange: Exchange, binding: Binding): void {
    if (exchange.unbind(binding)) this.#afterUnbind(exchange);
  }

  /** A connection is gone: so are the queues exclusive to it. */
  ownerGone(owner: object): void {
    for (const queue of this.queues()) if (queue.owner === owner) this.deleteQueue(queue);
  }

  #createQueue(name: string, settings: QueueSettings, owner: object | undefined): Queue {
    const queue = new Queue(name, settings, this.#world, settings.exclusive ? owner : undefined);
    this.#queues.set(name, queue);
    this.#watchUse(queue);
    this.#world.changed();
    return queue;
  }

  #unused(queue: Queue): void {
    if (queue.settings.autoDelete) this.deleteQueue(queue);
    else this.#watchUse(queue);
  }

  /** Starts the time after which an unused queue goes anew. */
  #watchUse(queue: Queue): void {
    this.#expiry.get(queue)?.();
    this.#expiry.delete(queue);
    const { expiresMs } = queue.settings;
    if (expiresMs === undefined) return;
    const cancel = this.#world.schedule(this.#world.now() + expiresMs, () => {
      if (queue.consumerCount === 0) this.deleteQueue(queue);
    });
    this.#expiry.set(queue, cancel);
  }

  #afterUnbind(exchange: Exchange): void {
    if (exchange.settings.autoDelete && exchange.bindings.length === 0) this.deleteExchange(exchange);
  }
}

/** The type counts only where both declarations name one. */
function queueFields(settings: QueueSettings, other: QueueSettings): Record<string, unknown> {
  const { durable, exclusive, autoDelete } = settings;
  const compared = { ...settings, type: other.type === undefined ? undefined : settings.type };
  return { durable, exclusive, auto_delete: autoDelete, ...writeQueueArguments(compared) };
}

function exchangeFields(settings: ExchangeSettings): Record<string, unknown> {
  const { type, durable, autoDelete, internal, alternateExchange, otherArguments } = settings;
  return {
    type,
    durable,
    auto_delete: autoDelete,
    internal,
    'alternate-exchange': alternateExchange,
    ...otherArguments,
  };
}
