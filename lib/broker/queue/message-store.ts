// What one queue holds, and what becomes of each message: stored, delivered, settled, expired, a dead letter.

import type { Outcome } from '../../protocol/acceptor/index.js';
import type { MessageContent } from '../message/message-content.js';
import { type ArrivalFacts, QueuedMessage } from '../message/queued-message.js';
import type { Cancel } from '../timetable.js';
import { arrivalTimes } from './arrival-times.js';
import type { Death } from './death.js';
import { newCounters, type QueueStats } from './queue-stats.js';
import type { QueueSettings } from './queue-settings.js';
import { ReadyIndex } from './ready-index.js';

/** What the store tells and asks its queue. */
export interface StoreHooks {
  readonly settings: QueueSettings;
  now(): number;
  schedule(at: number, run: () => void): Cancel;
  becameReady(message: QueuedMessage): void;
  leftReady(message: QueuedMessage): void;
  /** Something is ready; `soon`: in a task of its own, so that what comes back together goes out again in its order. */
  wake(when: 'now' | 'soon'): void;
  /** Routes a dead letter; `false`: there is no place for it. */
  deadLetter(message: QueuedMessage, death: Death): boolean;
  changed(): void;
}

interface ScheduledArrival {
  readonly content: MessageContent;
  readonly facts: ArrivalFacts;
  readonly arrivedAt: number;
  readonly cancel: Cancel;
}

export class MessageStore {
  readonly ready = new ReadyIndex();
  readonly #scheduled = new Set<ScheduledArrival>();
  readonly #counters = newCounters();
  #position = 0;
  #unsettled = 0;
  #bytes = 0;
  #isClosed = false;

  constructor(private readonly hooks: StoreHooks) {}

  stats(consumers: number): QueueStats {
    const { size: ready } = this.ready;
    return { ready, unsettled: this.#unsettled, scheduled: this.#scheduled.size, consumers, ...this.#counters };
  }

  /** With `overflow: 'reject-publish'`: `count` more messages of `bytes` in all have no room. */
  isFullFor(bytes: number, count: number): boolean {
    const { overflow, maxLength = Infinity, maxLengthBytes = Infinity } = this.hooks.settings;
    if (overflow !== 'reject-publish') return false;
    return this.ready.size + this.#scheduled.size + count > maxLength || this.#bytes + bytes > maxLengthBytes;
  }

  /** Now or at the time its annotations say. */
  add(content: MessageContent, facts: ArrivalFacts): void {
    const arrivedAt = this.hooks.now();
    const { dueAt } = arrivalTimes(content, facts, this.hooks.settings, arrivedAt);
    if (dueAt === undefined) {
      this.#enqueue(content, facts, arrivedAt);
      return;
    }
    const cancel = this.hooks.schedule(dueAt, () => {
      this.#scheduled.delete(scheduled);
      this.#enqueue(content, facts, arrivedAt);
    });
    const scheduled: ScheduledArrival = { content, facts, arrivedAt, cancel };
    this.#scheduled.add(scheduled);
    this.hooks.changed();
  }

  /** A ready message was delivered. */
  acquire(message: QueuedMessage): void {
    this.#leaveReady(message);
    message.state = 'acquired';
    this.#unsettled += 1;
    this.#counters.delivered += 1;
  }

  /** The receiver's outcome; a second one changes nothing. */
  settle(message: QueuedMessage, outcome: Outcome): void {
    if (!this.#leaveUnsettled(message)) return;
    switch (outcome.kind) {
      case 'accepted':
        this.#counters.accepted += 1;
        break;
      case 'rejected':
        this.#counters.rejected += 1;
        this.#bury(message, { reason: 'rejected', condition: outcome.condition, description: outcome.description });
        break;
      case 'released':
        this.#counters.released += 1;
        this.#putBack(message, true);
        break;
      case 'modified':
        this.#counters.modified += 1;
        this.#modify(message, outcome);
        break;
    }
    this.hooks.changed();
  }

  /** The link or connection of a delivery is gone. Uncounted; `redelivered` when it may have been seen. */
  giveBack(message: QueuedMessage, wasSeen: boolean): void {
    if (!this.#leaveUnsettled(message)) return;
    this.#putBack(message, wasSeen);
    this.hooks.changed();
  }

  /** Drops all that is ready or scheduled; what is unsettled stays. Answers how many. */
  purge(): number {
    const count = this.ready.size + this.#scheduled.size;
    for (const scheduled of this.#scheduled) scheduled.cancel();
    this.#counters.enqueued += this.#scheduled.size;
    this.#scheduled.clear();
    for (const message of this.ready.byAge()) {
      this.#leaveReady(message);
      message.state = 'gone';
    }
    this.#counters.purged += count;
    this.hooks.changed();
    return count;
  }

  /** The queue is deleted: what receivers give back from now on is dropped. */
  close(): void {
    this.#isClosed = true;
    this.purge();
  }

  /** After a delivery round: whatever is over the limits goes, the oldest first. */
  enforceLimits(): void {
    const { maxLength = Infinity, maxLengthBytes = Infinity } = this.hooks.settings;
    while (this.ready.size > maxLength || this.#bytes > maxLengthBytes) {
      const oldest = this.ready.oldest();
      if (oldest === undefined) return;
      this.#leaveReady(oldest);
      this.#bury(oldest, { reason: 'max-length' });
    }
  }

  #enqueue(content: MessageContent, facts: ArrivalFacts, arrivedAt: number): void {
    const { settings } = this.hooks;
    const { ttlEndsAt, expiresAt } = arrivalTimes(content, facts, settings, arrivedAt);
    const priority = Math.min(content.header.priority, settings.maxPriority ?? 255);
    const message = new QueuedMessage(content, this.#position++, priority, ttlEndsAt, facts);
    message.expiresAt = expiresAt;
    this.#counters.enqueued += 1;
    // Equal is still alive: a lifetime of 0 reaches a receiver that waits for it.
    if (expiresAt !== undefined && expiresAt < this.hooks.now()) {
      this.#lifetimeEnded(message);
    } else {
      this.#enterReady(message);
      this.hooks.wake('now');
    }
    this.hooks.changed();
  }

  #modify(message: QueuedMessage, outcome: Extract<Outcome, { kind: 'modified' }>): void {
    if (outcome.messageAnnotations !== undefined) message.annotate(outcome.messageAnnotations);
    if (outcome.deliveryFailed) message.deliveryCount += 1;
    const hadItsDeliveries =
      outcome.deliveryFailed && message.deliveryCount >= (this.hooks.settings.maxDeliveries ?? Infinity);
    if (outcome.undeliverableHere) this.#bury(message, { reason: 'undeliverable' });
    else if (hadItsDeliveries) this.#bury(message, { reason: 'max-deliveries' });
    else this.#putBack(message, true);
  }

  #putBack(message: QueuedMessage, wasSeen: boolean): void {
    if (wasSeen) message.redelivered = true;
    if (this.#isClosed) {
      this.#bury(message, { reason: 'undeliverable' });
    } else if (message.expiresAt !== undefined && message.expiresAt <= this.hooks.now()) {
      this.#lifetimeEnded(message);
    } else {
      this.#enterReady(message);
      this.hooks.wake('soon');
    }
  }

  #enterReady(message: QueuedMessage): void {
    message.state = 'ready';
    this.#bytes += message.size;
    this.ready.add(message);
    this.hooks.becameReady(message);
    if (message.expiresAt === undefined) return;
    message.cancelTimer = this.hooks.schedule(message.expiresAt, () => {
      if (message.state !== 'ready') return;
      this.#leaveReady(message);
      this.#lifetimeEnded(message);
      this.hooks.changed();
    });
  }

  #leaveReady(message: QueuedMessage): void {
    message.cancelTimer?.();
    this.#bytes -= message.size;
    this.ready.remove(message);
    this.hooks.leftReady(message);
  }

  #leaveUnsettled(message: QueuedMessage): boolean {
    if (message.state !== 'acquired') return false;
    this.#unsettled -= 1;
    message.state = 'gone';
    return true;
  }

  #lifetimeEnded(message: QueuedMessage): void {
    this.#counters.expired += 1;
    this.#bury(message, { reason: 'expired' });
  }

  /** To the dead letters, or nowhere. */
  #bury(message: QueuedMessage, death: Death): void {
    message.state = 'gone';
    if (!this.#isClosed && this.hooks.deadLetter(message, death)) this.#counters.deadLettered += 1;
    else this.#counters.dropped += 1;
  }
}
