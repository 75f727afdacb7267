// A message arriving: the gate in front of the handler. Concurrency, lanes, batches, and a fair share of the event loop.

import { Fifo } from '../fifo.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { BatchGathering } from './batch-gathering.js';
import type { PlaceSeeker } from './concurrency-limit.js';
import { HandlerSlot, type SlotParts } from './handler-slot.js';
import { Lanes } from './lanes.js';
import type { ResolvedSubscribeOptions } from './subscribe-options.js';
import { Turn } from './turn.js';

type Work = IncomingMessage | readonly IncomingMessage[];

/** Starts handlers for what is delivered, never more than `concurrency` at a time. */
export class HandlerRuntime implements PlaceSeeker {
  readonly #options: ResolvedSubscribeOptions;
  readonly #parts: SlotParts;
  readonly #ready = new Fifo<Work>();
  readonly #slots: HandlerSlot[] = [];
  readonly #free: HandlerSlot[] = [];
  readonly #lanes: Lanes | undefined;
  readonly #batches: BatchGathering | undefined;
  readonly #turn = new Turn(() => this.#startReady());
  #concurrency: number;
  /** Kept only where somebody looks at it. */
  #workedAt = 0;
  #isOpen = false;
  #isStarting = false;
  #whenIdle: (() => void) | undefined = undefined;

  constructor(options: ResolvedSubscribeOptions, parts: Omit<SlotParts, 'finished' | 'options'>) {
    this.#options = options;
    this.#concurrency = options.concurrency;
    this.#parts = { ...parts, options, finished: (slot, work) => this.#finished(slot, work) };
    this.#lanes = options.orderBy === undefined ? undefined : new Lanes();
    const { batch } = options;
    this.#batches = batch && new BatchGathering(batch.maxMessages, batch.waitMs, () => this.#startReady());
  }

  /** Handlers running, or waiting for a retry. */
  get running(): number {
    return this.#slots.length - this.#free.length;
  }

  /** When a handler ended last; now, while one runs or a message waits for a place. */
  get workedAt(): number {
    return this.running > 0 || this.#ready.length > 0 ? performance.now() : this.#workedAt;
  }

  /** Messages being handled. */
  get messages(): readonly IncomingMessage[] {
    return this.#slots.flatMap((slot) => slot.messages);
  }

  /** From now on; handlers that run are not touched. */
  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency;
    this.#startReady();
  }

  /** The limit that is shared with others has room again. */
  placeFree(): void {
    this.#startReady();
  }

  open(): void {
    this.#isOpen = true;
    this.#startReady();
  }

  /** Starts no more handlers. Pre-settled messages are handled all the same: nobody would deliver them again. */
  shut(): void {
    this.#isOpen = false;
    if (!this.#mayStart) return;
    this.#batches?.hurry();
    this.#startReady();
  }

  deliver(message: IncomingMessage): void {
    if (this.#batches !== undefined && message.failure === undefined) {
      const full = this.#batches.add(message);
      if (full !== undefined) this.#ready.push(full);
      this.#startReady();
      return;
    }
    if (this.#lanes !== undefined && !this.#enterLane(message, this.#lanes)) return;
    if (this.#ready.length === 0 && this.#hasPlace() && !this.#turn.isOver() && this.#takeShared()) {
      this.#start(message);
      return;
    }
    this.#ready.push(message);
    // The turn resumes by itself; a place that is free otherwise was taken above.
  }

  /** The messages that no handler has seen; they are nobody's now. */
  takeUnstarted(): IncomingMessage[] {
    const ready = this.#ready.drain().flat();
    const waiting = this.#lanes?.drainWaiting() ?? [];
    // Nobody waits behind those that stood in front of their lanes.
    for (const { lane } of ready) if (lane !== undefined) this.#lanes?.leave(lane);
    return [...ready, ...waiting, ...(this.#batches?.drain() ?? [])];
  }

  /** The link is gone: what it brought and nobody has seen yet comes again. Pre-settled messages stay. */
  dropStale(): void {
    for (const message of this.takeUnstarted()) if (!message.isStale) this.deliver(message);
  }

  /** Resolves when no handler runs, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#whenIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  get #isIdle(): boolean {
    return this.running === 0 && (this.#ready.length === 0 || !this.#mayStart);
  }

  get #mayStart(): boolean {
    return this.#isOpen || this.#options.settlement === 'at-most-once';
  }

  #hasPlace(): boolean {
    return this.running < this.#concurrency && this.#mayStart;
  }

  /** Last, when there is work for the place. */
  #takeShared(): boolean {
    const { concurrencyLimit } = this.#options;
    return concurrencyLimit === undefined || concurrencyLimit.take(this);
  }

  #enterLane(message: IncomingMessage, lanes: Lanes): boolean {
    let key: string | undefined;
    try {
      key = this.#options.orderBy?.(message);
    } catch (error) {
      message.failBeforeHandler(error);
    }
    return key === undefined || lanes.enter(key, message);
  }

  #startReady(): void {
    // Handlers that end at once come back here through `finished`; the loop below goes on with the next.
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#hasPlace()) {
      const hasWork = this.#ready.length > 0;
      if (hasWork ? this.#turn.isOver() : this.#batches === undefined) break;
      if (!this.#takeShared()) break;
      const work = hasWork ? this.#ready.shift() : this.#batches?.take();
      if (work === undefined) {
        this.#options.concurrencyLimit?.give();
        break;
      }
      this.#start(work);
    }
    this.#isStarting = false;
  }

  #start(work: Work): void {
    const slot = this.#free.pop() ?? this.#newSlot();
    if (isBatch(work)) slot.runBatch(work);
    else slot.runOne(work);
  }

  #newSlot(): HandlerSlot {
    const slot = new HandlerSlot(this.#parts);
    this.#slots.push(slot);
    return slot;
  }

  #finished(slot: HandlerSlot, work: Work): void {
    this.#free.push(slot);
    this.#options.concurrencyLimit?.give();
    if (this.#options.idleTimeoutMs > 0) this.#workedAt = performance.now();
    if (this.#lanes !== undefined && !isBatch(work) && work.lane !== undefined) {
      const next = this.#lanes.leave(work.lane);
      if (next !== undefined) this.#ready.push(next);
    }
    if (this.#ready.length > 0 || this.#batches !== undefined) this.#startReady();
    if (this.#whenIdle !== undefined && this.#isIdle) this.#whenIdle();
  }
}

function isBatch(work: Work): work is readonly IncomingMessage[] {
  return Array.isArray(work);
}
