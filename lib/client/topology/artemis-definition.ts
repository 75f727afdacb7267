// A queue's declaration in the words of Artemis.

import type { ConnectedPeer } from '../connection/connect-peer.js';
import { firstDifference } from './plain-record.js';
import type { QueueDeclaration } from './topology.js';
import { unsupported } from './topology-errors.js';

/** What belongs to the settings of addresses there, which no client sets for one queue. */
const OF_ADDRESSES: Readonly<Partial<Record<keyof QueueDeclaration, string>>> = {
  messageTtlMs: 'max-expiry-delay',
  expiresMs: 'auto-delete-queues with auto-delete-queues-delay',
  maxLengthBytes: 'max-size-bytes with address-full-policy',
  deadLetterExchange: 'dead-letter-address',
  deliveryLimit: 'max-delivery-attempts',
};
const HIGHEST_PRIORITY = 9;

/** The argument of `createQueue`. `arguments` win: `address`, `routing-type`, `filter-string` ... @throws TopologyError `unsupported` */
export function queueConfiguration(peer: ConnectedPeer, queue: QueueDeclaration): Record<string, unknown> {
  refuse(peer, queue);
  return {
    name: nameIn(queue.name),
    address: queue.name.split('::', 1)[0],
    'routing-type': 'ANYCAST',
    durable: true,
    'auto-create-address': true,
    ...stated(queue),
  };
}

/** What differs from a queue as `listQueues` shows it, in words; only what the declaration states is compared. */
export function configurationDiffers(
  peer: ConnectedPeer,
  queue: QueueDeclaration,
  listed: Readonly<Record<string, unknown>>,
): string | undefined {
  refuse(peer, queue);
  const shown = Object.entries(stated(queue)).filter(([name]) => listedName(name) in listed);
  const texts = Object.fromEntries(shown.map(([name, value]) => [name, String(value)]));
  return firstDifference(texts, (name) => listed[listedName(name)]);
}

/** `address::queue` names a queue of an address. */
export function nameIn(queue: string): string {
  const at = queue.indexOf('::');
  return at < 0 ? queue : queue.slice(at + 2);
}

function stated({ durable, autoDelete, maxLength, arguments: given }: QueueDeclaration): Record<string, unknown> {
  const fields = { durable, 'auto-delete': autoDelete, 'ring-size': maxLength, ...given };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** `ring-size` is listed as `ringSize`. */
function listedName(name: string): string {
  if (name === 'filter-string') return 'filter';
  return name.replaceAll(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
}

function refuse(peer: ConnectedPeer, queue: QueueDeclaration): void {
  const of = `of queue "${queue.name}"`;
  for (const [name, setting] of Object.entries(OF_ADDRESSES))
    if (queue[name as keyof QueueDeclaration] !== undefined)
      throw unsupported(peer, `${name} ${of}`, `set ${setting} in an address-setting of its broker.xml`);
  if (queue.overflow === 'reject-publish')
    throw unsupported(
      peer,
      `overflow ${of}`,
      'set max-size-messages with address-full-policy FAIL in an address-setting',
    );
  if (queue.exclusive === true) throw unsupported(peer, `exclusive ${of}`, 'use a dynamic source');
  if (queue.type !== undefined && queue.type !== 'classic')
    throw unsupported(peer, `type ${of}`, 'it has one kind of queue');
  if (queue.maxPriority !== undefined && queue.maxPriority > HIGHEST_PRIORITY)
    throw unsupported(peer, `maxPriority ${of}`, `each queue has the priorities 0 to ${HIGHEST_PRIORITY}`);
}
