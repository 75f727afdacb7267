// Topology through RabbitMQ 4's `/management`, which the embedded broker speaks too.

import type { ConnectedPeer } from '../connection/connect-peer.js';
import { exchangeExists } from './exchange-exists.js';
import { count, field, record } from './plain-record.js';
import { bindingBody, exchangeBody, plainBody, queueBody } from './rabbitmq-arguments.js';
import { definitionDiffers, queueType, sameArguments } from './rabbitmq-definition.js';
import { expectSuccess, saidBy, withManagement, type Ask, type ManagementReply } from './rabbitmq-management.js';
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration, QueueInfo } from './topology.js';
import type { TopologyDriver } from './topology-driver.js';
import { conflict, describeBinding, inUse, notFound, unsupported } from './topology-errors.js';

const part = encodeURIComponent;

export const rabbitmqTopology: TopologyDriver = {
  declare: (peer, topology, signal) =>
    withManagement(peer, signal, async (ask) => {
      for (const exchange of topology.exchanges ?? []) await declareExchange(ask, peer, exchange, signal);
      for (const queue of topology.queues ?? []) {
        if (typeof queue === 'string') await ensureQueue(ask, queue);
        else await declareQueue(ask, queue);
      }
      for (const binding of topology.bindings ?? []) await bind(ask, binding);
    }),

  check: (peer, topology, signal) =>
    withManagement(peer, signal, async (ask) => {
      for (const exchange of topology.exchanges ?? []) await checkExchange(peer, exchange.name, signal);
      for (const queue of topology.queues ?? [])
        await checkQueue(ask, typeof queue === 'string' ? { name: queue } : queue);
      for (const binding of topology.bindings ?? []) await checkBinding(ask, binding);
    }),

  bind: (peer, binding, signal) => withManagement(peer, signal, (ask) => bind(ask, binding)),
  unbind: (peer, binding, signal) => withManagement(peer, signal, (ask) => unbind(ask, binding)),

  purge: (peer, queue, signal) =>
    withManagement(peer, signal, async (ask) => {
      const reply = await ask('DELETE', `/queues/${part(queue)}/messages`);
      // RabbitMQ says 400 for a queue that is not there.
      if (reply.status === 404 || reply.status === 400) throw notFound(`queue "${queue}"`, saidBy(reply));
      expectSuccess(reply, `purge of queue "${queue}"`);
      return count(reply.body, 'message_count');
    }),

  deleteQueue: (peer, queue, { ifEmpty, ifUnused }, signal) =>
    withManagement(peer, signal, async (ask) => {
      if (ifEmpty || ifUnused) {
        // The peer has no such conditions: a message or consumer that comes in between is not seen.
        const { status, body } = await ask('GET', `/queues/${part(queue)}`);
        if (status === 200 && ifEmpty && count(body, 'message_count') > 0)
          throw inUse(`queue "${queue}"`, 'it is not empty');
        if (status === 200 && ifUnused && count(body, 'consumer_count') > 0)
          throw inUse(`queue "${queue}"`, 'it has consumers');
      }
      const reply = await ask('DELETE', `/queues/${part(queue)}`);
      if (reply.status === 404) return 0;
      expectSuccess(reply, `deletion of queue "${queue}"`);
      return count(reply.body, 'message_count');
    }),

  deleteExchange: async (peer, exchange, ifUnused, signal) => {
    if (ifUnused)
      throw unsupported(
        peer,
        `deletion of exchange "${exchange}" only if it is unused`,
        'unbind what is bound to it first',
      );
    await withManagement(peer, signal, async (ask) => {
      const reply = await ask('DELETE', `/exchanges/${part(exchange)}`);
      if (reply.status !== 404) expectSuccess(reply, `deletion of exchange "${exchange}"`);
    });
  },

  inspect: (peer, queue, signal) => withManagement(peer, signal, (ask) => inspect(ask, queue)),
  ensureQueue: (peer, queue, signal) => withManagement(peer, signal, (ask) => ensureQueue(ask, queue)),
};

async function declareExchange(
  ask: Ask,
  peer: ConnectedPeer,
  exchange: ExchangeDeclaration,
  signal: AbortSignal,
): Promise<void> {
  // The peer's own ones cannot be declared.
  if (exchange.passive === true || exchange.name.startsWith('amq.')) return checkExchange(peer, exchange.name, signal);
  const body = exchangeBody(exchange);
  const reply = await ask('PUT', `/exchanges/${part(exchange.name)}`, body);
  // There is no way to ask for an exchange's definition.
  if (reply.status === 409) throw conflict(`exchange "${exchange.name}"`, saidBy(reply), plainBody(body), undefined);
  expectSuccess(reply, `declaration of exchange "${exchange.name}"`);
}

async function checkExchange(peer: ConnectedPeer, name: string, signal: AbortSignal): Promise<void> {
  if (!(await exchangeExists(peer, name, signal))) throw notFound(`exchange "${name}"`);
}

async function declareQueue(ask: Ask, queue: QueueDeclaration): Promise<void> {
  if (queue.passive === true) return checkQueue(ask, { name: queue.name });
  const body = queueBody(queue);
  const path = `/queues/${part(queue.name)}`;
  const reply = await ask('PUT', path, body);
  if (reply.status === 409) {
    const existing = await ask('GET', path);
    const found = existing.status === 200 ? existing.body : undefined;
    throw conflict(`queue "${queue.name}"`, saidBy(reply), plainBody(body), found);
  }
  expectSuccess(reply, `declaration of queue "${queue.name}"`);
}

/** A name alone is content with whatever stands under it. */
async function ensureQueue(ask: Ask, name: string): Promise<void> {
  const existing = await ask('GET', `/queues/${part(name)}`);
  if (existing.status === 404) return declareQueue(ask, { name });
  expectSuccess(existing, `look for queue "${name}"`);
}

async function checkQueue(ask: Ask, queue: QueueDeclaration): Promise<void> {
  const { status, body } = await existingQueue(ask, queue.name);
  if (status === 404) throw notFound(`queue "${queue.name}"`);
  const difference = definitionDiffers(queue, body);
  if (difference !== undefined) throw conflict(`queue "${queue.name}"`, difference, queue, body);
}

async function existingQueue(ask: Ask, name: string): Promise<ManagementReply> {
  const reply = await ask('GET', `/queues/${part(name)}`);
  if (reply.status !== 404) expectSuccess(reply, `look for queue "${name}"`);
  return reply;
}

async function inspect(ask: Ask, name: string): Promise<QueueInfo | undefined> {
  const { status, body } = await existingQueue(ask, name);
  if (status === 404) return undefined;
  const [leader, given] = [field(body, 'leader'), record(field(body, 'arguments'))];
  return {
    name,
    type: queueType(body),
    messageCount: count(body, 'message_count'),
    consumerCount: count(body, 'consumer_count'),
    leader: typeof leader === 'string' ? leader : undefined,
    durable: Boolean(field(body, 'durable')),
    exclusive: Boolean(field(body, 'exclusive')),
    autoDelete: Boolean(field(body, 'auto_delete')),
    // A dead-letter exchange that a policy sets does not show here.
    deadLetters: given['x-dead-letter-exchange'] !== undefined,
    arguments: given,
  };
}

async function bind(ask: Ask, binding: BindingDeclaration): Promise<void> {
  const reply = await ask('POST', '/bindings', bindingBody(binding));
  if (reply.status === 404 || reply.status === 400) throw notFound(describeBinding(binding), saidBy(reply));
  expectSuccess(reply, describeBinding(binding));
}

async function unbind(ask: Ask, binding: BindingDeclaration): Promise<void> {
  const locations = await matching(ask, binding);
  for (const location of locations)
    expectSuccess(await ask('DELETE', location), `deletion of ${describeBinding(binding)}`);
}

async function checkBinding(ask: Ask, binding: BindingDeclaration): Promise<void> {
  if ((await matching(ask, binding)).length === 0) throw notFound(describeBinding(binding));
}

/** The bindings with these ends, this key and these arguments: their paths. */
async function matching(ask: Ask, binding: BindingDeclaration): Promise<readonly string[]> {
  const { exchange, queue, destinationExchange, routingKey = '' } = binding;
  const destination = queue === undefined ? `dste=${part(destinationExchange ?? '')}` : `dstq=${part(queue)}`;
  const path = `/bindings?src=${part(exchange)}&${destination}&key=${part(routingKey)}`;
  const reply = await ask('GET', path);
  if (reply.status === 404) return [];
  expectSuccess(reply, `look for ${describeBinding(binding)}`);
  const found: readonly unknown[] = Array.isArray(reply.body) ? reply.body : [];
  return found
    .filter((entry) => sameArguments(field(entry, 'arguments'), binding.arguments))
    .map((entry) => field(entry, 'location'))
    .filter((location) => typeof location === 'string');
}
