import type { IdempotencyStore } from './idempotency-store.js';

interface Entry {
  state: 'running' | 'done';
  ttlMs: number;
  expiresAt: number;
}

/** Keeps keys in this process. Bounded: the oldest done keys go first when there are too many. */
export class MemoryIdempotencyStore implements IdempotencyStore {
  readonly #entries = new Map<string, Entry>();

  constructor(
    private readonly maxKeys = 100_000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  async begin(key: string, ttlMs: number): Promise<'new' | 'running' | 'done'> {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.expiresAt > this.now()) return entry.state;
    this.#set(key, { state: 'running', ttlMs, expiresAt: this.now() + ttlMs });
    return 'new';
  }

  async done(key: string): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#set(key, { ...entry, state: 'done', expiresAt: this.now() + entry.ttlMs });
  }

  async forget(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  /** The map keeps the order of the last change, so the oldest stand in front. */
  #set(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= this.maxKeys) return;
    for (const [old, { state, expiresAt }] of this.#entries) {
      if (state === 'running' && expiresAt > this.now()) continue;
      this.#entries.delete(old);
      return;
    }
  }
}
