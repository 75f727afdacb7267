// A declaration in the words of RabbitMQ's management.

import { AmqpError, amqp, Typed } from '../../protocol/index.js';
import { TopologyError } from '../errors.js';
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration } from './topology.js';

/** The body of `PUT /queues/:name`. @throws TopologyError for what this type of queue has not */
export function queueBody(queue: QueueDeclaration): Record<string, unknown> {
  const { durable = true, exclusive = false, autoDelete = false } = queue;
  const type = queue.type ?? defaultType(queue);
  if (queue.deliveryLimit !== undefined && type !== 'quorum')
    throw unsupported(queue, `a delivery limit needs a quorum queue, this is a ${type} queue`);
  if (queue.maxPriority !== undefined && type === 'stream') throw unsupported(queue, 'a stream has no priorities');
  const given: Record<string, unknown> = {
    'x-queue-type': type,
    'x-message-ttl': long(queue.messageTtlMs),
    'x-expires': long(queue.expiresMs),
    'x-max-length': long(queue.maxLength),
    'x-max-length-bytes': long(queue.maxLengthBytes),
    'x-overflow': queue.overflow,
    'x-dead-letter-exchange': queue.deadLetterExchange,
    'x-dead-letter-routing-key': queue.deadLetterRoutingKey,
    'x-max-priority': long(queue.maxPriority),
    // RabbitMQ counts the deliveries after the first one.
    'x-delivery-limit': long(queue.deliveryLimit === undefined ? undefined : queue.deliveryLimit - 1),
    ...queue.arguments,
  };
  return { durable, exclusive, auto_delete: autoDelete, arguments: withoutUndefined(given) };
}

/** The body of `PUT /exchanges/:name`. */
export function exchangeBody(exchange: ExchangeDeclaration): Record<string, unknown> {
  const { type, durable = true, autoDelete = false, internal = false } = exchange;
  return { type, durable, auto_delete: autoDelete, internal, arguments: { ...exchange.arguments } };
}

/** The body of `POST /bindings`. */
export function bindingBody(binding: BindingDeclaration): Record<string, unknown> {
  const { exchange, queue, destinationExchange, routingKey = '' } = binding;
  const destination =
    queue === undefined ? { destination_exchange: destinationExchange } : { destination_queue: queue };
  return { source: exchange, ...destination, binding_key: routingKey, arguments: { ...binding.arguments } };
}

function defaultType({ durable = true, exclusive = false, autoDelete = false, maxPriority }: QueueDeclaration): string {
  return durable && !exclusive && !autoDelete && maxPriority === undefined ? 'quorum' : 'classic';
}

/** Always the same AMQP type, so that a redeclaration compares equal. */
function long(value: number | undefined): unknown {
  return value === undefined ? undefined : amqp.long(value);
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function unsupported(queue: QueueDeclaration, why: string): TopologyError {
  return AmqpError.inOwnWords(new TopologyError('unsupported', `queue "${queue.name}" cannot be declared: ${why}`));
}

/** A body without its typed wrappers, for an error to show. */
export function plainBody(value: unknown): unknown {
  if (value instanceof Typed) return value.value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainBody(item)]));
}
