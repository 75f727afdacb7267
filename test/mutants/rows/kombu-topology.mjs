// Faults in rows 143 to 160: topology, transactions, and what is beyond both. As in ../connection.mjs, with a row in the place of a promise.

/** Row 158: transactions. */
const TRANSACTIONS = [
  {
    promise: 'row-158',
    file: 'lib/client/transaction/transactions.ts',
    find: 'await link.discharge(transaction.id, true, { signal: wait.signal });',
    replace: 'await link.discharge(transaction.id, false, { signal: wait.signal });',
    test: ['test/peer/client/transactions.spec.ts', 'a transaction shows nothing of it when its work throws'],
  },
];

export const kombuTopologyRows = [...TRANSACTIONS];
