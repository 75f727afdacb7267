import type { PendingSend } from './pending-send.js';

/** A linked list through the sends themselves: each stands in one list at a time and leaves it without a search. */
export class SendList {
  first: PendingSend | undefined = undefined;
  last: PendingSend | undefined = undefined;
  size = 0;
  /** The last one that was put in by sequence; the next of a series usually stands right behind it. */
  #hint: PendingSend | undefined = undefined;

  append(pending: PendingSend): void {
    this.#insertAfter(this.last, pending);
  }

  /** Before the first one that was sent later. */
  insertBySequence(pending: PendingSend): void {
    let after = this.#hint !== undefined && this.#hint.sequence < pending.sequence ? this.#hint : undefined;
    let next = after === undefined ? this.first : after.next;
    while (next !== undefined && next.sequence < pending.sequence) {
      after = next;
      next = next.next;
    }
    this.#insertAfter(after, pending);
    this.#hint = pending;
  }

  remove(pending: PendingSend): void {
    const { previous, next } = pending;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.last = previous;
    else next.previous = previous;
    if (this.#hint === pending) this.#hint = undefined;
    pending.previous = undefined;
    pending.next = undefined;
    pending.list = undefined;
    this.size--;
  }

  /** Those in it now, so that it may change meanwhile. */
  snapshot(): PendingSend[] {
    const all: PendingSend[] = [];
    for (let pending = this.first; pending !== undefined; pending = pending.next) all.push(pending);
    return all;
  }

  #insertAfter(after: PendingSend | undefined, pending: PendingSend): void {
    const next = after === undefined ? this.first : after.next;
    pending.previous = after;
    pending.next = next;
    if (after === undefined) this.first = pending;
    else after.next = pending;
    if (next === undefined) this.last = pending;
    else next.previous = pending;
    pending.list = this;
    this.size++;
  }
}
