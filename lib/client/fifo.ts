/** A first-in first-out list on a ring, so that taking from the front does not move the rest. */
export class Fifo<T> {
  #items: (T | undefined)[] = Array.from({ length: 16 });
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#length++) & (this.#items.length - 1)] = item;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#length--;
    return item;
  }

  /** Everything, in order; it is empty then. */
  drain(): T[] {
    const items: T[] = [];
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item);
    return items;
  }

  #grow(): void {
    const { length } = this.#items;
    const items: (T | undefined)[] = Array.from({ length: length * 2 });
    for (let index = 0; index < length; index++) items[index] = this.#items[(this.#head + index) & (length - 1)];
    this.#items = items;
    this.#head = 0;
  }
}
