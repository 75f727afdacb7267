// A message arriving compressed: its body is inflated off the event loop, and those behind it wait for their turn.

import { Fifo } from '../fifo.js';
import type { IncomingMessage } from '../message/incoming-message.js';

export class Inflation {
  readonly #waiting = new Fifo<IncomingMessage | (() => void)>();
  #isRunning = false;

  /** @param deliver whose turn it is; those whose link is gone meanwhile come again and are left out */
  constructor(private readonly deliver: (message: IncomingMessage) => void) {}

  /** Whether this message has to wait: it is compressed, or one before it is. */
  takes(message: IncomingMessage): boolean {
    if (!this.#isRunning && !message.isCompressed) return false;
    this.#waiting.push(message);
    if (!this.#isRunning) void this.#run();
    return true;
  }

  /** Resolves when all that came so far are delivered. */
  passed(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (typeof next === 'function') {
        next();
        continue;
      }
      if (next.isCompressed) await next.inflate();
      if (!next.isStale) this.deliver(next);
    }
    this.#isRunning = false;
  }
}
