// The counting peer, a process of its own: counts and hashes what it gets, counts what is accepted of what it sends.

import { createServer } from 'node:net';
import { Connection } from './connection.mjs';

const stats = {};
function reset() {
  Object.assign(stats, { received: 0, hash: 0, sample: undefined, accepted: 0, wrong: 0, dispositions: 0 });
}

reset();
const connections = new Set();
const server = createServer((socket) => {
  const connection = new Connection(socket, stats);
  connections.add(connection);
  socket.on('close', () => connections.delete(connection));
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', ({ id, command }) => {
  process.send({ id, stats: { ...stats } });
  if (command === 'reset') reset();
});
process.on('disconnect', () => process.exit(0));
