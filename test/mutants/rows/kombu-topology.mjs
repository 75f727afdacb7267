// Faults in rows 143 to 160: topology, transactions, and what is beyond both. As in ../connection.mjs, with a row in the place of a promise.

export const kombuTopologyRows = [];
