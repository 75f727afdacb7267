/** Remembers which messages were handled. One that processes share makes their consumers idempotent together. */
export interface IdempotencyStore {
  /**
   * `new`: nobody works on the key; from now on this caller does. `running`: another does. `done`: it was handled.
   *
   * @param ttlMs after which the key, running or done, is forgotten
   */
  begin(key: string, ttlMs: number): Promise<'new' | 'running' | 'done'>;
  done(key: string): Promise<void>;
  /** It was not handled after all. */
  forget(key: string): Promise<void>;
}
