// One story: something a user does, and what came of it on a peer, as the words of a table cell.

import type { Peer } from './peer.js';

export interface Story {
  /** Row of the table. */
  readonly title: string;
  /**
   * Does it, asserts what must hold on every peer, and answers with the cell: `yes`, or the words for what this peer does instead.
   * A `no` names the error that the user gets.
   */
  run(peer: Peer): Promise<string>;
  /** What each peer is known to answer, by its name; `yes` where it is not listed. A change of behaviour fails here. */
  readonly known?: Readonly<Record<string, string>>;
  /** Why it cannot be tried on this peer; printed with the skipped test and in the table. */
  skip?(peer: Peer): string | undefined;
  readonly timeoutMs?: number;
}

/** The cell for a refusal: its class and code, and the peer's condition. */
export function refusal(error: unknown): string {
  if (!(error instanceof Error)) throw new TypeError('not refused', { cause: error });
  const code: unknown = Reflect.get(error, 'code');
  const condition: unknown = Reflect.get(error, 'condition');
  return `no: ${error.name} ${String(code)}${typeof condition === 'string' ? ` (${condition})` : ''}`;
}

/** What a promise rejected with; fails when it resolved. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (outcome === undefined) throw new Error('it was expected to fail, and did not');
  return outcome.error;
}
