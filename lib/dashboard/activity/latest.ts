/** The last so many of something, the newest first. */
export class Latest<Item> {
  #items: Item[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(item: Item): void {
    this.#items.unshift(item);
    if (this.#items.length > this.#most) this.#items.pop();
  }

  all(): Item[] {
    return [...this.#items];
  }
}
