const FIRST_CAPACITY = 256;
const LARGEST_CAPACITY = 65_536;

/**
 * Unsettled deliveries by delivery-id. Ids count up, so an array indexed by the id's low bits holds them without an entry
 * object; it grows while two live ids would share a place. A straggler that would make it grow past its limit moves to a map,
 * so that one delivery that is never settled costs one entry and blocks nothing.
 */
export class DeliveryRing<Owner, Transfer> {
  size = 0;
  /** What the last successful `take` found. */
  owner: Owner | undefined;
  transfer: Transfer | undefined;

  private mask = FIRST_CAPACITY - 1;
  private ids = new Uint32Array(FIRST_CAPACITY);
  private owners: (Owner | undefined)[] = empty(FIRST_CAPACITY);
  private transfers: (Transfer | undefined)[] = empty(FIRST_CAPACITY);
  private readonly stragglers = new Map<number, { readonly owner: Owner; readonly transfer: Transfer }>();

  put(id: number, owner: Owner, transfer: Transfer): void {
    let place = id & this.mask;
    while (this.transfers[place] !== undefined) {
      if (this.mask + 1 < LARGEST_CAPACITY) this.grow();
      else this.setAside(place);
      place = id & this.mask;
    }
    this.ids[place] = id;
    this.owners[place] = owner;
    this.transfers[place] = transfer;
    this.size += 1;
  }

  /** Removes the delivery and leaves it in `owner` and `transfer`; `false` when there is none of this id. */
  take(id: number): boolean {
    const place = id & this.mask;
    const transfer = this.transfers[place];
    if (transfer !== undefined && this.ids[place] === id) {
      this.owner = this.owners[place];
      this.transfer = transfer;
      this.owners[place] = undefined;
      this.transfers[place] = undefined;
      this.size -= 1;
      return true;
    }
    if (this.stragglers.size === 0) return false;
    const straggler = this.stragglers.get(id);
    if (straggler === undefined) return false;
    this.stragglers.delete(id);
    this.owner = straggler.owner;
    this.transfer = straggler.transfer;
    this.size -= 1;
    return true;
  }

  /** Ids in `first` to `first + span`, in the order of the ids. */
  idsWithin(first: number, span: number): number[] {
    return this.sortedIds((id) => (id - first) >>> 0 <= span, first);
  }

  /** Ids of one owner, oldest first. @param newest an id that is not older than any of them */
  idsOf(owner: Owner, newest: number): number[] {
    const found: number[] = [];
    for (let place = 0; place <= this.mask; place++) {
      if (this.owners[place] === owner && this.transfers[place] !== undefined) found.push(this.ids[place] ?? 0);
    }
    for (const [id, straggler] of this.stragglers) if (straggler.owner === owner) found.push(id);
    return found.toSorted((a, b) => ((a - newest) | 0) - ((b - newest) | 0));
  }

  private sortedIds(wanted: (id: number) => boolean, origin: number): number[] {
    const found: number[] = [];
    for (let place = 0; place <= this.mask; place++) {
      const id = this.ids[place] ?? 0;
      if (this.transfers[place] !== undefined && wanted(id)) found.push(id);
    }
    for (const id of this.stragglers.keys()) if (wanted(id)) found.push(id);
    return found.toSorted((a, b) => ((a - origin) >>> 0) - ((b - origin) >>> 0));
  }

  private grow(): void {
    const { ids, owners, transfers } = this;
    const capacity = (this.mask + 1) * 2;
    this.mask = capacity - 1;
    this.ids = new Uint32Array(capacity);
    this.owners = empty(capacity);
    this.transfers = empty(capacity);
    for (let place = 0; place < ids.length; place++) {
      const transfer = transfers[place];
      if (transfer === undefined) continue;
      const id = ids[place] ?? 0;
      this.ids[id & this.mask] = id;
      this.owners[id & this.mask] = owners[place];
      this.transfers[id & this.mask] = transfer;
    }
  }

  private setAside(place: number): void {
    const owner = this.owners[place];
    const transfer = this.transfers[place];
    if (owner !== undefined && transfer !== undefined) this.stragglers.set(this.ids[place] ?? 0, { owner, transfer });
    this.owners[place] = undefined;
    this.transfers[place] = undefined;
  }
}

/** Filled, so that the array stays a dense one. */
function empty<Item>(capacity: number): (Item | undefined)[] {
  return Array.from<Item | undefined>({ length: capacity }).fill(undefined);
}
