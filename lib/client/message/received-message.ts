import type { AmqpMessage, Outcome } from '../../protocol/index.js';
import type { Transaction } from '../transaction/transaction.js';

/** What may stand beside a settlement. */
export interface SettleOptions {
  /** Settles within it: nothing is final before it commits. */
  readonly transaction?: Transaction | undefined;
  /**
   * Also every message that was fetched from the same client before this one and is not settled. Not for messages of a handler, beside
   * which others run. @default false
   */
  readonly multiple?: boolean | undefined;
}

/** The way of a message to its queue, as far as the peer tells. */
export interface MessageRoute {
  readonly exchange?: string | undefined;
  readonly routingKey?: string | undefined;
  /** Where it was sent, where the peer says so: ActiveMQ, or whoever filled in `to`. */
  readonly destination?: string | undefined;
}

/** How a message came, in one object: for log lines, and for those who know kombu's `delivery_info`. */
export interface DeliveryInfo extends MessageRoute {
  readonly tag: Buffer;
  readonly address: string;
  readonly redelivered: boolean;
  readonly deliveryCount: number;
}

/** What may stand beside a rejection. */
export interface RejectOptions extends SettleOptions {
  /** More about the error. Few peers keep it with a dead letter; annotations (`modify`) are kept by more. */
  readonly info?: Record<string, unknown> | undefined;
}

/**
 * `settled`: the peer was told. `stale`: the link over which the message came is gone, and the peer will deliver it again.
 */
export type SettleResult = 'settled' | 'stale';

/** What `modify` may say. Both flags are `false` when left out. */
export interface Modification {
  /** Counts as a failed delivery. */
  readonly deliveryFailed?: boolean | undefined;
  /** Not to this consumer again; many peers dead-letter it. */
  readonly undeliverableHere?: boolean | undefined;
  /** Merged into the message's own by peers that can. */
  readonly messageAnnotations?: Record<string, unknown> | undefined;
}

/**
 * One delivery of a message.
 *
 * The same settlement again resolves to what the first one did; a different one rejects with a SettlementError
 * (`already-settled`). A pre-settled delivery can only be accepted (`pre-settled` otherwise).
 */
export interface Delivery {
  /** The delivery tag. */
  readonly tag: Buffer;
  /** Where it was received from, in the words of the source. */
  readonly address: string;
  /** The header's delivery-count: failed deliveries before this one, 0 at first. */
  readonly deliveryCount: number;
  /** The peer says that it delivered the message before. */
  readonly redelivered: boolean;
  /** How it came, computed when it is asked for. */
  readonly deliveryInfo: DeliveryInfo;
  readonly settled: boolean;
  /** How it was settled here; `undefined` before. */
  readonly outcome?: Outcome | undefined;
  /** Calls of the handler within this delivery, this one included, from 1. */
  readonly attempt: number;
  /** Aborts on handler time-out, at the end of a shutdown's patience, and when the link is lost. */
  readonly signal: AbortSignal;
  accept(options?: SettleOptions): Promise<SettleResult>;
  /** Not handled and not counted; anyone may get it. */
  release(options?: SettleOptions): Promise<SettleResult>;
  /**
   * The message itself is at fault.
   *
   * @param condition an AMQP error condition; `amqp:internal-error` when left out
   */
  reject(condition?: string, description?: string, options?: RejectOptions): Promise<SettleResult>;
  modify(change?: Modification, options?: SettleOptions): Promise<SettleResult>;
}

/** A message as received: its sections (the body decoded by the codec) and its delivery in one object. */
export interface ReceivedMessage extends AmqpMessage, Delivery {
  readonly delivery: Delivery;
  /**
   * The messages of a batch (message-format 0x80013700), each with its sections and its body decoded; of any other message itself alone.
   * The `body` of a batch is the list of its encoded messages. It is settled as a whole. Bodies that are compressed are decompressed here,
   * which holds the event loop up, to no more than `maxMessageBytes` together.
   *
   * @throws DecodeError when one of them cannot be read, or is too large once it is decompressed (`message-too-large`)
   */
  unbatch(): AmqpMessage[];
}
