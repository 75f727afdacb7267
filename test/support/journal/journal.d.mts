export type JournalEntry =
  | { readonly op: 'put'; readonly id: number; readonly queue: string; readonly body: string }
  | { readonly op: 'out' | 'del'; readonly id: number };
/**
 * Calls `take` with each entry of a journal file from a byte on; a last line that was cut off by a kill is left out. Returns where the
 * whole lines end, and the next call may begin.
 */
export declare function readJournal(path: string, from: number, take: (entry: JournalEntry) => void): number;
