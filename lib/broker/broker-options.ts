import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration } from '../client/index.js';
import type { PutToken, TokenVerdict } from './service/claims.js';

/** A queue that stands when the broker starts. */
export interface EmbeddedQueue extends QueueDeclaration {
  /** The queue that takes its dead letters; made if it is not there. In place of `deadLetterExchange`. */
  readonly deadLetter?: string | undefined;
  /**
   * Deliveries of one message in all: when the last of them fails (`modified` with `deliveryFailed`) it is a dead letter.
   * In place of `deliveryLimit`.
   *
   * @default no limit
   */
  readonly maxDeliveries?: number | undefined;
}

/** How one embedded broker behaves. */
export interface EmbeddedBrokerOptions {
  /** By which `embedded:NAME` joins it in this process. @default a random one, which joins nobody */
  readonly name?: string | undefined;
  /** @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** 0: any that is free; `false`: no TCP. @default 0 */
  readonly port?: number | false | undefined;
  /** User to password, for SASL PLAIN. @default none */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** @default true when there are no users */
  readonly allowAnonymous?: boolean | undefined;
  readonly queues?: readonly (string | EmbeddedQueue)[] | undefined;
  readonly exchanges?: readonly ExchangeDeclaration[] | undefined;
  readonly bindings?: readonly BindingDeclaration[] | undefined;
  /** A link to a bare name makes the queue of that name. @default true */
  readonly autoCreateQueues?: boolean | undefined;
  /** Starts although `NODE_ENV` is `production`. @default false */
  readonly allowInProduction?: boolean | undefined;
  /**
   * What its OPEN says of it, over product and version. RabbitMQ's Java client for AMQP 1.0 wants `{ version: '4.2.0', node: 'rabbit@embedded' }`;
   * with `product: 'RabbitMQ'` clients of this library take it for one as well.
   */
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  /** Bytes. Range: 512 to 262 144. @default 131_072 */
  readonly maxFrameSize?: number | undefined;
  /** Bytes of one message. @default 16_777_216 (16 MiB) */
  readonly maxMessageBytes?: number | undefined;
  /** @default 1_000 */
  readonly maxConnections?: number | undefined;
  /** @default 1_000 */
  readonly maxLinksPerConnection?: number | undefined;
  /** Messages that a sender may have on their way. Range: 1 to 100 000. @default 1_000 */
  readonly senderCredit?: number | undefined;
  /** Silence after which a peer is dropped. Unit: milliseconds; 0: never. @default 60_000 */
  readonly idleTimeoutMs?: number | undefined;
  /** Claims-based security. */
  readonly cbs?:
    | {
        /**
         * Every link needs a token that was put before, and is detached (`amqp:unauthorized-access`) when the last one has expired.
         * SASL MSSBCBS is offered then, too; with `allowAnonymous: false` and no users it is the only mechanism.
         *
         * @default false
         */
        readonly required?: boolean | undefined;
        /** @default takes any token */
        readonly validate?: ((token: PutToken) => TokenVerdict) | undefined;
      }
    | undefined;
}
