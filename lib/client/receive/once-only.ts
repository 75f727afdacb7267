// A message arriving: whether its key was handled before.

import type { IncomingMessage } from '../message/incoming-message.js';
import type { ResolvedIdempotency } from './subscribe-options.js';

const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 1_000;

/** The idempotency of one consumer. */
export class OnceOnly {
  readonly #keys = new WeakMap<IncomingMessage, string>();

  /**
   * @param wait resolves to false when the consumer closes or loses its link meanwhile
   * @param warn of a store that fails after the handler is done
   */
  constructor(
    private readonly options: ResolvedIdempotency,
    private readonly wait: (delayMs: number) => Promise<boolean>,
    private readonly warn: (what: string) => void,
  ) {}

  /**
   * `run`: this delivery is the one to handle. `done`: accept it. `given-up`: another delivery is still being handled and this one
   * cannot wait any longer. @throws whatever key function and store throw; the policy decides then
   */
  async begin(message: IncomingMessage): Promise<'run' | 'done' | 'given-up'> {
    const key = this.options.key(message);
    if (key === undefined) return 'run';
    // While another delivery of the key runs, nobody knows whether it will succeed: accepting this one could lose the message.
    for (let delayMs = FIRST_WAIT_MS; ; delayMs = Math.min(LONGEST_WAIT_MS, delayMs * 2)) {
      const state = await this.options.store.begin(key, this.options.ttlMs);
      if (state === 'done') return 'done';
      if (state === 'new') break;
      if (!(await this.wait(delayMs)) || message.isStale) return 'given-up';
    }
    this.#keys.set(message, key);
    return 'run';
  }

  /**
   * The handler, or the policy, is through with it. Remembered when it was handled or accepted; forgotten otherwise, so that another
   * delivery is handled. Never rejects.
   */
  async end(message: IncomingMessage, isHandled: boolean): Promise<void> {
    const key = this.#keys.get(message);
    if (key === undefined) return;
    this.#keys.delete(message);
    const { outcome } = message;
    const what = (outcome === undefined ? isHandled : outcome.kind === 'accepted') ? 'done' : 'forget';
    try {
      await this.options.store[what](key);
    } catch {
      this.warn(`the idempotency store failed on ${what}()`);
    }
  }
}
