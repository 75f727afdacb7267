/** What stands for all keys beyond the most that are kept. */
export const OTHERS = '(others)';
/** Addresses and names come from strangers: longer keys are cut, and those that begin alike are one. */
const MOST_CHARACTERS = 200;

/** Rows by key, no more than `most`; all further keys share one row. */
export class BoundedTable<Row> {
  readonly #rows = new Map<string, Row>();
  readonly #most: number;
  readonly #make: () => Row;
  #counted = 0;
  #others: Row | undefined;
  #lastKey: string | undefined;
  #lastRow: Row | undefined;

  constructor(most: number, make: () => Row) {
    this.#most = most;
    this.#make = make;
  }

  /** The key's row, made when there is room for it. */
  of(key: string): Row {
    // The same key comes many times running.
    if (key === this.#lastKey && this.#lastRow !== undefined) return this.#lastRow;
    const row = this.#find(key);
    this.#lastKey = key.length > MOST_CHARACTERS ? undefined : key;
    this.#lastRow = row;
    return row;
  }

  /** Makes a row that is none of the `most`, for a key that the application itself declares. */
  reserve(key: string): Row {
    const short = shortened(key);
    const row = this.#rows.get(short) ?? this.#make();
    this.#rows.set(short, row);
    this.#lastKey = undefined; // it may have been one of the others
    return row;
  }

  /** Every row with its key, that of the others last. */
  rows(): [key: string, row: Row][] {
    const others: [string, Row][] = this.#others === undefined ? [] : [[OTHERS, this.#others]];
    return [...this.#rows, ...others];
  }

  #find(key: string): Row {
    const short = shortened(key);
    const found = this.#rows.get(short);
    if (found !== undefined) return found;
    if (this.#counted >= this.#most) return (this.#others ??= this.#make());
    const row = this.#make();
    this.#counted += 1;
    this.#rows.set(short, row);
    return row;
  }
}

/** Short enough to be kept and shown. */
export function shortened(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;
}
