// Faults in rows 117 to 142: messages, producing, consuming. As in ../connection.mjs, with a row in the place of a promise.

export const kombuMessagesRows = [];
