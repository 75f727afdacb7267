// Messages that can be delivered, in the order of delivery: higher priority first, then the older one.

import type { QueuedMessage } from '../message/queued-message.js';

/** One priority: ascending positions in `entries[head..]`. Taking from the front and appending cost nothing that grows. */
class Level {
  entries: (QueuedMessage | undefined)[] = [];
  head = 0;

  constructor(readonly priority: number) {}
}

const COMPACT_AT = 1_024;

/** Adds and removes in logarithmic time at the ends; in the middle a part of the array moves. */
export class ReadyIndex implements Iterable<QueuedMessage> {
  /** Descending priorities; most queues only ever have one. */
  readonly #levels: Level[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The next one to deliver. */
  first(): QueuedMessage | undefined {
    for (const level of this.#levels) {
      const entry = level.entries[level.head];
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  /** The one that came first, whatever its priority. */
  oldest(): QueuedMessage | undefined {
    let oldest: QueuedMessage | undefined;
    for (const level of this.#levels) {
      const entry = level.entries[level.head];
      if (entry !== undefined && (oldest === undefined || entry.position < oldest.position)) oldest = entry;
    }
    return oldest;
  }

  /** Twice is harmless. */
  add(message: QueuedMessage): void {
    const level = this.#level(message.priority);
    const index = lowerBound(level, message.position);
    if (level.entries[index] === message) return;
    this.#size += 1;
    if (index === level.entries.length) {
      level.entries.push(message);
    } else if (index - level.head < level.entries.length - index && level.head > 0) {
      level.head -= 1;
      level.entries.copyWithin(level.head, level.head + 1, index);
      level.entries[index - 1] = message;
    } else {
      level.entries.splice(index, 0, message);
    }
  }

  /** `false`: it was not there. */
  remove(message: QueuedMessage): boolean {
    const level = this.#level(message.priority);
    const index = lowerBound(level, message.position);
    if (level.entries[index] !== message) return false;
    this.#size -= 1;
    if (index === level.head) {
      level.entries[index] = undefined;
      level.head += 1;
      compact(level);
    } else {
      level.entries.splice(index, 1);
    }
    return true;
  }

  /** In the order of delivery. Adding or removing meanwhile is not allowed. */
  *[Symbol.iterator](): Iterator<QueuedMessage> {
    for (const level of this.#levels) {
      for (let index = level.head; index < level.entries.length; index++) {
        const entry = level.entries[index];
        if (entry !== undefined) yield entry;
      }
    }
  }

  /** In the order of arrival. */
  byAge(): QueuedMessage[] {
    return [...this].toSorted((a, b) => a.position - b.position);
  }

  #level(priority: number): Level {
    const index = this.#levels.findIndex((level) => level.priority <= priority);
    const found = this.#levels[index];
    if (found?.priority === priority) return found;
    const made = new Level(priority);
    this.#levels.splice(index === -1 ? this.#levels.length : index, 0, made);
    return made;
  }
}

function lowerBound(level: Level, position: number): number {
  let low = level.head;
  let high = level.entries.length;
  // Nearly every message is appended.
  const last = level.entries[high - 1];
  if (high > low && last !== undefined && last.position < position) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = level.entries[middle];
    if (entry !== undefined && entry.position < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compact(level: Level): void {
  if (level.head === level.entries.length) {
    level.entries.length = 0;
    level.head = 0;
  } else if (level.head >= COMPACT_AT && level.head * 2 >= level.entries.length) {
    level.entries.splice(0, level.head);
    level.head = 0;
  }
}
