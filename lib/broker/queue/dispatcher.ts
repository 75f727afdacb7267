// A message leaving the broker, step 1: which consumer of a queue gets which message.

import type { PeerError } from '../../protocol/acceptor/index.js';
import type { QueuedMessage } from '../message/queued-message.js';
import { ReadyIndex } from './ready-index.js';

/** A link that receives from a queue. */
export interface QueueConsumer {
  /** It gets a copy of each message and takes none away. */
  readonly browses: boolean;
  /** Which messages it wants; `undefined`: all. */
  readonly wants: ((message: QueuedMessage) => boolean) | undefined;
  /** It has credit, as far as is known. */
  readonly canTake: boolean;
  /** Hands one message over; `false`: nothing was taken. */
  deliver(message: QueuedMessage): boolean;
  /** The queue ends the link; the consumer takes itself off the queue before this returns. */
  detach(error: PeerError): void;
  /** Ends the connection without a word. */
  dropConnection(): void;
}

interface Attached {
  readonly consumer: QueueConsumer;
  /** What this consumer may still be given; `undefined`: whatever is ready. */
  readonly view: ReadyIndex | undefined;
  /** Browsing: what it was shown already. */
  readonly shown: WeakSet<QueuedMessage>;
}

/** Offers ready messages to the consumers of one queue in turn. */
export class Dispatcher {
  readonly #attached: Attached[] = [];
  #next = 0;
  #isRunning = false;
  #runAgain = false;

  /**
   * @param ready everything that can be delivered
   * @param hand gives a message to a consumer; `false`: it stays where it is, and the consumer is asked again after the others
   */
  constructor(
    private readonly ready: ReadyIndex,
    private readonly hand: (message: QueuedMessage, consumer: QueueConsumer) => boolean,
    /** All goes to the consumer that came first, until it goes. */
    private readonly isSingleActive: () => boolean = () => false,
  ) {}

  get size(): number {
    return this.#attached.length;
  }

  /** Somebody who takes messages away may still be given one that is ready, with credit or without. */
  get hasWork(): boolean {
    return this.#attached.some(({ consumer, view }) => !consumer.browses && (view ?? this.ready).size > 0);
  }

  consumers(): QueueConsumer[] {
    return this.#attached.map(({ consumer }) => consumer);
  }

  add(consumer: QueueConsumer): void {
    const isPlain = consumer.wants === undefined && !consumer.browses;
    const attached: Attached = { consumer, view: isPlain ? undefined : new ReadyIndex(), shown: new WeakSet() };
    for (const message of attached.view === undefined ? [] : this.ready) offer(attached, message);
    this.#attached.push(attached);
  }

  /** `false`: it was not there. */
  remove(consumer: QueueConsumer): boolean {
    const index = this.#attached.findIndex((attached) => attached.consumer === consumer);
    if (index === -1) return false;
    this.#attached.splice(index, 1);
    if (index < this.#next) this.#next -= 1;
    return true;
  }

  /** The message is in `ready` now. */
  becameReady(message: QueuedMessage): void {
    for (const attached of this.#attached) offer(attached, message);
  }

  /** The message is in `ready` no longer. */
  leftReady(message: QueuedMessage): void {
    for (const { view } of this.#attached) view?.remove(message);
  }

  /** Until no consumer can take any of what is ready: one message each, in turn. */
  run(): void {
    if (this.#isRunning) {
      this.#runAgain = true;
      return;
    }
    this.#isRunning = true;
    try {
      do {
        this.#runAgain = false;
        this.#round();
      } while (this.#runAgain);
    } finally {
      this.#isRunning = false;
    }
  }

  #round(): void {
    for (let idle = 0; idle < this.#attached.length;) {
      if (this.#next >= this.#attached.length) this.#next = 0;
      const attached = this.#attached[this.#next];
      this.#next += 1;
      if (attached !== undefined && this.#offerNext(attached)) idle = 0;
      else idle += 1;
    }
  }

  #mayTake(consumer: QueueConsumer): boolean {
    if (consumer.browses || !this.isSingleActive()) return true;
    return this.#attached.find((other) => !other.consumer.browses)?.consumer === consumer;
  }

  #offerNext(attached: Attached): boolean {
    const { consumer, view } = attached;
    if (!consumer.canTake || !this.#mayTake(consumer)) return false;
    const message = (view ?? this.ready).first();
    if (message === undefined || !this.hand(message, consumer)) return false;
    if (consumer.browses) {
      attached.shown.add(message);
      view?.remove(message);
    }
    return true;
  }
}

function offer({ consumer, view, shown }: Attached, message: QueuedMessage): void {
  if (view === undefined || shown.has(message)) return;
  if (consumer.wants === undefined || consumer.wants(message)) view.add(message);
}
