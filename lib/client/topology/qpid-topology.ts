// Topology through Qpid Broker-J's management: queues, exchanges and bindings.

import type { ConnectedPeer } from '../connection/connect-peer.js';
import { count, field, record } from './plain-record.js';
import {
  attributesDiffer,
  bindingParameters,
  deadLetterDestination,
  exchangeAttributes,
  queueAttributes,
  queueDiffers,
} from './qpid-definition.js';
import { expectSuccess, withQpid, type Operate, type QpidAnswer, type QpidType } from './qpid-management.js';
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration } from './topology.js';
import type { TopologyDriver } from './topology-driver.js';
import { conflict, describeBinding, inUse, notFound } from './topology-errors.js';

export const qpidTopology: TopologyDriver = {
  declare: (peer, topology, signal) =>
    withQpid(peer, signal, async (operate) => {
      for (const exchange of topology.exchanges ?? []) await declareExchange(operate, peer, exchange);
      for (const queue of destinationsFirst(topology.queues ?? [])) await declareQueue(operate, peer, queue);
      for (const binding of topology.bindings ?? []) await bind(operate, binding);
    }),

  check: (peer, topology, signal) =>
    withQpid(peer, signal, async (operate) => {
      for (const exchange of topology.exchanges ?? []) await checkExchange(operate, peer, exchange);
      for (const queue of topology.queues ?? [])
        await checkQueue(operate, peer, typeof queue === 'string' ? { name: queue } : queue);
      for (const binding of topology.bindings ?? [])
        if ((await standing(operate, binding)) === undefined) throw notFound(describeBinding(binding));
    }),

  bind: (peer, binding, signal) => withQpid(peer, signal, (operate) => bind(operate, binding)),
  unbind: (peer, binding, signal) =>
    withQpid(peer, signal, async (operate) => {
      // There is one binding with these ends and this key; with other arguments it is another one than is meant.
      const stands = await standing(operate, binding);
      if (stands === undefined) return;
      const answer = await operate('unbind', 'Exchange', binding.exchange, bindingParameters(binding));
      expectSuccess(answer, `deletion of ${describeBinding(binding)}`);
    }),

  purge: (peer, queue, signal) =>
    withQpid(peer, signal, async (operate) => {
      const answer = await operate('clearQueue', 'Queue', queue);
      if (answer.status === 404) throw notFound(`queue "${queue}"`);
      return Number(expectSuccess(answer, `purge of queue "${queue}"`));
    }),

  deleteQueue: (peer, queue, { ifEmpty, ifUnused }, signal) =>
    withQpid(peer, signal, async (operate) => {
      const { status, body } = await operate('getStatistics', 'Queue', queue);
      if (status === 404) return 0;
      // The peer has no such conditions: a message or consumer that comes in between is not seen.
      const messages = count(body, 'queueDepthMessages');
      if (ifEmpty && messages > 0) throw inUse(`queue "${queue}"`, 'it is not empty');
      if (ifUnused && count(body, 'consumerCount') > 0) throw inUse(`queue "${queue}"`, 'it has consumers');
      await remove(operate, 'Queue', queue);
      return messages;
    }),

  deleteExchange: (peer, exchange, ifUnused, signal) =>
    withQpid(peer, signal, async (operate) => {
      if (ifUnused && (await bindingsOf(operate, exchange)).length > 0)
        throw inUse(`exchange "${exchange}"`, 'something is bound to it');
      await remove(operate, 'Exchange', exchange);
    }),

  inspect: (peer, queue, signal) =>
    withQpid(peer, signal, async (operate) => {
      const stands = await existing(operate, 'Queue', queue);
      if (stands === undefined) return undefined;
      const statistics = expectSuccess(await operate('getStatistics', 'Queue', queue), `look at queue "${queue}"`);
      return {
        name: queue,
        type: undefined,
        messageCount: count(statistics, 'queueDepthMessages'),
        consumerCount: count(statistics, 'consumerCount'),
        leader: undefined,
        durable: field(stands, 'durable') === true,
        exclusive: field(stands, 'exclusive') !== 'NONE',
        autoDelete: field(stands, 'lifetimePolicy') !== 'PERMANENT',
        deadLetters: field(stands, 'alternateBinding') !== undefined,
        arguments: record(stands),
      };
    }),

  ensureQueue: (peer, queue, signal) => withQpid(peer, signal, (operate) => declareQueue(operate, peer, queue)),
};

async function declareExchange(operate: Operate, peer: ConnectedPeer, exchange: ExchangeDeclaration): Promise<void> {
  if (exchange.passive === true) {
    if ((await existing(operate, 'Exchange', exchange.name)) === undefined)
      throw notFound(`exchange "${exchange.name}"`);
    return;
  }
  const answer = await operate('CREATE', 'Exchange', exchange.name, exchangeAttributes(peer, exchange));
  if (answer.status === 409) return checkExchange(operate, peer, exchange);
  expectSuccess(answer, `declaration of exchange "${exchange.name}"`);
}

async function checkExchange(operate: Operate, peer: ConnectedPeer, exchange: ExchangeDeclaration): Promise<void> {
  const stands = await existing(operate, 'Exchange', exchange.name);
  if (stands === undefined) throw notFound(`exchange "${exchange.name}"`);
  const wanted = exchangeAttributes(peer, exchange);
  const difference = attributesDiffer(wanted, stands);
  if (difference !== undefined) throw conflict(`exchange "${exchange.name}"`, difference, wanted, stands);
}

/** A name alone is content with whatever stands under it. */
async function declareQueue(operate: Operate, peer: ConnectedPeer, queue: string | QueueDeclaration): Promise<void> {
  const declaration = typeof queue === 'string' ? { name: queue } : queue;
  if (declaration.passive === true) return checkQueue(operate, peer, { name: declaration.name });
  const answer = await operate('CREATE', 'Queue', declaration.name, queueAttributes(peer, declaration));
  if (answer.status === 409 && typeof queue === 'string') return;
  if (answer.status !== 409) expectSuccess(answer, `declaration of queue "${declaration.name}"`);
  // Also of what was just made: an attribute that the peer does not know is left out without a word.
  if (typeof queue !== 'string') await checkQueue(operate, peer, declaration);
}

async function checkQueue(operate: Operate, peer: ConnectedPeer, queue: QueueDeclaration): Promise<void> {
  const stands = await existing(operate, 'Queue', queue.name);
  if (stands === undefined) throw notFound(`queue "${queue.name}"`);
  const difference = queueDiffers(peer, queue, stands);
  if (difference !== undefined) throw conflict(`queue "${queue.name}"`, difference, queue, stands);
}

async function bind(operate: Operate, binding: BindingDeclaration): Promise<void> {
  const what = describeBinding(binding);
  const answer = await operate('bind', 'Exchange', binding.exchange, bindingParameters(binding));
  if (answer.status === 404 || answer.status === 400) throw notFound(what, answer.description);
  // `false`: it was there, perhaps with other arguments.
  if (expectSuccess(answer, what) === false && (await standing(operate, binding)) === undefined)
    throw conflict(what, 'one with these ends and this key has other arguments', binding, undefined);
}

/** The binding with these ends, this key and these arguments; `undefined`: it is not there. */
async function standing(operate: Operate, binding: BindingDeclaration): Promise<unknown> {
  const { queue, destinationExchange, routingKey = '', arguments: wanted = {} } = binding;
  const found = (await bindingsOf(operate, binding.exchange)).find(
    (entry) =>
      field(entry, 'destination') === (queue ?? destinationExchange) && field(entry, 'bindingKey') === routingKey,
  );
  const names = new Set([...Object.keys(wanted), ...Object.keys(record(field(found, 'arguments')))]);
  const all = Object.fromEntries([...names].map((name) => [name, wanted[name]]));
  return attributesDiffer(all, field(found, 'arguments')) === undefined ? found : undefined;
}

async function bindingsOf(operate: Operate, exchange: string): Promise<readonly unknown[]> {
  const bindings = field(await existing(operate, 'Exchange', exchange), 'bindings');
  return Array.isArray(bindings) ? bindings : [];
}

/** All attributes, those with their default too; `undefined`: it is not there. */
async function existing(operate: Operate, type: QpidType, name: string): Promise<unknown> {
  const answer: QpidAnswer = await operate('READ', type, name, { actuals: false });
  return answer.status === 404 ? undefined : expectSuccess(answer, `look for ${type.toLowerCase()} "${name}"`);
}

async function remove(operate: Operate, type: QpidType, name: string): Promise<void> {
  const answer = await operate('DELETE', type, name);
  if (answer.status !== 404) expectSuccess(answer, `deletion of ${type.toLowerCase()} "${name}"`);
}

/** A queue after the one that its dead letters go to: that one has to be there. */
function destinationsFirst(queues: readonly (string | QueueDeclaration)[]): readonly (string | QueueDeclaration)[] {
  const byName = new Map(queues.map((queue) => [typeof queue === 'string' ? queue : queue.name, queue]));
  const ordered = new Set<string | QueueDeclaration>();
  const visited = new Set<string>();
  const visit = (name: string): void => {
    const queue = byName.get(name);
    if (queue === undefined || visited.has(name)) return;
    visited.add(name);
    if (typeof queue !== 'string') visit(deadLetterDestination(queue) ?? '');
    ordered.add(queue);
  };
  for (const name of byName.keys()) visit(name);
  return [...ordered];
}
