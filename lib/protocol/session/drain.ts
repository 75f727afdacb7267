// A receiver link takes its credit back: the promise of it, the signal that may end it, and what the peer's answer looks like.

import type { AmqpError } from '../errors.js';

/** One drain under way. */
export class Drain {
  readonly ended: Promise<void>;
  resolve: () => void = () => undefined;
  reject: (error: AmqpError) => void = () => undefined;

  /** @param onAbort the signal ended it; the promise is rejected with its reason afterwards */
  constructor(signal: AbortSignal, onAbort: () => void) {
    this.ended = new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        onAbort();
        // A signal's reason is whatever its owner gave.
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      const over = (): void => signal.removeEventListener('abort', abort);
      this.resolve = () => {
        over();
        resolve();
      };
      this.reject = (error) => {
        over();
        reject(error);
      };
    });
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
