export type JournalEntry =
  | { readonly op: 'put'; readonly id: number; readonly queue: string; readonly body: string }
  | { readonly op: 'out' | 'del'; readonly id: number };
/** The entries of a journal file; a last line that was cut off by a kill is left out. `size`: bytes of the whole lines. */
export declare function readJournal(path: string): { entries: JournalEntry[]; size: number };
