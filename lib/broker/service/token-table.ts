/** The tokens that one connection has put (claims-based security): audience to end, in milliseconds of the epoch. */
export class TokenTable {
  readonly #tokens = new Map<string, number>();

  /** @param expiresAt Infinity: never */
  put(audience: string, expiresAt: number): void {
    if (this.#tokens.size >= MAX_TOKENS && !this.#tokens.has(audience)) return;
    this.#tokens.set(audience, expiresAt);
  }

  /** When the last of them ends; -Infinity without any. */
  get expiresAt(): number {
    return Math.max(...this.#tokens.values());
  }
}

const MAX_TOKENS = 1_000;
