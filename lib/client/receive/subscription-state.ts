import { AmqpError } from '../../protocol/index.js';
import { ClientClosedError } from '../errors.js';
import { errorName } from '../policy/error-name.js';
import type { SubscriptionChange } from './subscribe-options.js';
import type { Subscription } from './subscription.js';

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** What a subscription's state depends on outside. */
export interface StateParts {
  readonly address: () => string;
  readonly onState: ((change: SubscriptionChange) => void) | undefined;
  /** `onState` threw. */
  broken(line: string): void;
}

/** The state of one subscription, and who waits for the next. */
export class SubscriptionState {
  #current: Subscription['state'] = 'paused';
  #error: AmqpError | undefined = undefined;
  #forReady: Waiter[] = [];
  #forEnd: Waiter[] = [];

  constructor(private readonly parts: StateParts) {}

  get current(): Subscription['state'] {
    return this.#current;
  }

  get error(): AmqpError | undefined {
    return this.#error;
  }

  /** Messages may come, now or as soon as there is a link. */
  get isActive(): boolean {
    return this.#current === 'running' || this.#current === 'starting';
  }

  /** @param error why, where something was lost, or the policy wished it */
  become(state: Subscription['state'], error?: AmqpError): void {
    if (state !== 'running') this.#error = state === 'paused' || state === 'failed' ? error : undefined;
    this.#current = state;
    try {
      this.parts.onState?.(error === undefined ? { state } : { state, error });
    } catch (thrown) {
      this.parts.broken(`"${this.parts.address()}": onState threw ${errorName(thrown)}`);
    }
  }

  fail(error: AmqpError): void {
    this.become('failed', error);
    for (const waiter of [...this.#forReady.splice(0), ...this.#forEnd.splice(0)]) waiter.reject(error);
  }

  /** Those who wait for `ready()` need wait no longer. */
  tellReady(): void {
    for (const waiter of this.#forReady.splice(0)) waiter.resolve();
  }

  /** It is really closed; what made it fail has been told before. */
  tellEnded(): void {
    for (const waiter of this.#forReady.splice(0)) waiter.reject(this.closedError());
    for (const waiter of this.#forEnd.splice(0)) waiter.resolve();
  }

  whenReady(): Promise<void> {
    return this.#next(this.#forReady);
  }

  whenEnded(): Promise<void> {
    return this.#next(this.#forEnd);
  }

  closedError(): ClientClosedError {
    return AmqpError.inOwnWords(new ClientClosedError(`the consumer of "${this.parts.address()}" is closed`));
  }

  #next(waiters: Waiter[]): Promise<void> {
    if (this.#current === 'failed') return Promise.reject(this.#error ?? this.closedError());
    return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
  }
}
