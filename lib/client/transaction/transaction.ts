/** A local transaction at one peer. Made by `connection.transaction()`; given to sends and settlements that belong to it. */
export interface Transaction {
  readonly id: Buffer;
  readonly state: 'active' | 'committed' | 'rolled-back' | 'in-doubt';
}
