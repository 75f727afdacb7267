// One timer for the deadlines of all pending messages of a connection.

import type { DeadlineEntry, DeadlineSweeper } from './client-context.js';

/** Deadlines within one slice expire together, at its end. Half of the 100 ms that are promised; the rest is for a busy loop. */
const SLICE_MS = 50;
/** The slot of an entry whose slice is being expired. */
const DUE = -1;

/**
 * Sorts deadlines into slices of time, so that adding and removing one costs neither a timer nor a search. The timer is set for the
 * earliest slice only, and holds the process up only while there is a deadline to meet.
 */
export class SlicedDeadlineSweeper implements DeadlineSweeper {
  readonly #slices = new Map<number, DeadlineEntry[]>();
  #timer: NodeJS.Timeout | undefined;
  /** The slice that the timer was set for. */
  #timerSlice = Infinity;
  #count = 0;

  /** Entries waiting. */
  get size(): number {
    return this.#count;
  }

  add(entry: DeadlineEntry): void {
    const number = Math.ceil(entry.deadlineAt / SLICE_MS);
    const slice = this.#slices.get(number);
    if (slice === undefined) {
      entry.sweepSlot = 0;
      this.#slices.set(number, [entry]);
      if (number < this.#timerSlice) this.#setTimer(number);
    } else {
      entry.sweepSlot = slice.length;
      slice.push(entry);
    }
    if (++this.#count === 1) this.#timer?.ref();
  }

  remove(entry: DeadlineEntry): void {
    const slot = entry.sweepSlot;
    if (slot === DUE) entry.sweepSlot = undefined;
    const slice = this.#slices.get(Math.ceil(entry.deadlineAt / SLICE_MS));
    if (slice === undefined || slot === undefined || slice[slot] !== entry) return;
    const last = slice.pop();
    if (last !== undefined && last !== entry) {
      slice[slot] = last;
      last.sweepSlot = slot;
    }
    entry.sweepSlot = undefined;
    // An empty slice stays until its time comes: the next message most likely belongs there too.
    if (--this.#count === 0) this.#timer?.unref();
  }

  /** Forgets everything; nothing expires any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerSlice = Infinity;
    this.#slices.clear();
    this.#count = 0;
  }

  #setTimer(slice: number): void {
    clearTimeout(this.#timer);
    this.#timerSlice = slice;
    this.#timer = setTimeout(this.#sweep, Math.max(1, Math.ceil(slice * SLICE_MS - performance.now())));
    if (this.#count === 0) this.#timer.unref();
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    this.#timerSlice = Infinity;
    const now = performance.now();
    const due = [...this.#slices.keys()].filter((slice) => slice * SLICE_MS <= now).toSorted((a, b) => a - b);
    for (const number of due) {
      const entries = this.#slices.get(number) ?? [];
      this.#slices.delete(number);
      this.#count -= entries.length;
      for (const entry of entries) entry.sweepSlot = DUE;
      for (const entry of entries) {
        // One that expired before it may have removed it.
        if (entry.sweepSlot !== DUE) continue;
        entry.sweepSlot = undefined;
        entry.expired();
      }
    }
    const [first = Infinity] = [...this.#slices.keys()].toSorted((a, b) => a - b);
    if (first < this.#timerSlice) this.#setTimer(first);
  };
}
