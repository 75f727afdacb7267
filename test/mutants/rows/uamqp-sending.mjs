// Faults in rows 19 to 49 and 59 to 76: links, sending, errors, messages. As in ../connection.mjs, with a row in the place of a promise.

export const uamqpSendingRows = [];
