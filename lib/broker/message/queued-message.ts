// A message in one queue: what changes about it from delivery to delivery, and its bytes for the next one.

import { amqp, encodeValue } from '../../protocol/acceptor/index.js';
import { type BrokerHeader, writeHeader } from './header.js';
import type { MessageContent } from './message-content.js';

/** The section's descriptor (3.2.3). */
const MESSAGE_ANNOTATIONS = Buffer.from([0x00, 0x53, 0x72]);

/** `gone`: settled, expired, purged or dead-lettered; such an object is never put back. */
export type QueuedState = 'scheduled' | 'ready' | 'acquired' | 'gone';

/** What a queue is given with a message beside its bytes. */
export interface ArrivalFacts {
  /** The key it was published with; `undefined`: the queue's name. */
  readonly routingKey?: string | undefined;
  /** The lifetime and delay that the sender asked for count no more. */
  readonly isDeadLetter?: boolean | undefined;
  /** In place of those in the bytes. */
  readonly annotations?: Readonly<Record<string, unknown>> | undefined;
  /** Queues that this message left by itself (expired, over a limit) since somebody last decided about it. Ends circles. */
  readonly automaticDeaths?: ReadonlySet<string> | undefined;
}

export class QueuedMessage {
  state: QueuedState = 'ready';
  deliveryCount = 0;
  /** Somebody else has had it. */
  redelivered = false;
  /** In place of the annotations in the bytes, once something changed them. */
  annotations: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds of the epoch. */
  expiresAt: number | undefined;
  /** Ends the timer for `expiresAt` or for the scheduled time. */
  cancelTimer: (() => void) | undefined;

  constructor(
    readonly content: MessageContent,
    /** Grows with every message of the queue; a message that comes back returns to its place. */
    readonly position: number,
    readonly priority: number,
    /** When the sender's lifetime ends: the remainder is what the next receiver is told. */
    readonly ttlEndsAt: number | undefined,
    readonly facts: ArrivalFacts,
  ) {
    this.annotations = facts.annotations;
  }

  get size(): number {
    return this.content.size;
  }

  /** All annotations as they are now. */
  get currentAnnotations(): Readonly<Record<string, unknown>> {
    return this.annotations ?? this.content.annotations;
  }

  /** The header of a delivery at this time. */
  header(now: number): BrokerHeader {
    const ttl = this.ttlEndsAt === undefined ? undefined : Math.max(0, Math.round(this.ttlEndsAt - now));
    const { durable, priority } = this.content.header;
    return { durable, priority, ttl, firstAcquirer: !this.redelivered, deliveryCount: this.deliveryCount };
  }

  /** The whole message for a delivery at this time; properties to footer are the bytes that came. */
  encode(now: number): Buffer {
    const annotations =
      this.annotations === undefined ? this.content.annotationsSection : annotationsSection(this.annotations);
    return Buffer.concat([writeHeader(this.header(now)), annotations, this.content.bareMessage]);
  }
}

function annotationsSection(annotations: Readonly<Record<string, unknown>>): Buffer {
  const entries = Object.entries(annotations).map(([key, value]): [unknown, unknown] => [amqp.symbol(key), value]);
  return Buffer.concat([MESSAGE_ANNOTATIONS, encodeValue(new Map(entries))]);
}
