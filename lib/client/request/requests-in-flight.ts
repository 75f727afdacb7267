// The requests of one client that are not over: by the id that their replies carry, each with its deadline and its signal.

import type { MessageId } from '../../protocol/index.js';
import { findById } from '../correlation.js';
import type { MessagingContext } from '../messaging-context.js';
import type { PendingRequest } from './pending-request.js';

export class RequestsInFlight {
  readonly #context: Pick<MessagingContext, 'deadlines' | 'observers'>;
  readonly #pending = new Map<string, PendingRequest>();
  /** Those of them that have no reply address yet. */
  readonly #waiting = new Set<PendingRequest>();

  constructor(context: Pick<MessagingContext, 'deadlines' | 'observers'>) {
    this.#context = context;
  }

  get size(): number {
    return this.#pending.size;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** A copy: whoever is told of its end may ask again at once. */
  get all(): readonly PendingRequest[] {
    return [...this.#pending.values()];
  }

  has(key: string): boolean {
    return this.#pending.has(key);
  }

  /** Whose reply it is. */
  find(correlationId: MessageId | undefined): PendingRequest | undefined {
    return findById(this.#pending, correlationId);
  }

  add(pending: PendingRequest): void {
    this.#pending.set(pending.key, pending);
    pending.signal?.addEventListener('abort', pending);
    this.#context.deadlines.add(pending);
  }

  /** Until there is a reply address. */
  putAside(pending: PendingRequest): void {
    this.#waiting.add(pending);
  }

  /** In the order of their calls; none waits any more. */
  takeWaiting(): readonly PendingRequest[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  /** Its time-out starts anew. */
  waitForNext(pending: PendingRequest): void {
    const { deadlines } = this.#context;
    deadlines.remove(pending);
    pending.deadlineAt = performance.now() + pending.timeoutMs;
    deadlines.add(pending);
  }

  /**
   * Nothing that comes later concerns it. `false`: it was over before.
   *
   * @param error why it ends without its last reply
   */
  remove(pending: PendingRequest, error?: unknown): boolean {
    this.#waiting.delete(pending);
    this.#context.deadlines.remove(pending);
    pending.signal?.removeEventListener('abort', pending);
    if (this.isOver(pending)) return false;
    this.#pending.delete(pending.key);
    if (pending.tokens !== undefined) this.#context.observers.replied(pending.tokens, error);
    return true;
  }

  /** Another request may have taken its id since. */
  isOver(pending: PendingRequest): boolean {
    return this.#pending.get(pending.key) !== pending;
  }
}
