// Waits until nothing is left to do: no consumer has ready messages to take, and no queue has unsettled ones.

import { AmqpError } from '../protocol/acceptor/index.js';
import type { Queue } from './queue/queue.js';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: AmqpError) => void;
}

export class IdleWatch {
  readonly #waiters = new Set<Waiter>();
  #isCheckPlanned = false;

  constructor(private readonly queues: () => readonly Queue[]) {}

  /** Something changed. Costs nothing while nobody waits. */
  changed(): void {
    if (this.#waiters.size === 0 || this.#isCheckPlanned) return;
    this.#isCheckPlanned = true;
    // After what this change still leads to in the same turn.
    setImmediate(() => {
      this.#isCheckPlanned = false;
      if (this.#busy().length > 0) return;
      for (const waiter of this.#waiters) waiter.resolve();
    });
  }

  /** @throws AmqpError (code `timeout`) that names the queues which were not idle in time */
  async wait(timeoutMs: number): Promise<void> {
    let waiter: Waiter | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { resolve, reject };
        this.#waiters.add(waiter);
        timer = setTimeout(() => reject(this.#timeout(timeoutMs)), timeoutMs);
        this.changed();
      });
    } finally {
      clearTimeout(timer);
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  /** Ends every wait. */
  stop(): void {
    const error = new AmqpError(
      'client-closed',
      'the embedded broker was stopped while somebody waited for it to be idle',
    );
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  #busy(): Queue[] {
    return this.queues().filter((queue) => queue.isBusy);
  }

  #timeout(timeoutMs: number): AmqpError {
    const queues = this.#busy().map((queue) => {
      const { ready, unsettled } = queue.stats();
      return `"${queue.name}" (${ready} ready, ${unsettled} unsettled)`;
    });
    return new AmqpError('timeout', `the embedded broker was not idle within ${timeoutMs} ms: ${queues.join(', ')}`, {
      retryable: true,
    });
  }
}
