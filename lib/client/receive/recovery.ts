// A message arriving, when its handler failed: policy -> outcome, or another call of the handler.

import type { IncomingMessage } from '../message/incoming-message.js';
import type { Failure, Failures } from './failures.js';
import type { OnceOnly } from './once-only.js';

/** A message whose handler is to be called again. */
export interface Retry {
  readonly message: IncomingMessage;
  readonly delayMs: number;
}

/** What follows a failed call, for all slots of one consumer. */
export class Recovery {
  constructor(
    private readonly failures: Failures,
    private readonly onceOnly: OnceOnly | undefined,
  ) {}

  /** Asks the policy about each and does what it says; answers those to retry. */
  async apply(failures: readonly Failure[]): Promise<Retry[]> {
    const retries: Retry[] = [];
    await Promise.all(
      failures.map(async (failure) => {
        const { message } = failure;
        // What the handler settled before it failed, or what comes again by itself, is no longer the policy's.
        if (!message.isDecided && !message.isStale) {
          const decision = await this.failures.decide(failure);
          if (decision.kind === 'retry') {
            retries.push({ message, delayMs: decision.delayMs });
            return;
          }
          await this.failures.execute(decision, failure);
        } else message.done();
        await this.onceOnly?.end(message, false);
      }),
    );
    return retries;
  }

  /** Waits the longest of their pauses; answers those whose handler is to be called again after it. */
  async waitFor(retries: readonly Retry[]): Promise<IncomingMessage[]> {
    if (retries.length === 0) return [];
    const isDue = await this.failures.wait(Math.max(...retries.map(({ delayMs }) => delayMs)));
    // The handler may have settled it late, and a lost link takes its messages with it.
    const open = retries.map(({ message }) => message).filter((message) => !message.isDecided && !message.isStale);
    const again = isDue ? open : [];
    if (!isDue) for (const message of open) this.giveBack(message);
    const called = new Set(again);
    for (const { message } of retries) if (!called.has(message)) await this.onceOnly?.end(message, false);
    return again;
  }

  giveBack(message: IncomingMessage): void {
    this.failures.giveBack(message);
  }
}
