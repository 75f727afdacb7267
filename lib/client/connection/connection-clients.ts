// The clients on one connection, and the order in which they end.

import type { Closable } from '../client-context.js';

/** Of the time for the clients, this much is for running handlers. */
const HANDLERS_SHARE = 0.75;

export class ConnectionClients {
  readonly #clients = new Set<Closable>();

  readonly add = (client: Closable): void => void this.#clients.add(client);

  readonly remove = (client: Closable): void => void this.#clients.delete(client);

  /** Resolves when no client has a send pending, at the latest after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#clients].map(async (client) => client.flush?.({ timeoutMs })));
  }

  /** Handlers end first: what they send on their last steps still goes out. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const first = [...this.#clients].filter(({ closesFirst }) => closesFirst === true);
    await Promise.allSettled(first.map((client) => client.close({ timeoutMs: timeoutMs * HANDLERS_SHARE })));
    const left = Math.max(0, until - performance.now());
    await Promise.allSettled([...this.#clients].map((client) => client.close({ timeoutMs: left })));
  }
}
