// Faults in rows 96 to 116: connecting and errors. As in ../connection.mjs, with a row in the place of a promise.

export const kombuConnectionRows = [];
