// A message arriving, in front of the handlers: it goes on to them, or back where they take no more.

import type { IncomingMessage } from '../message/incoming-message.js';
import type { Failures } from './failures.js';
import type { HandlerRuntime } from './handler-runtime.js';
import type { Receiver } from './receiver.js';

/** What one subscription takes in. */
export class Intake {
  /** Messages that come although no credit is out go back at once. */
  #givesBack = false;

  constructor(
    private readonly receiver: Receiver,
    private readonly runtime: HandlerRuntime,
    private readonly failures: Failures,
  ) {}

  deliver(message: IncomingMessage): void {
    if (this.#givesBack && !message.settled) this.failures.giveBack(message);
    else this.runtime.deliver(message);
  }

  open(): void {
    this.#givesBack = false;
    this.runtime.open();
  }

  /** Takes the credit back, and gives back what no handler has seen. */
  async stop(): Promise<void> {
    await this.receiver.stopCredit();
    // A stream does not deliver them again on this link: they wait for resume().
    if (!this.receiver.queue.isStream) this.#giveBack(this.takeUnstarted());
    this.receiver.flush();
  }

  /** For good: of a stream too, whose next link reads them again. */
  close(): void {
    this.#giveBack(this.runtime.takeUnstarted());
    this.receiver.flush();
  }

  /** What no handler has seen. Pre-settled ones stay: nobody would deliver them again. */
  takeUnstarted(): IncomingMessage[] {
    const all = this.runtime.takeUnstarted();
    for (const message of all) if (message.settled) this.runtime.deliver(message);
    return all.filter((message) => !message.settled);
  }

  #giveBack(unstarted: readonly IncomingMessage[]): void {
    this.#givesBack = true;
    for (const message of unstarted) this.failures.giveBack(message);
  }
}
