// One queue: its messages, its receivers and its senders. No network here; links come in as consumers and producers.

import type { Outcome, PeerError } from '../../protocol/acceptor/index.js';
import type { MessageContent } from '../message/message-content.js';
import type { ArrivalFacts, QueuedMessage } from '../message/queued-message.js';
import type { Cancel } from '../timetable.js';
import type { Death } from './death.js';
import { Dispatcher, type QueueConsumer } from './dispatcher.js';
import { errorOf, FaultList, type InjectedFault } from './injected-fault.js';
import { MessageStore } from './message-store.js';
import type { QueueStats } from './queue-stats.js';
import type { QueueSettings } from './queue-settings.js';

/** A link that sends to the queue's own address. */
export interface QueueProducer {
  /** The queue's faults changed: look at `withholdsCredit` again. */
  creditChanged(): void;
  detach(error: PeerError): void;
}

/** What a queue needs of the broker around it. */
export interface QueueWorld {
  now(): number;
  schedule(at: number, run: () => void): Cancel;
  /** Routes a dead letter; `false`: there is no place for it. */
  deadLetter(queue: Queue, message: QueuedMessage, death: Death): boolean;
  /** The last consumer is gone. */
  unused(queue: Queue): void;
  /** Something changed that `idle()` may wait for. */
  changed(): void;
}

export class Queue {
  readonly #store: MessageStore;
  readonly #dispatcher: Dispatcher;
  readonly #producers = new Set<QueueProducer>();
  readonly #faults = new FaultList();
  #isWakePending = false;
  #isDeleted = false;

  constructor(
    readonly name: string,
    public settings: QueueSettings,
    private readonly world: QueueWorld,
    /** The connection that an exclusive queue belongs to. */
    readonly owner?: object,
  ) {
    const queue = (): Queue => this;
    this.#store = new MessageStore({
      get settings() {
        return queue().settings;
      },
      now: () => world.now(),
      schedule: (at, run) => world.schedule(at, run),
      becameReady: (message) => this.#dispatcher.becameReady(message),
      leftReady: (message) => this.#dispatcher.leftReady(message),
      wake: (when) => (when === 'now' ? this.dispatch() : this.#dispatchSoon()),
      deadLetter: (message, death) => world.deadLetter(this, message, death),
      changed: () => world.changed(),
    });
    this.#dispatcher = new Dispatcher(
      this.#store.ready,
      (message, consumer) => this.#hand(message, consumer),
      () => this.settings.otherArguments['x-single-active-consumer'] === true,
    );
  }

  get isDeleted(): boolean {
    return this.#isDeleted;
  }

  get consumerCount(): number {
    return this.#dispatcher.size;
  }

  /** Unsettled messages, or ready ones that a consumer would take. */
  get isBusy(): boolean {
    return this.stats().unsettled > 0 || this.#dispatcher.hasWork;
  }

  /** With `overflow: 'reject-publish'`: `count` more messages of `bytes` in all have no room. */
  isFullFor(bytes: number, count = 1): boolean {
    return this.#store.isFullFor(bytes, count);
  }

  /** Stores a message and delivers it where somebody waits for it. Room was checked before. */
  publish(content: MessageContent, facts: ArrivalFacts = {}): void {
    this.#store.add(content, facts);
  }

  /** The receiver's outcome for a delivery; a second one changes nothing. */
  settle(message: QueuedMessage, outcome: Outcome): void {
    this.#store.settle(message, outcome);
  }

  /** The link or connection of a delivery is gone. Uncounted; `redelivered` when it may have been seen. */
  giveBack(message: QueuedMessage, wasSeen: boolean): void {
    this.#store.giveBack(message, wasSeen);
  }

  addConsumer(consumer: QueueConsumer): void {
    this.#dispatcher.add(consumer);
    this.world.changed();
  }

  /** Twice is harmless. */
  removeConsumer(consumer: QueueConsumer): void {
    if (!this.#dispatcher.remove(consumer)) return;
    if (this.#dispatcher.size === 0 && !this.#isDeleted) this.world.unused(this);
    // The next one may be the single active one now.
    else this.#dispatchSoon();
    this.world.changed();
  }

  addProducer(producer: QueueProducer): void {
    this.#producers.add(producer);
  }

  removeProducer(producer: QueueProducer): void {
    this.#producers.delete(producer);
  }

  get producerCount(): number {
    return this.#producers.size;
  }

  /** Delivers what can be delivered; called when a consumer got credit. */
  dispatch(): void {
    if (this.#isDeleted) return;
    this.#dispatcher.run();
    this.#store.enforceLimits();
  }

  get withholdsCredit(): boolean {
    return this.#faults.withholdsCredit;
  }

  inject(fault: InjectedFault): void {
    this.#faults.inject(fault);
    this.#creditChanged();
  }

  clearFaults(): void {
    this.#faults.clear();
    this.#creditChanged();
  }

  /** To be asked once for each message that a link sends here. */
  faultOnTransfer(): InjectedFault | undefined {
    const withheld = this.#faults.withholdsCredit;
    const fault = this.#faults.onTransfer();
    if (this.#faults.withholdsCredit !== withheld) this.#creditChanged();
    return fault;
  }

  /** Drops all that is ready or scheduled; what is unsettled stays. Answers how many. */
  purge(): number {
    return this.#store.purge();
  }

  /** Ends every link on it; its messages are gone. Called by the broker, which forgets the queue. Answers how many were ready. */
  delete(): number {
    if (this.#isDeleted) return 0;
    this.#isDeleted = true;
    const { ready } = this.stats();
    this.#store.close();
    const error = { condition: 'amqp:resource-deleted', description: `queue "${this.name}" was deleted` };
    for (const consumer of this.#dispatcher.consumers()) {
      this.#dispatcher.remove(consumer);
      consumer.detach(error);
    }
    // Each takes itself off the set.
    for (const producer of this.#producers) producer.detach(error);
    this.#producers.clear();
    return ready;
  }

  /** Ready ones, oldest first. */
  messages(): QueuedMessage[] {
    return this.#store.ready.byAge();
  }

  stats(): QueueStats {
    return this.#store.stats(this.#dispatcher.size);
  }

  #hand(message: QueuedMessage, consumer: QueueConsumer): boolean {
    const fault = this.#faults.onDelivery();
    if (fault !== undefined) {
      if (fault.kind === 'drop-connection') consumer.dropConnection();
      else consumer.detach(errorOf(fault));
      return false;
    }
    if (!consumer.deliver(message)) return false;
    if (!consumer.browses) this.#store.acquire(message);
    return true;
  }

  #dispatchSoon(): void {
    if (this.#isWakePending) return;
    this.#isWakePending = true;
    queueMicrotask(() => {
      this.#isWakePending = false;
      this.dispatch();
    });
  }

  #creditChanged(): void {
    for (const producer of this.#producers) producer.creditChanged();
  }
}
