import { Injectable } from '@nestjs/common';

/** What somebody did. */
export type Deed =
  /** The gateway: came in, and was sent. */
  | 'asked'
  | 'ordered'
  /** The price desk. */
  | 'priced'
  | 'not priced'
  /** The handler: each call is one of the first two, and ends with one of the others. */
  | 'received'
  | 'retried'
  | 'placed'
  | 'failed'
  | 'given up'
  /** The story. */
  | 'cut'
  | 'queue deleted';

/** The sample's own books, written by those who do something. What watches the application is compared with them. */
@Injectable()
export class Ledger {
  readonly #entries: { readonly deed: Deed; readonly order: number | undefined }[] = [];

  write(deed: Deed, order?: number): void {
    this.#entries.push({ deed, order });
  }

  count(...deeds: readonly Deed[]): number {
    return this.#entries.filter(({ deed }) => deeds.includes(deed)).length;
  }

  /** Which orders it was done to. */
  orders(deed: Deed): ReadonlySet<number | undefined> {
    return new Set(this.#entries.filter((entry) => entry.deed === deed).map(({ order }) => order));
  }
}
