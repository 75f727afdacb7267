// Topology through Artemis' management: queues, anycast or multicast. It has no exchanges.

import type { ConnectedPeer } from '../connection/connect-peer.js';
import type { TopologyError } from '../errors.js';
import { configurationDiffers, nameIn, queueConfiguration } from './artemis-definition.js';
import { expectSuccess, parsed, withArtemis, type Invoke } from './artemis-management.js';
import { count, field, record } from './plain-record.js';
import type { QueueDeclaration, Topology } from './topology.js';
import type { TopologyDriver } from './topology-driver.js';
import { conflict, inUse, notFound, unsupported } from './topology-errors.js';

type Listed = Readonly<Record<string, unknown>>;

export const artemisTopology: TopologyDriver = {
  declare: async (peer, topology, signal) => {
    refuseExchanges(peer, topology);
    await withArtemis(peer, signal, async (invoke) => {
      for (const queue of topology.queues ?? []) await declareQueue(invoke, peer, queue);
    });
  },

  check: async (peer, topology, signal) => {
    refuseExchanges(peer, topology);
    await withArtemis(peer, signal, async (invoke) => {
      for (const queue of topology.queues ?? [])
        await checkQueue(invoke, peer, typeof queue === 'string' ? { name: queue } : queue);
    });
  },

  bind: (peer) => Promise.reject(noExchanges(peer)),
  unbind: (peer) => Promise.reject(noExchanges(peer)),
  deleteExchange: (peer) => Promise.reject(noExchanges(peer)),

  purge: (peer, queue, signal) =>
    withArtemis(peer, signal, async (invoke) => {
      if ((await listed(invoke, queue)) === undefined) throw notFound(`queue "${queue}"`);
      const removed = await invoke(`queue.${nameIn(queue)}`, 'removeAllMessages');
      return Number(expectSuccess(removed, `purge of queue "${queue}"`));
    }),

  deleteQueue: (peer, queue, { ifEmpty, ifUnused }, signal) =>
    withArtemis(peer, signal, async (invoke) => {
      const stands = await listed(invoke, queue);
      if (stands === undefined) return 0;
      // The peer has no such condition: a message that comes in between is not seen.
      if (ifEmpty && count(stands, 'messageCount') > 0) throw inUse(`queue "${queue}"`, 'it is not empty');
      // Whether there are consumers is looked at by the peer itself.
      const [endConsumers, deleteAddress] = [!ifUnused, true];
      const destroyed = await invoke('broker', 'destroyQueue', nameIn(queue), endConsumers, deleteAddress);
      if (!destroyed.succeeded && ifUnused && count(await listed(invoke, queue), 'consumerCount') > 0)
        throw inUse(`queue "${queue}"`, 'it has consumers');
      expectSuccess(destroyed, `deletion of queue "${queue}"`);
      return count(stands, 'messageCount');
    }),

  inspect: (peer, queue, signal) =>
    withArtemis(peer, signal, async (invoke) => {
      const stands = await listed(invoke, queue);
      if (stands === undefined) return undefined;
      const settings = await invoke('broker', 'getAddressSettingsAsJSON', stands['address']);
      return {
        name: String(stands['name']),
        type: undefined,
        messageCount: count(stands, 'messageCount'),
        consumerCount: count(stands, 'consumerCount'),
        leader: undefined,
        durable: stands['durable'] === 'true',
        exclusive: false,
        autoDelete: stands['autoDelete'] === 'true',
        deadLetters: settings.succeeded ? field(parsed(settings.result), 'deadLetterAddress') !== undefined : undefined,
        arguments: stands,
      };
    }),

  ensureQueue: (peer, queue, signal) => withArtemis(peer, signal, (invoke) => declareQueue(invoke, peer, queue)),
};

/** A name alone is content with whatever stands under it. */
async function declareQueue(invoke: Invoke, peer: ConnectedPeer, queue: string | QueueDeclaration): Promise<void> {
  const declaration = typeof queue === 'string' ? { name: queue } : queue;
  const { name } = declaration;
  if (declaration.passive === true) return checkQueue(invoke, peer, { name });
  const configuration = queueConfiguration(peer, declaration);
  if ((await listed(invoke, name)) === undefined) {
    const created = await invoke('broker', 'createQueue', JSON.stringify(configuration), false);
    if (created.succeeded) return;
    // Somebody else may have been quicker.
    if ((await listed(invoke, name)) === undefined) expectSuccess(created, `declaration of queue "${name}"`);
  }
  if (typeof queue !== 'string') await checkQueue(invoke, peer, declaration);
}

async function checkQueue(invoke: Invoke, peer: ConnectedPeer, queue: QueueDeclaration): Promise<void> {
  const stands = await listed(invoke, queue.name);
  if (stands === undefined) throw notFound(`queue "${queue.name}"`);
  const difference = configurationDiffers(peer, queue, stands);
  if (difference !== undefined) throw conflict(`queue "${queue.name}"`, difference, queue, stands);
}

/** The queue as the peer lists it, each value a text; `undefined`: it is not there. */
async function listed(invoke: Invoke, queue: string): Promise<Listed | undefined> {
  const name = nameIn(queue);
  const filter = JSON.stringify({ field: 'name', operation: 'EQUALS', value: name });
  const answer = await invoke('broker', 'listQueues', filter, 1, 1);
  const page: unknown = field(parsed(expectSuccess(answer, `look for queue "${queue}"`)), 'data');
  const found: readonly unknown[] = Array.isArray(page) ? page : [];
  return found.map(record).find((entry) => entry['name'] === name);
}

function refuseExchanges(peer: ConnectedPeer, { exchanges = [], bindings = [] }: Topology): void {
  if (exchanges.length > 0 || bindings.length > 0) throw noExchanges(peer);
}

function noExchanges(peer: ConnectedPeer): TopologyError {
  return unsupported(
    peer,
    'exchanges and bindings',
    "declare queues with the arguments { address, 'routing-type': 'MULTICAST' }, or diverts in its broker.xml",
  );
}
