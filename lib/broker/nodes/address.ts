// What an address means at this broker: RabbitMQ 4's form, bare queue names and the service nodes.

import type { Destination } from './router.js';

export type BrokerAddress =
  | Destination
  /** `/management`, `$management` and `$cbs`: requests and answers, no storage. */
  | { readonly kind: 'service'; readonly name: ServiceName }
  /** Each message says where it goes. */
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'unknown'; readonly reason: string };

export type ServiceName = '/management' | '$management' | '$cbs';

const SERVICES: readonly ServiceName[] = ['/management', '$management', '$cbs'];
/** A whole URL; what is named stands behind the host. */
const URL_FORM = /^amqps?:\/\/[^/?#]+\/([^?#]+)$/;
const MAX_NAME_BYTES = 255;
/** The names of dynamic nodes: this, then a UUID. */
export const DYNAMIC = 'temp.';
const DYNAMIC_NAME = /^temp\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * @param autoCreateQueues a bare name makes the queue it names; one under `/queues/` must be there all the same
 */
export function parseAddress(address: string | null | undefined, autoCreateQueues: boolean): BrokerAddress {
  if (address === null || address === undefined) return { kind: 'anonymous' };
  const service = SERVICES.find((name) => name === address);
  if (service !== undefined) return { kind: 'service', name: service };
  if (address.startsWith('/')) return parsePath(address);
  // The way in which uamqp and others for Azure write every address.
  const [, named] = URL_FORM.exec(address) ?? [];
  if (named !== undefined && !named.startsWith('/') && !named.includes('://'))
    return parseAddress(named, autoCreateQueues);
  if (address.includes('://')) return unknown(`address "${address}" is of no form that this broker knows`);
  return queue(address, autoCreateQueues);
}

function parsePath(address: string): BrokerAddress {
  const [, head, ...parts] = address.split('/');
  const names = parts.map(percentDecoded);
  const [first, second] = names;
  if (names.includes(undefined)) return unknown(`address "${address}" is not percent-encoded as it should be`);
  if (head === 'queues' && names.length === 1 && first !== undefined) return queue(first, false);
  if (head === 'exchanges' && names.length <= 2 && first !== undefined && first !== '') {
    return { kind: 'exchange', name: first, routingKey: second ?? '' };
  }
  return unknown(`address "${address}" is neither /queues/:queue, /exchanges/:exchange nor /exchanges/:exchange/:key`);
}

function queue(name: string, autoCreate: boolean): BrokerAddress {
  if (name === '') return unknown('an address is empty');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return unknown(`a queue's name has more than ${MAX_NAME_BYTES} bytes`);
  // A dynamic node that is gone is gone: a late reply must not make a queue that nobody reads.
  return { kind: 'queue', name, autoCreate: autoCreate && !DYNAMIC_NAME.test(name) };
}

function unknown(reason: string): BrokerAddress {
  return { kind: 'unknown', reason };
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // A `%` that starts no byte, or bytes that are no UTF-8: the caller says so.
    return undefined;
  }
}
