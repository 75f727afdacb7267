// What a link is asked for decides what serves it: a queue, an exchange, a service node, the coordinator.

import { randomUUID } from 'node:crypto';
import type { AttachRequest, PeerError, PeerReceives, PeerSends, Terminus } from '../../protocol/acceptor/index.js';
import { type BrokerAddress, DYNAMIC, parseAddress, type ServiceName } from '../nodes/address.js';
import type { Nodes } from '../nodes/nodes.js';
import type { Destination, Router } from '../nodes/router.js';
import { DEFAULT_QUEUE } from '../queue/queue-settings.js';
import type { Queue } from '../queue/queue.js';
import { readFilters } from '../selector/filters.js';
import { ReplyLink } from '../service/reply-links.js';
import type { Service } from '../service/service.js';
import type { BrokerConnection } from './broker-connection.js';
import { ConsumerLink } from './consumer-link.js';
import { CoordinatorLink } from './coordinator-link.js';
import { ProducerLink } from './producer-link.js';
import { ServiceLink } from './service-link.js';

export interface AttachHandlerOptions {
  readonly nodes: Nodes;
  readonly router: Router;
  readonly services: ReadonlyMap<ServiceName, Service>;
  readonly now: () => number;
  readonly autoCreateQueues: boolean;
  readonly senderCredit: number;
  readonly maxMessageBytes: number;
  readonly maxLinksPerConnection: number;
  /** Links other than those to `$cbs` need a token. */
  readonly tokenRequired: boolean;
}

/** Ends an attach with this error. */
class Refusal extends Error {
  constructor(readonly error: PeerError) {
    super(error.description);
  }
}

export class AttachHandler {
  constructor(private readonly options: AttachHandlerOptions) {}

  handle(request: AttachRequest, connection: BrokerConnection): void {
    try {
      if (connection.linkCount >= this.options.maxLinksPerConnection) {
        const description = `a connection has at most ${this.options.maxLinksPerConnection} links`;
        throw new Refusal({ condition: 'amqp:resource-limit-exceeded', description });
      }
      if (request.role === 'peer-receives') this.#serveReceiver(request, connection);
      else this.#serveSender(request, connection);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      request.refuse(error.error);
    }
  }

  #serveReceiver(request: PeerReceives, connection: BrokerConnection): void {
    const { source } = request;
    if (source === undefined) throw refusal('amqp:invalid-field', 'the attach has no source');
    checkNoTopic(source);
    const temporary = source.dynamic === true ? this.#temporaryQueue() : undefined;
    const address = temporary === undefined ? this.#parse(source.address) : queueAddress(temporary);
    this.#checkToken(address, connection);
    if (address.kind === 'service') {
      this.#serveReplies(request, connection, address.name, source);
      return;
    }
    if (address.kind !== 'queue') throw refusal('amqp:not-found', whyNoSource(address));
    const queue = temporary ?? this.#existingQueue(address);
    if (queue.owner !== undefined && queue.owner !== connection) {
      throw refusal('amqp:resource-locked', `queue "${queue.name}" is exclusive to another connection`);
    }
    const { wants, applied, problem } = readFilters(source.filters);
    if (problem !== undefined) throw refusal(problem.condition, problem.description);
    connection.linkOpened();
    const link: ConsumerLink = new ConsumerLink({
      request,
      connection,
      queue,
      source: {
        ...source,
        ...(temporary === undefined ? {} : { address: temporary.name }),
        distributionMode: source.distributionMode ?? 'move',
        filters: applied,
      },
      wants,
      now: this.options.now,
      onClosed: () => this.#closed(connection, link, temporary),
    });
    connection.addLink(link);
  }

  #serveSender(request: PeerSends, connection: BrokerConnection): void {
    if (request.coordinator !== undefined) {
      this.#serveCoordinator(request, connection);
      return;
    }
    const { target } = request;
    if (target === undefined) throw refusal('amqp:invalid-field', 'the attach has no target');
    checkNoTopic(target);
    const temporary = target.dynamic === true ? this.#temporaryQueue() : undefined;
    const address = temporary === undefined ? this.#parse(target.address) : queueAddress(temporary);
    this.#checkToken(address, connection);
    if (address.kind === 'unknown') throw refusal('amqp:not-found', address.reason);
    if (address.kind === 'service') {
      this.#serveRequests(request, connection, address.name, target);
      return;
    }
    if (address.kind === 'exchange') this.#checkExchange(address.name);
    const { router, senderCredit, maxMessageBytes, autoCreateQueues } = this.options;
    connection.linkOpened();
    const link: ProducerLink = new ProducerLink({
      request,
      connection,
      destination: address.kind === 'anonymous' ? undefined : address,
      queue: temporary ?? (address.kind === 'queue' ? this.#existingQueue(address) : undefined),
      target: temporary === undefined ? target : { ...target, address: temporary.name },
      router,
      credit: senderCredit,
      maxMessageBytes,
      autoCreateQueues,
      onClosed: () => this.#closed(connection, link, temporary),
    });
    connection.addLink(link);
  }

  #serveCoordinator(request: PeerSends, connection: BrokerConnection): void {
    this.#checkToken({ kind: 'anonymous' }, connection);
    connection.linkOpened();
    const link: CoordinatorLink = new CoordinatorLink(request, connection.transactions, () =>
      connection.linkClosed(link),
    );
    connection.addLink(link);
  }

  #serveReplies(request: PeerReceives, connection: BrokerConnection, name: ServiceName, source: Terminus): void {
    connection.linkOpened();
    const link = new ReplyLink(request, source, (closed) => {
      connection.replies.remove(name, closed);
      connection.linkClosed(closed);
    });
    connection.replies.add(name, link);
  }

  #serveRequests(request: PeerSends, connection: BrokerConnection, name: ServiceName, target: Terminus): void {
    const service = this.options.services.get(name);
    if (service === undefined) throw refusal('amqp:not-found', `there is no node "${name}"`);
    const { router, maxMessageBytes } = this.options;
    connection.linkOpened();
    const link: ServiceLink = new ServiceLink({
      request,
      connection,
      service,
      target,
      router,
      maxMessageBytes,
      onClosed: () => connection.linkClosed(link),
    });
  }

  #parse(address: string | null | undefined): BrokerAddress {
    return parseAddress(address, this.options.autoCreateQueues);
  }

  #checkToken(address: BrokerAddress, connection: BrokerConnection): void {
    if (!this.options.tokenRequired || (address.kind === 'service' && address.name === '$cbs')) return;
    if (connection.tokens.expiresAt > this.options.now()) return;
    throw refusal('amqp:unauthorized-access', 'the connection has put no token on $cbs that is still good');
  }

  #existingQueue(address: Extract<Destination, { kind: 'queue' }>): Queue {
    const { nodes } = this.options;
    const queue = address.autoCreate ? nodes.autoCreateQueue(address.name) : nodes.queue(address.name);
    if (queue === undefined) {
      if (address.autoCreate) throw refusal('amqp:resource-limit-exceeded', 'the broker has too many queues');
      throw refusal('amqp:not-found', `there is no queue "${address.name}"`);
    }
    return queue;
  }

  #checkExchange(name: string): void {
    const exchange = this.options.nodes.exchange(name);
    if (exchange === undefined) throw refusal('amqp:not-found', `there is no exchange "${name}"`);
    if (exchange.settings.internal) throw refusal('amqp:unauthorized-access', `exchange "${name}" is internal`);
  }

  /** A dynamic node: goes with the link that asked for it. */
  #temporaryQueue(): Queue {
    const settings = { ...DEFAULT_QUEUE, durable: false };
    const declared = this.options.nodes.declareQueue(`${DYNAMIC}${randomUUID()}`, settings);
    if (declared.kind === 'created') return declared.node;
    throw refusal('amqp:internal-error', 'a random name was in use');
  }

  #closed(connection: BrokerConnection, link: ConsumerLink | ProducerLink, temporary: Queue | undefined): void {
    connection.linkClosed(link);
    if (temporary !== undefined) this.options.nodes.deleteQueue(temporary);
  }
}

function refusal(condition: string, description: string): Refusal {
  return new Refusal({ condition, description });
}

/** What a JMS client asks of a topic by capability would be served by a queue of that name. */
function checkNoTopic({ capabilities = [] }: Terminus): void {
  if (!capabilities.some((capability) => capability === 'topic' || capability === 'temporary-topic')) return;
  const instead = 'send to "/exchanges/amq.topic/<key>" and receive from a queue that is bound to it';
  throw refusal('amqp:not-implemented', `the embedded broker has no topics: ${instead}`);
}

function queueAddress(queue: Queue): BrokerAddress {
  return { kind: 'queue', name: queue.name, autoCreate: false };
}

function whyNoSource(address: BrokerAddress): string {
  switch (address.kind) {
    case 'unknown':
      return address.reason;
    case 'exchange':
      return `exchange "${address.name}" keeps no messages: receive from a queue that is bound to it`;
    case 'anonymous':
      return 'the source has no address';
    case 'queue':
    case 'service':
      return 'the source cannot be received from';
  }
}
