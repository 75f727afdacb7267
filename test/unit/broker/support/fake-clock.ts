import { type Cancel, type Clock, Timetable } from '../../../../lib/broker/timetable.js';

/** Time that moves when it is told to. */
export class FakeClock implements Clock {
  #now = 1_700_000_000_000;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  get timerCount(): number {
    return this.#timers.length;
  }

  startTimer(delayMs: number, run: () => void): Cancel {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Runs what is due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = end;
  }

  timetable(): Timetable {
    return new Timetable(this);
  }
}
