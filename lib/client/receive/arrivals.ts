// A message arriving, for those who fetch: what is buffered, and who waits for more.

import { asError } from '../deadline.js';
import { Fifo } from '../fifo.js';
import type { IncomingMessage } from '../message/incoming-message.js';

/** Messages in their order, and a call for everybody who waits when one comes or the wait is over. */
export class Arrivals {
  readonly #buffer = new Fifo<IncomingMessage>();
  readonly #waiting = new Set<() => void>();
  /** When the last one came; `performance.now()`. */
  lastAt = 0;

  get length(): number {
    return this.#buffer.length;
  }

  add(message: IncomingMessage): void {
    this.#buffer.push(message);
    this.lastAt = performance.now();
    if (this.#waiting.size > 0) this.wake();
  }

  take(): IncomingMessage | undefined {
    return this.#buffer.shift();
  }

  /** All but the pre-settled ones, which nobody would deliver again. */
  takeUnsettled(): IncomingMessage[] {
    const all = this.#buffer.drain();
    for (const message of all) if (message.settled) this.#buffer.push(message);
    return all.filter((message) => !message.settled);
  }

  /** The link is gone: those it brought come again. Pre-settled ones stay. */
  dropStale(): void {
    for (const message of this.#buffer.drain()) if (!message.isStale) this.#buffer.push(message);
  }

  wake(): void {
    for (const done of this.#waiting) done();
  }

  /** The next message, call or time-out. Rejects with the signal's reason. */
  change(timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const over = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#waiting.delete(done);
      };
      const abort = (): void => {
        over();
        reject(asError(signal?.reason));
      };
      const done = (): void => {
        over();
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(done, timeoutMs);
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.add(done);
    });
  }
}
