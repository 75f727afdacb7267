// Declarations in the words of Qpid Broker-J: its attributes.

import type { ConnectedPeer } from '../connection/connect-peer.js';
import { firstDifference, field } from './plain-record.js';
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration } from './topology.js';
import { unsupported } from './topology-errors.js';

type Attributes = Readonly<Record<string, unknown>>;

/** The attributes of a queue. `arguments` win. @throws TopologyError `unsupported` */
export function queueAttributes(peer: ConnectedPeer, queue: QueueDeclaration): Attributes {
  const { durable = true, exclusive = false, autoDelete = false } = queue;
  return {
    'qpid-type': 'standard',
    durable,
    lifetimePolicy: lifetime(exclusive, autoDelete),
    ...(exclusive ? { exclusive: 'CONNECTION' } : {}),
    ...statedOf(peer, queue),
  };
}

/** The attributes of an exchange. `arguments` win. @throws TopologyError `unsupported` */
export function exchangeAttributes(peer: ConnectedPeer, exchange: ExchangeDeclaration): Attributes {
  const { name, type, durable = true, autoDelete = false, internal = false } = exchange;
  if (internal) throw unsupported(peer, `internal of exchange "${name}"`, 'every exchange takes messages there');
  const lifetimePolicy = autoDelete ? 'DELETE_ON_NO_LINKS' : 'PERMANENT';
  return { 'qpid-type': type, durable, lifetimePolicy, ...exchange.arguments };
}

/** What differs from the attributes that stand, in words; only what the declaration states is compared. */
export function queueDiffers(peer: ConnectedPeer, queue: QueueDeclaration, stands: unknown): string | undefined {
  const { durable, exclusive, autoDelete } = queue;
  const flags = {
    ...(durable === undefined ? {} : { durable }),
    ...(exclusive === undefined ? {} : { exclusive: exclusive ? 'CONNECTION' : 'NONE' }),
    ...(autoDelete === undefined ? {} : { lifetimePolicy: lifetime(exclusive ?? false, autoDelete) }),
  };
  return attributesDiffer({ ...flags, ...statedOf(peer, queue) }, stands);
}

export function attributesDiffer(wanted: Attributes, stands: unknown): string | undefined {
  return firstDifference(wanted, (name) => field(stands, name));
}

/** Parameters of `bind` and `unbind`. Arguments travel as JSON. */
export function bindingParameters(binding: BindingDeclaration): Attributes {
  const { queue, destinationExchange, routingKey = '', arguments: given } = binding;
  return {
    destination: queue ?? destinationExchange,
    bindingKey: routingKey,
    ...(given === undefined ? {} : { arguments: JSON.stringify(given) }),
  };
}

/** Where its dead letters go; `undefined`: nowhere. */
export function deadLetterDestination(queue: QueueDeclaration): string | undefined {
  return queue.deadLetterExchange === '' ? queue.deadLetterRoutingKey : queue.deadLetterExchange;
}

function statedOf(peer: ConnectedPeer, queue: QueueDeclaration): Attributes {
  const { name, type, overflow, messageTtlMs, maxPriority } = queue;
  const refused = (what: string, instead: string) => unsupported(peer, `${what} of queue "${name}"`, instead);
  if (type !== undefined && type !== 'classic') throw refused('type', 'it has one kind of queue');
  if (queue.expiresMs !== undefined) throw refused('expiresMs', 'delete it when it is not needed any more');
  if (queue.deadLetterExchange !== '' && queue.deadLetterRoutingKey !== undefined)
    throw refused('deadLetterRoutingKey', 'dead letters keep the routing key that they came with');
  const destination = deadLetterDestination(queue);
  const limited = queue.maxLength !== undefined || queue.maxLengthBytes !== undefined;
  const fields = {
    ...(maxPriority === undefined ? {} : { 'qpid-type': 'priority', priorities: maxPriority + 1 }),
    maximumMessageTtl: messageTtlMs,
    maximumQueueDepthMessages: queue.maxLength,
    maximumQueueDepthBytes: queue.maxLengthBytes,
    overflowPolicy: limited || overflow !== undefined ? (overflow === 'reject-publish' ? 'REJECT' : 'RING') : undefined,
    alternateBinding: destination === undefined ? undefined : { destination },
    maximumDeliveryAttempts: queue.deliveryLimit,
    ...queue.arguments,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function lifetime(exclusive: boolean, autoDelete: boolean): string {
  if (autoDelete) return 'DELETE_ON_NO_OUTBOUND_LINKS';
  return exclusive ? 'DELETE_ON_CONNECTION_CLOSE' : 'PERMANENT';
}
