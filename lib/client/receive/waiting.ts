// A message arriving, for those who fetch: how long they wait for it.

import type { AmqpError } from '../../protocol/index.js';
import { raceSignal } from '../deadline.js';
import type { Arrivals } from './arrivals.js';
import type { Asking } from './asking.js';
import type { Receiver } from './receiver.js';

/** A batch that is not full goes out when nothing came for so long. */
const QUIET_MS = 20;

/** The waits of those who fetch from one link. */
export class Waiting {
  #attachedAt = 0;
  #error: AmqpError | undefined = undefined;

  constructor(
    private readonly receiver: Receiver,
    private readonly arrivals: Arrivals,
    private readonly asking: Asking,
  ) {}

  attached(): void {
    this.#error = undefined;
    this.#attachedAt = performance.now();
  }

  /** Nothing comes any more: those who wait are told. */
  failed(error: AmqpError): void {
    this.#error = error;
    this.arrivals.wake();
  }

  /** `false`: none came for the idle time-out. */
  async forOne(since: number, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      const active = this.asking.activate();
      await (signal === undefined ? active : raceSignal(active, signal));
      while (this.arrivals.length === 0 && !this.asking.isClosed) {
        if (this.#error !== undefined) throw this.#error;
        const idleInMs = this.#idleInMs(since);
        if (idleInMs <= 0) return false;
        await this.arrivals.change(idleInMs === Infinity ? undefined : idleInMs, signal);
      }
    } catch (error) {
      if (!this.asking.isClosed) throw error;
    }
    return true;
  }

  /** Waits until there are enough, or some and no more for a moment, or the time is over. */
  async forBatch(maxMessages: number, until: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const now = performance.now();
      const { length, lastAt } = this.arrivals;
      if (length >= maxMessages || this.asking.isClosed || now >= until) return;
      const quietIn = length === 0 ? Infinity : lastAt + QUIET_MS - now;
      if (quietIn <= 0) return;
      if (this.#error !== undefined && length === 0) throw this.#error;
      await this.arrivals.change(Math.min(until - now, quietIn), signal);
    }
  }

  /** Time without a link does not count: nothing can come. */
  #idleInMs(since: number): number {
    const { idleTimeoutMs } = this.receiver.options;
    if (idleTimeoutMs === 0) return Infinity;
    if (!this.receiver.isAttached) return idleTimeoutMs;
    return Math.max(since, this.arrivals.lastAt, this.#attachedAt) + idleTimeoutMs - performance.now();
  }
}
