// What differs per product, as one declared value. Facts: docs/brokers.md and the tests under test/brokers.
import type { AmqpMessage, Outcome } from '../../protocol/index.js';
import type { MessageRoute } from '../message/received-message.js';

type Rejected = Extract<Outcome, { kind: 'rejected' }>;

/** The products that are known, and `generic` for any other. */
export type ProfileName =
  'rabbitmq-3' | 'rabbitmq-4' | 'activemq' | 'artemis' | 'qpid' | 'azure' | 'embedded' | 'generic';

/** How one product treats what AMQP 1.0 leaves open. */
export interface PeerProfile {
  readonly name: ProfileName;
  /** A queue's name -> its address on the wire. */
  queueAddress(queue: string): string;
  /** An address on the wire -> the queue's name in it, as other protocols know it; `undefined`: it is no queue's. */
  queueName(address: string): string | undefined;
  /** Capabilities to ask for on a queue's terminus. */
  readonly queueCapabilities: readonly string[];
  /** A topic's name -> address as a target and as a source, and the capabilities to ask for. */
  topic(name: string): {
    readonly target: string | undefined;
    readonly source: string | undefined;
    readonly capabilities: readonly string[];
  };
  /** An exchange and a routing key -> a target address; `undefined`: the product has no exchanges. */
  exchangeAddress: ((exchange: string, routingKey: string | undefined) => string) | undefined;
  /** An address as it goes on the wire that is an exchange or a topic: a message without a taker is nobody's fault there. */
  readonly multicastAddress: RegExp;
  /** `modified` is understood as an outcome. Where it is not (RabbitMQ 3), `released` or `rejected` takes its place. */
  readonly modified: boolean;
  /** `modified{deliveryFailed}` raises delivery-count: always, never, or by the queue's type (asked through management). */
  readonly countsDeliveries: 'always' | 'never' | 'by-queue-type';
  /**
   * A flow's credit counts from the delivery that it names, so that deliveries on their way are part of it. Where it does not
   * (RabbitMQ 3 adds them), new credit is given only when the old is used up: prefetch stays exact.
   */
  readonly countsCreditOnItsWay: boolean;
  /** Drain is answered on an empty queue. A peer that cannot (RabbitMQ 3) answers each flow instead. */
  readonly drain: boolean;
  readonly dynamicNodes: boolean;
  readonly anonymousTerminus: boolean;
  /** distribution-mode copy really browses. */
  readonly browse: boolean;
  /** apache.org selector filters are applied, not only echoed. */
  readonly selectors: boolean;
  readonly durableSubscriptions: boolean;
  /** Several links at one subscription of a topic. */
  readonly sharedSubscriptions: boolean;
  /** The answer to an attach holds the filters that are applied, as it must; one that is missing is refused. `false`: it is only logged. */
  readonly confirmsFilters: boolean;
  /** The filter against one's own messages is applied, on topics at least. */
  readonly noLocal: boolean;
  /** Queues that are logs, read from an offset (RabbitMQ 4). */
  readonly streams: boolean;
  /** The link property with a consumer's priority. */
  readonly consumerPriority: string | undefined;
  readonly transactions: boolean;
  /** Outcomes that a commit makes true. With `accepted` any other leaves the message with nobody until its link ends. */
  readonly outcomesInTransactions: 'all' | 'accepted';
  /** The way of a message to its queue, as this peer writes it on the message. */
  routeOf(message: AmqpMessage): MessageRoute;
  /** How a message is delayed: the annotation that carries it, or not at all. */
  readonly delay: { readonly annotation: string; readonly as: 'delay-ms' | 'time' } | undefined;
  /** How a reply address is had. */
  readonly replies: 'dynamic' | 'direct-reply-to' | 'exclusive-queue' | 'configured';
  readonly topology: 'rabbitmq-management' | 'artemis-management' | 'qpid-management' | 'auto-create' | 'none';
  /** A refused attach ends its whole session (RabbitMQ). */
  readonly refusalEndsSession: boolean;
  /** A clean detach keeps unsettled deliveries away from other consumers until the session ends (RabbitMQ 3). */
  readonly detachKeepsUnsettled: boolean;
  /**
   * What becomes of a message of the batch format: `whole`: it arrives as it was sent, or as its messages. Otherwise what the peer does to it,
   * in words that go on after "it": such a batch is refused here.
   */
  readonly batches: 'whole' | { readonly lost: string };
  /** What every key of annotations has to start with, on a peer that ends the session otherwise. */
  readonly annotationPrefix: string | undefined;
  /** A message's user-id has to be the login's name; the session ends otherwise. */
  readonly userIdIsLogin: boolean;
  /**
   * Conditions with which it closes the connection when it is stopped under load: with the connection ended they say nothing of the
   * messages that were on their way, which are sent again.
   */
  readonly stoppingConditions: readonly string[];
  /**
   * Conditions of a rejection that speak of the peer's load and not of the message, and how long it wants to be left alone. Unit: milliseconds;
   * 0: as long as after any failure.
   */
  readonly passingRejections: ReadonlyMap<string, number>;
  /** A rejection as this peer reads it, where it wants the reason elsewhere than in condition and description. */
  readonly rejection: ((outcome: Rejected) => Rejected) | undefined;
  /** A container-id has one connection: until it has noticed the loss of an old one, it refuses the new one for its container-id. */
  readonly uniqueContainerIds: boolean;
  /** `false`: a message with delivery annotations is never answered. */
  readonly deliveryAnnotations: boolean;
}
