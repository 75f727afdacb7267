// Everything of a broker that happens at a time: expiry, scheduled delivery, unused queues. One timer for all of it.

/** Ends what was scheduled; twice is harmless. */
export type Cancel = () => void;

/** The broker's time; tests bring their own. */
export interface Clock {
  /** Milliseconds of the epoch. */
  now(): number;
  /** Calls `run` once, `delayMs` from now at the earliest. */
  startTimer(delayMs: number, run: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  startTimer: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    // A broker that is forgotten must not keep the process.
    timer.unref();
    return () => clearTimeout(timer);
  },
};

interface Entry {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

const LONGEST_TIMER_MS = 2_147_483_647;
const COMPACT_AT = 256;

/** A heap of due times. */
export class Timetable {
  #heap: Entry[] = [];
  #cancelled = 0;
  #order = 0;
  #armedFor: number | undefined;
  #disarm: Cancel | undefined;

  constructor(private readonly clock: Clock) {}

  now(): number {
    return this.clock.now();
  }

  /** Runs at `at` or soon after, in the order of due times. */
  schedule(at: number, run: () => void): Cancel {
    const entry: Entry = { at, order: this.#order++, run };
    this.#heap.push(entry);
    this.#up(this.#heap.length - 1);
    this.#arm();
    return () => {
      if (entry.run === undefined) return;
      entry.run = undefined;
      this.#cancelled += 1;
      if (this.#cancelled >= COMPACT_AT && this.#cancelled * 2 >= this.#heap.length) this.#compact();
    };
  }

  /** Forgets everything. */
  stop(): void {
    this.#disarm?.();
    this.#heap = [];
    this.#armedFor = undefined;
  }

  #arm(): void {
    const next = this.#heap[0];
    if (next === undefined || (this.#armedFor !== undefined && this.#armedFor <= next.at)) return;
    this.#disarm?.();
    this.#armedFor = next.at;
    const delayMs = Math.min(LONGEST_TIMER_MS, Math.max(0, next.at - this.clock.now()));
    this.#disarm = this.clock.startTimer(delayMs, () => this.#tick());
  }

  #tick(): void {
    this.#armedFor = undefined;
    const now = this.clock.now();
    for (let next = this.#heap[0]; next !== undefined && next.at <= now; next = this.#heap[0]) {
      this.#takeFirst();
      const { run } = next;
      if (run === undefined) this.#cancelled -= 1;
      // Cancelling what already ran must not count as cancelled.
      next.run = undefined;
      run?.();
    }
    this.#arm();
  }

  #compact(): void {
    this.#heap = this.#heap.filter((entry) => entry.run !== undefined).toSorted(before);
    this.#cancelled = 0;
  }

  #takeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(start: number): void {
    for (let index = start; index > 0;) {
      const parent = (index - 1) >>> 1;
      if (!this.#swapUnlessOrdered(parent, index)) return;
      index = parent;
    }
  }

  #down(start: number): void {
    for (let index = start; ;) {
      const left = index * 2 + 1;
      const child = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#swapUnlessOrdered(index, child)) return;
      index = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const first = this.#heap[a];
    const second = this.#heap[b];
    return first !== undefined && second !== undefined && before(first, second) < 0;
  }

  #swapUnlessOrdered(parent: number, child: number): boolean {
    const above = this.#heap[parent];
    const below = this.#heap[child];
    if (above === undefined || below === undefined || before(above, below) <= 0) return false;
    this.#heap[parent] = below;
    this.#heap[child] = above;
    return true;
  }
}

function before(a: Entry, b: Entry): number {
  return a.at - b.at || a.order - b.order;
}
