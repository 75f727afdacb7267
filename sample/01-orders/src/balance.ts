// Does everything that went in come out somewhere? Computed from the input file, the ledger and the queues' depths; no counter of the
// library takes part.

import { reasons, type Channel, type InputLine, type Reason } from './input-file.js';
import type { LedgerEntry } from './ledger.js';

/** What is compared. */
export interface Books {
  readonly lines: readonly InputLine[];
  readonly ledger: readonly LedgerEntry[];
  /** Line ids found at the peer, by where. */
  readonly rejected: readonly string[];
  readonly parked: readonly string[];
  readonly left: readonly string[];
}

/** One row: the lines of one reason, and what became of them. */
export interface Row {
  readonly reason: Reason;
  readonly lines: number;
  readonly placed: number;
  readonly skipped: number;
  /** Times that a handler failed. */
  readonly failed: number;
  readonly rejected: number;
  readonly parked: number;
  readonly left: number;
  /** Lines that are nowhere, or not where they belong. */
  readonly wrong: number;
}

/** The result: balanced when there are no problems. */
export interface Balance {
  readonly rows: readonly Row[];
  readonly problems: readonly string[];
}

interface Fate {
  readonly channel: Channel;
  readonly reason: Reason;
  copies: number;
  placed: number;
  skipped: number;
  failed: number;
  rejected: number;
  parked: number;
  left: number;
}

/** Compares what went in with what came out, line by line. */
export function balance(books: Books): Balance {
  const fates = new Map<string, Fate>();
  const problems: string[] = [];
  for (const { id, channel, reason } of books.lines) {
    const fate = fates.get(id);
    if (fate) fate.copies += 1;
    else
      fates.set(id, { channel, reason, copies: 1, placed: 0, skipped: 0, failed: 0, rejected: 0, parked: 0, left: 0 });
  }
  const count = (id: string, where: 'placed' | 'skipped' | 'failed' | 'rejected' | 'parked' | 'left'): void => {
    const fate = fates.get(id);
    if (fate) fate[where] += 1;
    else problems.push(`${where}: ${id} is not in the input file`);
  };
  for (const { messageId, deed } of books.ledger) count(messageId, deed);
  for (const id of books.rejected) count(id, 'rejected');
  for (const id of books.parked) count(id, 'parked');
  for (const id of books.left) count(id, 'left');
  for (const [id, fate] of fates) problems.push(...problemsOf(id, fate));
  return { rows: reasons.map((reason) => rowOf(reason, fates)), problems };
}

function problemsOf(id: string, fate: Fate): string[] {
  const { channel, reason, copies, placed, skipped, failed, rejected, parked, left } = fate;
  const at = `${id} (${reason})`;
  const found: string[] = [];
  if (left > 0) found.push(`${at}: ${left} left in the queue`);
  const ended = placed + skipped + rejected + parked + left;
  if (ended < copies) found.push(`${at}: LOST, ${copies} went in and ${ended} came out`);
  if (isHopeless(reason)) {
    const place = channel === 'partner' ? parked : rejected;
    if (place !== 1) found.push(`${at}: ${place} dead letters, expected 1`);
    if (placed + skipped > 0) found.push(`${at}: was placed`);
  } else {
    if (placed !== 1) found.push(`${at}: placed ${placed} times, expected 1`);
    if (rejected + parked > 0) found.push(`${at}: is a dead letter`);
  }
  if (ended > copies && !found.length) found.push(`${at}: ${copies} went in and ${ended} came out`);
  const tries = reason === 'poison' ? 3 : reason === 'flaky' ? 2 : 0;
  if (failed !== tries) found.push(`${at}: failed ${failed} times, expected ${tries}`);
  return found;
}

/** Lines that can never be placed. */
function isHopeless(reason: Reason): boolean {
  return reason === 'poison' || reason === 'invalid' || reason === 'malformed';
}

function rowOf(reason: Reason, fates: ReadonlyMap<string, Fate>): Row {
  const row = { reason, lines: 0, placed: 0, skipped: 0, failed: 0, rejected: 0, parked: 0, left: 0, wrong: 0 };
  // A duplicate shares its id with the line it repeats: the first copy counts as valid, the others here.
  for (const [id, fate] of fates) {
    if (reason === 'duplicate') {
      row.lines += fate.copies - 1;
      row.skipped += fate.skipped;
      continue;
    }
    if (fate.reason !== reason) continue;
    row.lines += 1;
    row.placed += fate.placed;
    row.failed += fate.failed;
    row.rejected += fate.rejected;
    row.parked += fate.parked;
    row.left += fate.left;
    if (problemsOf(id, fate).length > 0) row.wrong += 1;
  }
  return row;
}
