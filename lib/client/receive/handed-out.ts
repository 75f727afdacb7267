// A message arriving, for those who fetch: what they were given and have not settled.

import type { Outcome } from '../../protocol/index.js';
import type { IncomingMessage } from '../message/incoming-message.js';

/** Messages in the hands of those who fetch. */
export class HandedOut {
  readonly #unsettled = new Set<IncomingMessage>();
  /** With autoAccept: what each that fetches was given last; all batches count as one. */
  readonly #last = new Map<object, IncomingMessage[]>();

  constructor(private readonly autoAccept: boolean) {}

  give(message: IncomingMessage, fetcher: object): void {
    message.done();
    if (!message.settled) message.keepIn(this.#unsettled);
    if (!this.autoAccept) return;
    const before = this.#last.get(fetcher);
    if (before === undefined) this.#last.set(fetcher, [message]);
    else before.push(message);
  }

  /** With autoAccept: what is still unsettled of what it was given last. */
  settleLast(fetcher: object, outcome: Outcome): void {
    const before = this.#last.get(fetcher);
    if (before === undefined) return;
    this.#last.delete(fetcher);
    for (const message of before) message.settle(outcome);
  }

  /** All of them; nobody is asked about them any more. */
  takeUnsettled(): IncomingMessage[] {
    this.#last.clear();
    return [...this.#unsettled];
  }

  /** Those whose link is gone come again: whoever works on one is told. */
  abortStale(reason: Error): void {
    for (const message of this.#unsettled) {
      if (!message.isStale) continue;
      this.#unsettled.delete(message);
      message.abort(reason);
    }
  }
}
