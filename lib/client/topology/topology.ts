// What a user wants to stand at the peer.

/** Queues, exchanges and bindings. */
export interface Topology {
  /** A string is a durable queue with this name: a quorum queue on RabbitMQ 4. */
  readonly queues?: readonly (string | QueueDeclaration)[] | undefined;
  readonly exchanges?: readonly ExchangeDeclaration[] | undefined;
  readonly bindings?: readonly BindingDeclaration[] | undefined;
}

/** A queue. Fields that the peer cannot do are refused by name. */
export interface QueueDeclaration {
  readonly name: string;
  /** @default quorum for a durable queue that is neither exclusive, auto-delete nor with priorities, else classic */
  readonly type?: 'classic' | 'quorum' | 'stream' | undefined;
  /** @default true */
  readonly durable?: boolean | undefined;
  /** Belongs to this connection and goes with it. @default false */
  readonly exclusive?: boolean | undefined;
  /** Goes with its last consumer. @default false */
  readonly autoDelete?: boolean | undefined;
  /** Milliseconds that a message lives in it. */
  readonly messageTtlMs?: number | undefined;
  /** Milliseconds without use after which the queue goes. */
  readonly expiresMs?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly maxLengthBytes?: number | undefined;
  readonly overflow?: 'drop-head' | 'reject-publish' | undefined;
  /** `''`: straight to the queue that `deadLetterRoutingKey` names. */
  readonly deadLetterExchange?: string | undefined;
  readonly deadLetterRoutingKey?: string | undefined;
  /** Priorities from 0 to this, at most 255. */
  readonly maxPriority?: number | undefined;
  /** Deliveries of one message in all, before it is dead-lettered. */
  readonly deliveryLimit?: number | undefined;
  /** Only looked for: it must be there, whatever its definition. @default false */
  readonly passive?: boolean | undefined;
  /** As the peer names them: `x-single-active-consumer`. They win over the fields above. */
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
}

/** An exchange. */
export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: 'direct' | 'topic' | 'fanout' | 'headers';
  /** @default true */
  readonly durable?: boolean | undefined;
  /** @default false */
  readonly autoDelete?: boolean | undefined;
  /** Only other exchanges may publish to it. @default false */
  readonly internal?: boolean | undefined;
  /** Only looked for. @default false */
  readonly passive?: boolean | undefined;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
}

/** From an exchange to a queue or to another exchange. */
export interface BindingDeclaration {
  readonly exchange: string;
  readonly queue?: string | undefined;
  readonly destinationExchange?: string | undefined;
  /** @default '' */
  readonly routingKey?: string | undefined;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
}

/** Declares, checks and deletes what stands at the peer. Every call waits for an open connection, within its deadlines. */
export interface TopologyClient {
  /**
   * Makes what is missing and leaves what is there and equal.
   *
   * @throws TopologyError `conflict` (with both definitions), `not-found` (passive, or an end of a binding), `unsupported`
   */
  declare(topology: Topology): Promise<void>;
  /** Whether all of it is there; changes nothing. @throws TopologyError `not-found`, `unsupported` */
  check(topology: Topology): Promise<void>;
  bind(binding: BindingDeclaration): Promise<void>;
  /** A binding that is not there is no error. */
  unbind(binding: BindingDeclaration): Promise<void>;
  /** Deletes the messages that nobody holds; resolves to how many. @throws TopologyError `not-found` */
  purge(queue: string): Promise<number>;
  /** Resolves to the number of messages deleted with it. A queue that is not there is no error. @throws TopologyError `in-use` */
  deleteQueue(
    name: string,
    options?: { readonly ifEmpty?: boolean | undefined; readonly ifUnused?: boolean | undefined },
  ): Promise<number>;
  /** An exchange that is not there is no error. */
  deleteExchange(name: string, options?: { readonly ifUnused?: boolean | undefined }): Promise<void>;
}
