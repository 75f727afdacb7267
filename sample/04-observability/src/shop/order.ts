/** An order as it is placed, with what will go wrong about it. */
export interface Order {
  readonly id: number;
  readonly article: string;
  readonly pieces: number;
  /** How often the warehouse is busy before it takes it. */
  readonly busy?: number;
}

/** Nobody can do anything about it. */
export class InvalidOrder extends Error {
  readonly code = 'invalid-order';
}

/** It goes well a little later. */
export class WarehouseBusy extends Error {
  readonly code = 'warehouse-busy';
}
