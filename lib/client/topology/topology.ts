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

/** One queue, as the peer tells it. */
export interface QueueInfo {
  readonly name: string;
  /** `undefined`: the peer has one kind of queue. */
  readonly type: 'classic' | 'quorum' | 'stream' | undefined;
  /** Messages in it; Artemis and Qpid also count those that a consumer holds. */
  readonly messageCount: number;
  readonly consumerCount: number;
  /** The node of a cluster that leads it. `undefined`: the peer does not tell. */
  readonly leader: string | undefined;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  /** Whether what is rejected is kept, as far as the queue itself says. `undefined`: not known. */
  readonly deadLetters: boolean | undefined;
  /** RabbitMQ: its arguments. Artemis, Qpid: all that they tell, in their words. */
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Declares, checks and deletes what stands at the peer. Every call waits for an open connection, within its deadlines. */
export interface TopologyClient {
  /**
   * Makes what is missing and leaves what is there and equal.
   *
   * `kept`: declared again after each reconnect, before links attach, until it is deleted or unbound here, or the connection is closed. For
   * queues that go with their connection or consumer (`exclusive`, `autoDelete`, `expiresMs`), and for peers that may lose them.
   *
   * @throws TopologyError `conflict` (with both definitions), `not-found` (passive, or an end of a binding), `unsupported`
   */
  declare(topology: Topology, options?: { readonly kept?: boolean | undefined }): Promise<void>;
  /** Whether all of it is there; changes nothing. @throws TopologyError `not-found`, `unsupported` */
  check(topology: Topology): Promise<void>;
  /** What the peer tells of a queue now. @throws TopologyError `not-found`, `unsupported` */
  inspect(queue: string): Promise<QueueInfo>;
  bind(binding: BindingDeclaration): Promise<void>;
  /** A binding that is not there is no error. */
  unbind(binding: BindingDeclaration): Promise<void>;
  /** Deletes the messages that nobody holds; resolves to how many. @throws TopologyError `not-found` */
  purge(queue: string): Promise<number>;
  /**
   * Resolves to the number of messages deleted with it. A queue that is not there is no error. The conditions are looked at first and
   * then it is deleted: what comes in between goes with it (on Artemis only `ifEmpty` is such a race).
   *
   * @throws TopologyError `in-use`
   */
  deleteQueue(
    name: string,
    options?: { readonly ifEmpty?: boolean | undefined; readonly ifUnused?: boolean | undefined },
  ): Promise<number>;
  /** An exchange that is not there is no error. `ifUnused` is `unsupported` on RabbitMQ, which cannot be asked. */
  deleteExchange(name: string, options?: { readonly ifUnused?: boolean | undefined }): Promise<void>;
}
