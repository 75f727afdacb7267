// What the options ask to stand from the beginning.

import { InvalidOptionsError } from '../protocol/acceptor/index.js';
import type { BindingDestination } from './exchange/exchange.js';
import { DeclarationError } from './nodes/declaration-error.js';
import { readExchangeArguments } from './nodes/exchange-arguments.js';
import type { Nodes } from './nodes/nodes.js';
import type { ResolvedBrokerOptions } from './resolve-broker-options.js';

/** @throws {InvalidOptionsError} */
export function declareInitialTopology(
  nodes: Nodes,
  { queues, exchanges, bindings }: Pick<ResolvedBrokerOptions, 'queues' | 'exchanges' | 'bindings'>,
): void {
  for (const { name, settings } of queues) nodes.declareQueue(name, settings);
  for (const [index, exchange] of exchanges.entries()) declareExchange(nodes, exchange, `exchanges[${index}]`);
  for (const [index, binding] of bindings.entries()) bind(nodes, binding, `bindings[${index}]`);
}

function declareExchange(nodes: Nodes, exchange: ResolvedBrokerOptions['exchanges'][number], path: string): void {
  const { name, type, durable = true, autoDelete = false, internal = false } = exchange;
  try {
    const settings = readExchangeArguments({ type, durable, autoDelete, internal }, exchange.arguments ?? {});
    if (nodes.declareExchange(name, settings).kind === 'conflict') {
      throw new InvalidOptionsError(`${path}.name`, 'used once, and none of the exchanges that are there anyway', name);
    }
  } catch (error) {
    if (!(error instanceof DeclarationError)) throw error;
    throw new InvalidOptionsError(`${path}.arguments.${error.subject}`, error.expected, error.received);
  }
}

function bind(nodes: Nodes, binding: ResolvedBrokerOptions['bindings'][number], path: string): void {
  const exchange = nodes.exchange(binding.exchange);
  if (exchange === undefined)
    throw new InvalidOptionsError(`${path}.exchange`, 'an exchange of the options', binding.exchange);
  const destination = destinationOf(nodes, binding, path);
  exchange.bind({ destination, routingKey: binding.routingKey ?? '', arguments: binding.arguments ?? {} });
}

function destinationOf(
  nodes: Nodes,
  binding: ResolvedBrokerOptions['bindings'][number],
  path: string,
): BindingDestination {
  const { queue, destinationExchange = '' } = binding;
  if (queue !== undefined) {
    if (nodes.queue(queue) === undefined)
      throw new InvalidOptionsError(`${path}.queue`, 'a queue of the options', queue);
    return { kind: 'queue', name: queue };
  }
  if (nodes.exchange(destinationExchange) === undefined) {
    throw new InvalidOptionsError(`${path}.destinationExchange`, 'an exchange of the options', destinationExchange);
  }
  return { kind: 'exchange', name: destinationExchange };
}
