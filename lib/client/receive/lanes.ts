import { Fifo } from '../fifo.js';
import type { IncomingMessage } from '../message/incoming-message.js';

/** One lane per key: a message enters the gate when the one before it in its lane is done. A lane lives as long as it is used. */
export class Lanes {
  /** Key -> those that wait behind the one in front; `undefined`: nobody does. */
  readonly #lanes = new Map<string, Fifo<IncomingMessage> | undefined>();

  /** Lanes in use. */
  get size(): number {
    return this.#lanes.size;
  }

  /** `true`: it is at the front of its lane. `false`: it waits in it. */
  enter(key: string, message: IncomingMessage): boolean {
    message.lane = key;
    if (!this.#lanes.has(key)) {
      this.#lanes.set(key, undefined);
      return true;
    }
    let waiting = this.#lanes.get(key);
    if (waiting === undefined) {
      waiting = new Fifo();
      this.#lanes.set(key, waiting);
    }
    waiting.push(message);
    return false;
  }

  /** The one in front is done; answers the next of the lane, which is in front now. */
  leave(key: string): IncomingMessage | undefined {
    const next = this.#lanes.get(key)?.shift();
    if (next === undefined) this.#lanes.delete(key);
    return next;
  }

  /** Takes out all that wait; lanes whose front is being handled stay. */
  drainWaiting(): IncomingMessage[] {
    const waiting: IncomingMessage[] = [];
    for (const [key, lane] of this.#lanes) {
      if (lane === undefined) continue;
      waiting.push(...lane.drain());
      this.#lanes.set(key, undefined);
    }
    return waiting;
  }
}
