// A message arriving that cannot be read, where nobody handles messages: the policy says what becomes of it.

import type { IncomingMessage } from '../message/incoming-message.js';
import type { Failures } from './failures.js';

/** One after another. */
export class Unreadable {
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly failures: Failures) {}

  add(message: IncomingMessage): void {
    this.#last = this.#last.then(() => this.#handToPolicy(message));
  }

  async #handToPolicy(message: IncomingMessage): Promise<void> {
    const failure = { message, error: message.failure?.error };
    for (;;) {
      if (message.isStale) return;
      const decision = await this.failures.decide(failure);
      if (decision.kind !== 'retry') return this.failures.execute(decision, failure);
      if (!(await this.failures.wait(decision.delayMs))) return this.failures.giveBack(message);
      message.nextAttempt();
    }
  }
}
