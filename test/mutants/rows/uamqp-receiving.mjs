// Faults in rows 22 to 24, 50 to 58, 77 to 79, 89 to 92 and 95: receiving, management, types. As in ../connection.mjs, with a row in the place of a promise.

export const uamqpReceivingRows = [];
