// Books over one run, after Jepsen's total-queue: what was attempted, what the sender was told, what the handlers got.

import { createHash } from 'node:crypto';
import { SendError, type ReceivedMessage, type SendResult } from '../../../lib/client/index.js';

/** What the sender was told: accepted, surely not taken, nobody knows. */
export type Fate = 'ok' | 'no' | 'unknown';

interface Handled {
  readonly id: string;
  readonly flagged: boolean;
}

/** The body of a message follows from its id, so that nothing needs to be kept to compare it. */
export function bodyOf(id: string): { id: string; text: string } {
  const digest = createHash('sha256').update(id).digest();
  return { id, text: digest.toString('hex').repeat(1 + (digest[0] ?? 0) / 16) };
}

export class Accounts {
  readonly fates = new Map<string, Fate>();
  readonly attempted = new Set<string>();
  readonly handled: Handled[] = [];
  /** Ids whose handler has ended well. */
  readonly ended = new Set<string>();
  private readonly wrong: string[] = [];
  private open = 0;

  /** Follows one send to its end. */
  follow(id: string, sending: Promise<SendResult>): void {
    this.attempted.add(id);
    this.open += 1;
    void sending.then(
      (result) => this.settle(id, result.ok ? 'ok' : result.error.delivered),
      (error: unknown) => {
        if (error instanceof SendError) this.settle(id, error.delivered);
        else {
          this.wrong.push(`the send of ${id} rejected with ${String(error)}, which is no SendError`);
          this.settle(id, 'unknown');
        }
      },
    );
  }

  /** Sends that have not been told anything. */
  get unsettled(): number {
    return this.open;
  }

  count(fate: Fate): number {
    return [...this.fates.values()].filter((one) => one === fate).length;
  }

  /** A handler was called. */
  begin(message: ReceivedMessage): string {
    const id = String(message.properties?.messageId);
    this.handled.push({ id, flagged: message.redelivered || message.deliveryCount > 0 });
    if (JSON.stringify(message.body) !== JSON.stringify(bodyOf(id))) this.wrong.push(`the body of ${id} is another`);
    return id;
  }

  end(id: string): void {
    this.ended.add(id);
  }

  /** Everything that may not be. `copies`: how often the peer has taken each id; `undefined`: nobody has counted. */
  faults(copies: ReadonlyMap<string, number> | undefined): string[] {
    const found = [...this.wrong];
    const times = new Map<string, Handled[]>();
    for (const one of this.handled) times.set(one.id, [...(times.get(one.id) ?? []), one]);
    if (this.open > 0) found.push(`${this.open} sends were never told anything`);
    for (const id of this.attempted) {
      const fate = this.fates.get(id);
      if (fate === 'ok' && !times.has(id)) found.push(`lost: ${id} was accepted and never handled`);
      const taken = copies === undefined ? Number(fate === 'ok' || times.has(id)) : (copies.get(id) ?? 0);
      if (fate === 'ok' && taken === 0) found.push(`${id} was said to be accepted, the peer never took it`);
      if (fate === 'no' && taken > 0) found.push(`${id} was said not to be delivered, the peer took it`);
    }
    for (const [id, deliveries] of times) {
      if (!this.attempted.has(id)) found.push(`unexpected: ${id} was never sent`);
      // Each copy may be seen once without a flag; whatever comes beyond that has to say that it was seen before.
      const unflagged = deliveries.filter(({ flagged }) => !flagged).length;
      if (copies !== undefined && unflagged > (copies.get(id) ?? 0))
        found.push(`${id} came ${unflagged} times without a flag`);
    }
    return found;
  }

  private settle(id: string, fate: Fate): void {
    if (this.fates.has(id)) this.wrong.push(`the send of ${id} was settled twice`);
    this.fates.set(id, fate);
    this.open -= 1;
  }
}
