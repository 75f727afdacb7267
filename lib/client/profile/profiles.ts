// What is known of each product, one value per profile. Measured unless a line says otherwise; docs/brokers.md holds the probes.

import type { AmqpMessage } from '../../protocol/index.js';
import type { MessageRoute } from '../message/received-message.js';
import type { PeerProfile, ProfileName } from './peer-profile.js';

const part = encodeURIComponent;
const DEAD_LETTER = 'com.microsoft:dead-letter';

/** The name behind one of these prefixes, percent-encoded there. */
function nameBehind(...prefixes: readonly string[]): (address: string) => string | undefined {
  return (address) => {
    const prefix = prefixes.find((each) => address.startsWith(each));
    return prefix === undefined ? bareName(address) : decoded(address.slice(prefix.length));
  };
}

/** A name is its own address where there are no forms of addresses. */
function bareName(address: string): string | undefined {
  return address.startsWith('/') || address.includes('://') ? undefined : address;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a `%` that starts no byte: the peer will not know it either
  }
}

/** RabbitMQ, and the embedded broker as it: the exchange (empty: the default one) and the key. */
function routeByAnnotations({ messageAnnotations }: AmqpMessage): MessageRoute {
  const { 'x-exchange': exchange, 'x-routing-key': routingKey } = messageAnnotations ?? {};
  return {
    exchange: typeof exchange === 'string' ? exchange : undefined,
    routingKey: typeof routingKey === 'string' ? routingKey : undefined,
  };
}

/** An unknown peer: names go out as they are, and it is the peer that refuses what it cannot do. */
const generic: PeerProfile = {
  name: 'generic',
  queueAddress: (queue) => queue,
  queueName: nameBehind('/queues/'),
  queueCapabilities: [],
  topic: (name) => ({ target: name, source: name, capabilities: ['topic'] }),
  exchangeAddress: undefined,
  multicastAddress: /^(\/exchanges\/|topic:\/\/)/,
  modified: true,
  countsDeliveries: 'always',
  countsCreditOnItsWay: true,
  drain: true,
  dynamicNodes: true,
  anonymousTerminus: true,
  browse: true,
  selectors: true,
  durableSubscriptions: true,
  sharedSubscriptions: true,
  confirmsFilters: true,
  noLocal: true,
  streams: true,
  consumerPriority: undefined,
  transactions: true,
  outcomesInTransactions: 'all',
  routeOf: ({ properties }) => ({ destination: properties?.to }),
  delay: undefined,
  replies: 'dynamic',
  topology: 'none',
  refusalEndsSession: false,
  detachKeepsUnsettled: false,
  batches: 'whole',
  annotationPrefix: undefined,
  userIdIsLogin: false,
  stoppingConditions: [],
  passingRejections: new Map(),
  rejection: undefined,
  uniqueContainerIds: false,
  deliveryAnnotations: true,
};

/** RabbitMQ 4: addresses of version 2, `/management`, no dynamic nodes, counting by queue type. */
const rabbitmq4: PeerProfile = {
  ...generic,
  name: 'rabbitmq-4',
  queueAddress: (queue) => `/queues/${part(queue)}`,
  // Its deprecated addresses, too: never written here, but a user may.
  queueName: nameBehind('/queues/', '/amq/queue/', '/queue/'),
  topic: (name) => ({ target: `/exchanges/amq.topic/${part(name)}`, source: undefined, capabilities: [] }),
  exchangeAddress: (exchange, routingKey) =>
    routingKey === undefined || routingKey === ''
      ? `/exchanges/${part(exchange)}`
      : `/exchanges/${part(exchange)}/${part(routingKey)}`,
  countsDeliveries: 'by-queue-type',
  dynamicNodes: false,
  browse: false,
  selectors: false,
  durableSubscriptions: false,
  sharedSubscriptions: false,
  noLocal: false,
  consumerPriority: 'rabbitmq:priority',
  transactions: false,
  routeOf: routeByAnnotations,
  replies: 'exclusive-queue',
  topology: 'rabbitmq-management',
  refusalEndsSession: true,
  batches: { lost: 'drops the message-format, so that nobody can tell its messages apart' },
  annotationPrefix: 'x-',
  userIdIsLogin: true,
};

/** From 4.2 on, by its documentation: a volatile queue per link takes replies. */
const rabbitmq4WithDirectReply: PeerProfile = { ...rabbitmq4, replies: 'direct-reply-to' };

/** RabbitMQ 3 with the amqp1_0 plug-in. `modified` ends the session, a drain is never answered. */
const rabbitmq3: PeerProfile = {
  ...rabbitmq4,
  name: 'rabbitmq-3',
  queueAddress: (queue) => `/amq/queue/${part(queue)}`,
  queueName: nameBehind('/amq/queue/', '/queue/'),
  topic: (name) => ({ target: `/topic/${part(name)}`, source: `/topic/${part(name)}`, capabilities: [] }),
  exchangeAddress: (exchange, routingKey) =>
    routingKey === undefined || routingKey === ''
      ? `/exchange/${part(exchange)}`
      : `/exchange/${part(exchange)}/${part(routingKey)}`,
  streams: false,
  consumerPriority: undefined,
  multicastAddress: /^\/(exchange|topic)\//,
  modified: false,
  countsDeliveries: 'never',
  countsCreditOnItsWay: false,
  drain: false,
  anonymousTerminus: false,
  replies: 'configured',
  topology: 'none',
  detachKeepsUnsettled: true,
  deliveryAnnotations: false,
  annotationPrefix: undefined,
};

/** ActiveMQ Classic: every attach creates the queue; a topic capability is ignored, the prefix is not. */
const activemq: PeerProfile = {
  ...generic,
  name: 'activemq',
  sharedSubscriptions: false,
  streams: false,
  // A temporary queue has no other name than its address.
  queueName: (address) => bareName(address.replace(/^queue:\/\//, '')),
  topic: (name) => ({ target: `topic://${name}`, source: `topic://${name}`, capabilities: [] }),
  outcomesInTransactions: 'accepted',
  delay: { annotation: 'x-opt-delivery-delay', as: 'delay-ms' },
  topology: 'auto-create',
  batches: { lost: 'accepts it and keeps its last message only' },
  stoppingConditions: ['amqp:decode-error'],
  uniqueContainerIds: true,
};

/** Apache Artemis. Without the capability an address that is created by an attach is a multicast one. */
const artemis: PeerProfile = {
  ...generic,
  name: 'artemis',
  streams: false,
  consumerPriority: 'priority',
  queueCapabilities: ['queue'],
  outcomesInTransactions: 'accepted',
  delay: { annotation: 'x-opt-delivery-delay', as: 'delay-ms' },
  topology: 'artemis-management',
};

/** Apache Qpid Broker-J. It makes a queue at an attach only where its virtual host is told to. */
const qpid: PeerProfile = {
  ...generic,
  name: 'qpid',
  streams: false,
  consumerPriority: 'priority',
  topology: 'qpid-management',
  batches: { lost: 'refuses it and detaches the link' },
  topic: (name) => ({ target: `amq.topic/${name}`, source: `amq.topic/${name}`, capabilities: [] }),
  multicastAddress: /^amq\.[a-z]+\//,
  exchangeAddress: (exchange, routingKey) => (routingKey === undefined ? exchange : `${exchange}/${routingKey}`),
};

/** Azure Service Bus and Event Hubs, by their documentation; untested. */
const azure: PeerProfile = {
  ...generic,
  name: 'azure',
  topic: (name) => ({ target: name, source: undefined, capabilities: [] }),
  dynamicNodes: false,
  anonymousTerminus: false,
  browse: false,
  selectors: false,
  durableSubscriptions: false,
  sharedSubscriptions: false,
  confirmsFilters: false,
  noLocal: false,
  streams: false,
  delay: { annotation: 'x-opt-scheduled-enqueue-time', as: 'time' },
  replies: 'configured',
  // Throttling and fail-overs are told by the outcome of a message; the pauses are those of its SDK for Python.
  passingRejections: new Map([
    ['com.microsoft:server-busy', 4_000],
    ['com.microsoft:timeout', 2_000],
    ['com.microsoft:container-close', 4_000],
    ['com.microsoft:operation-cancelled', 0],
    ['amqp:internal-error', 0],
  ]),
  // What it shows of a dead letter is read from the info alone.
  rejection: ({ condition, description, info }) => ({
    kind: 'rejected',
    condition: DEAD_LETTER,
    description,
    info: {
      ...(condition !== DEAD_LETTER && condition !== undefined && { DeadLetterReason: condition }),
      ...(description !== undefined && { DeadLetterErrorDescription: description }),
      ...info,
    },
  }),
};

/** The broker of this package. */
const embedded: PeerProfile = {
  ...generic,
  name: 'embedded',
  topic: (name) => ({ target: `/exchanges/amq.topic/${part(name)}`, source: undefined, capabilities: [] }),
  exchangeAddress: rabbitmq4.exchangeAddress,
  durableSubscriptions: false,
  sharedSubscriptions: false,
  noLocal: false,
  streams: false,
  delay: { annotation: 'x-opt-delivery-delay', as: 'delay-ms' },
  topology: 'rabbitmq-management',
};

const PROFILES: Readonly<Record<ProfileName, PeerProfile>> = {
  'rabbitmq-3': rabbitmq3,
  'rabbitmq-4': rabbitmq4,
  activemq,
  artemis,
  qpid,
  azure,
  embedded,
  generic,
};

/** Every profile's name, in the order of the documentation. */
export const PROFILE_NAMES: readonly ProfileName[] = [
  'rabbitmq-3',
  'rabbitmq-4',
  'activemq',
  'artemis',
  'qpid',
  'azure',
  'embedded',
  'generic',
];

/** The profile of this name, for a peer of this version. */
export function profileNamed(name: ProfileName, version?: string): PeerProfile {
  if (name === 'rabbitmq-4' && version !== undefined && isAtLeast(version, 4, 2)) return rabbitmq4WithDirectReply;
  return PROFILES[name];
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [, theirMajor = '0', theirMinor = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(theirMajor) > major || (Number(theirMajor) === major && Number(theirMinor) >= minor);
}
