// A message in one queue: what changes about it from delivery to delivery, and its bytes for the next one.

import { amqp, EncodingFailure, encodeValue } from '../../protocol/acceptor/index.js';
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
  /** In place of those in the bytes, once something changed them. */
  #annotations: Readonly<Record<string, unknown>> | undefined;
  #annotationsSection: Buffer | undefined;
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
    if (facts.annotations !== undefined) this.#setAnnotations(facts.annotations);
  }

  get size(): number {
    return this.content.size;
  }

  /** All annotations as they are now. */
  get currentAnnotations(): Readonly<Record<string, unknown>> {
    return this.#annotations ?? this.content.annotations;
  }

  /** Adds to the annotations. What has no form in AMQP (a key that is not ASCII, as some peers send) is left out. */
  annotate(added: Readonly<Record<string, unknown>>): void {
    this.#setAnnotations({ ...this.currentAnnotations, ...added });
  }

  /** The header of a delivery at this time. */
  header(now: number): BrokerHeader {
    const ttl = this.ttlEndsAt === undefined ? undefined : Math.max(0, Math.round(this.ttlEndsAt - now));
    const { durable, priority } = this.content.header;
    return { durable, priority, ttl, firstAcquirer: !this.redelivered, deliveryCount: this.deliveryCount };
  }

  /** The whole message for a delivery at this time; properties to footer are the bytes that came. */
  encode(now: number): Buffer {
    const annotations = this.#annotationsSection ?? this.content.annotationsSection;
    return Buffer.concat([writeHeader(this.header(now)), annotations, this.content.bareMessage]);
  }

  #setAnnotations(annotations: Readonly<Record<string, unknown>>): void {
    const entries = Object.entries(annotations).filter(isEncodable);
    this.#annotations = Object.fromEntries(entries);
    this.#annotationsSection = annotationsSection(entries, this.content);
  }
}

type Entry = readonly [key: string, value: unknown];

/** What nobody changed keeps its bytes, and so its type: a long is a long again (section 3.4.5 adds and replaces, no more). */
function annotationsSection(entries: readonly Entry[], content: MessageContent): Buffer {
  const came = content.annotationEntries;
  const asItCame = new Map(came);
  const others = came.filter(([key]) => key === undefined).map(([, bytes]) => bytes);
  const pairs = entries.map(([key, value]) => {
    const same = Object.is(value, content.annotations[key]) ? asItCame.get(key) : undefined;
    return same ?? Buffer.concat([encodeValue(amqp.symbol(key)), encodeValue(value)]);
  });
  const body = Buffer.concat([...pairs, ...others]);
  const head = Buffer.alloc(9, 0xd1);
  head.writeUInt32BE(body.length + 4, 1);
  head.writeUInt32BE((pairs.length + others.length) * 2, 5);
  return Buffer.concat([MESSAGE_ANNOTATIONS, head, body]);
}

function symbolKeys(entries: readonly Entry[]): Map<unknown, unknown> {
  return new Map(entries.map(([key, value]) => [amqp.symbol(key), value]));
}

function isEncodable(entry: Entry): boolean {
  try {
    encodeValue(symbolKeys([entry]));
    return true;
  } catch (error) {
    if (error instanceof EncodingFailure) return false;
    throw error;
  }
}
