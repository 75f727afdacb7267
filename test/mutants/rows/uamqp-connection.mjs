// Faults in rows 1 to 18 and 80 to 88, 93, 94: the connection and authentication. As in ../connection.mjs, with a row in the place of a promise.

export const uamqpConnectionRows = [];
