// One operation of one connection on any node: how its spans are called, and by what its metrics are counted.

import type { Attributes } from '@opentelemetry/api';
import type { ObservedConnection, ObservedNode, Outcome } from '../client/index.js';
import { ATTRIBUTE, FIXED_NAME } from './attribute-names.js';

/** The same objects for all that happens on one node. */
export interface Described {
  readonly spanName: string;
  /** What is known before anything happens: a sampler sees them. */
  readonly spanAttributes: Attributes;
  readonly durationAttributes: Attributes;
  /** Without the operation's type, which counters do not have. */
  readonly countAttributes: Attributes;
  /** What says who the peer is: known only when it has answered. */
  readonly peerAttributes: Attributes;
}

/** What an operation is called. */
export interface OperationNames {
  readonly name: string;
  /** The convention knows no other ones. */
  readonly type?: 'send' | 'receive' | 'process' | 'settle';
  /** What a settlement says. */
  readonly outcome?: Outcome['kind'];
}

/** What an operation is described by, beside its own names. */
export interface Surroundings {
  readonly connection: ObservedConnection;
  readonly system: string | undefined;
  /** `undefined`: names are low in number. Throws nothing. */
  readonly templateOf: (name: string) => string | undefined;
}

/** Described once per node, and anew when another peer answers. */
export class Operation {
  #described = new WeakMap<ObservedNode, Described>();

  constructor(
    private readonly names: OperationNames,
    private readonly surroundings: Surroundings,
  ) {}

  /** @param to of a message on the anonymous terminus */
  on(node: ObservedNode, address: string, to?: string): Described {
    const known = this.#described.get(node);
    if (known !== undefined && node.kind !== 'anonymous') return known;
    const template = templateFor(node, address, to, this.surroundings.templateOf);
    if (known !== undefined && template === undefined) return known;
    const described = this.#describe(node, address, template);
    if (node.kind !== 'anonymous' || template === undefined) this.#described.set(node, described);
    return described;
  }

  /** The peer may be another one now. */
  forget(): void {
    this.#described = new WeakMap();
  }

  #describe(node: ObservedNode, address: string, template: string | undefined): Described {
    const { connection, system = systemOf(connection.profile, address) } = this.surroundings;
    const { name, type, outcome } = this.names;
    const destination = destinationName(node, address);
    const peerAttributes: Attributes = {
      [ATTRIBUTE.system]: system,
      ...(connection.host !== undefined && { [ATTRIBUTE.serverAddress]: connection.host }),
      ...(connection.port !== undefined && { [ATTRIBUTE.serverPort]: connection.port }),
    };
    const place: Attributes = {
      ...peerAttributes,
      [ATTRIBUTE.operationName]: name,
      ...(node.kind === 'temporary' && { [ATTRIBUTE.temporary]: true }),
      ...(node.kind === 'anonymous' && { [ATTRIBUTE.anonymous]: true }),
      ...(template !== undefined && { [ATTRIBUTE.template]: template }),
      ...(outcome !== undefined && { [ATTRIBUTE.outcome]: outcome }),
    };
    const typed = type === undefined ? place : { ...place, [ATTRIBUTE.operationType]: type };
    const counted = template === undefined ? { [ATTRIBUTE.destination]: destination } : {};
    return {
      spanName: `${name} ${template ?? destination}`,
      spanAttributes: {
        ...typed,
        ...(node.kind === 'named' && { [ATTRIBUTE.destination]: destination }),
        ...(node.routingKey !== undefined && { [ATTRIBUTE.routingKey]: node.routingKey }),
        [ATTRIBUTE.clientId]: connection.containerId,
      },
      durationAttributes: { ...typed, ...counted },
      countAttributes: { ...place, ...counted },
      peerAttributes,
    };
  }
}

/** Products that the convention has a name for. */
const SYSTEMS: Readonly<Record<string, string>> = {
  'rabbitmq-3': 'rabbitmq',
  'rabbitmq-4': 'rabbitmq',
  activemq: 'activemq',
  artemis: 'activemq',
  azure: 'servicebus',
};

/** Only Event Hubs have partitions, and consumer groups. */
const EVENT_HUB = /\/(ConsumerGroups\/[^/]+|Partitions\/[^/]+)(\/|$)/i;

/**
 * `messaging.system`; of all others the protocol.
 *
 * @param address tells Event Hubs from Service Bus: their host names are the same, and no documentation names anything in OPEN that would
 */
export function systemOf(profile: string | undefined, address = ''): string {
  if (profile === 'azure' && EVENT_HUB.test(address)) return 'eventhubs';
  return SYSTEMS[profile ?? ''] ?? 'amqp';
}

/** A temporary node's name says nothing; that of an exchange is the convention's for RabbitMQ. */
function destinationName({ kind, exchange, routingKey }: ObservedNode, address: string): string {
  if (kind !== 'named') return FIXED_NAME[kind];
  if (exchange === undefined) return address;
  return [exchange, routingKey].filter(Boolean).join(':') || 'amq.default';
}

function templateFor(
  { kind }: ObservedNode,
  address: string,
  to: string | undefined,
  templateOf: Surroundings['templateOf'],
): string | undefined {
  if (kind === 'named') return templateOf(address);
  return kind === 'anonymous' && to !== undefined ? templateOf(to) : undefined;
}
