// A receiver link takes its credit back: the promise of it, the signal that may end it, and what the peer's answer looks like.

import type { AmqpError } from '../errors.js';

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** One drain under way, and all who wait for its end. */
export class Drain {
  private readonly waiting = new Set<Waiter>();

  /** @param abandoned the signals of all of them have ended their waits; the last one's promise is rejected afterwards */
  constructor(private readonly abandoned: () => void) {}

  /** Until it is over, or the signal ends this wait. */
  join(signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.waiting.delete(waiter);
        if (this.waiting.size === 0) this.abandoned();
        // A signal's reason is whatever its owner gave.
        reject(signal.reason as Error);
      };
      const over = (): void => signal.removeEventListener('abort', abort);
      const waiter: Waiter = {
        resolve: () => {
          over();
          resolve();
        },
        reject: (error) => {
          over();
          reject(error);
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      this.waiting.add(waiter);
    });
  }

  resolve(): void {
    for (const waiter of this.waiting) waiter.resolve();
  }

  reject(error: AmqpError): void {
    for (const waiter of this.waiting) waiter.reject(error);
  }
}

/**
 * A peer that cannot drain but answers each flow (RabbitMQ 3). It writes the answer to a flow ahead of the deliveries that this flow
 * let go, and behind all that came from the flow before it: with the second answer to a flow without credit nothing is on its way.
 */
export class AnsweredFlows {
  private unanswered = 0;
  private answeredAll = 0;

  written(): void {
    this.unanswered += 1;
  }

  begin(): void {
    this.answeredAll = 0;
  }

  /** One more answer. `ask`: another flow is due; `over`: nothing is on its way any more. */
  answered(): 'wait' | 'ask' | 'over' {
    this.unanswered = Math.max(0, this.unanswered - 1);
    if (this.unanswered > 0) return 'wait';
    this.answeredAll += 1;
    return this.answeredAll < 2 ? 'ask' : 'over';
  }
}
