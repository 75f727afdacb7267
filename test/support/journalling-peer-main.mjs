// An AMQP server with named queues that forgets nothing it has accepted, whenever it is killed: what it accepts is on the disk before the
// disposition leaves. `node journalling-peer-main.mjs --journal FILE [--port N] [--credit N] [--first N] [--idle MS]`; it prints one line with its port, answers
// `stats` on standard input or IPC, and ends with its parent.

import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Journal } from './journal/journal.mjs';
import { Queues } from './journal/queues.mjs';
import { ServerConnection } from './journal/server-connection.mjs';

const { values } = parseArgs({
  options: {
    journal: { type: 'string' },
    port: { type: 'string', default: '0' },
    credit: { type: 'string', default: '200' },
    // Silence after which a client is given up; half of it is advertised.
    idle: { type: 'string', default: '10000' },
    // Transfer ids, delivery ids and delivery-counts start here; they wrap soon.
    first: { type: 'string', default: String(0xffff_fff0) },
  },
});

const journal = new Journal(values.journal);
const server = {
  credit: Number(values.credit),
  first: Number(values.first),
  idleMs: Number(values.idle),
  queues: new Queues(journal),
  connections: new Set(),
  effects: [],

  /** Runs when everything that was remembered so far is on the disk. */
  afterSync(effect) {
    this.effects.push(effect);
  },

  settled(message, state) {
    if (state?.kind === 'released' || state?.kind === 'modified') {
      this.queues.giveBack(message, state.deliveryFailed === true);
    } else this.queues.delete(message);
  },

  /** Feeds the consumers, syncs, then lets everything out that waited for it. */
  commit() {
    do {
      for (const connection of this.connections) {
        for (const session of connection.sessions.values()) {
          for (const link of session.links.values()) if (link.isConsumer) connection.pump(session, link);
        }
      }
      journal.sync();
      for (const effect of this.effects.splice(0)) effect();
    } while (this.effects.length > 0 || journal.pending.length > 0);
  },

  answer(command) {
    if (command === 'stats') return this.queues.stats();
    return { error: `unknown command ${String(command)}` };
  },
};

const listener = createServer((socket) => server.connections.add(new ServerConnection(server, socket)));
const listen = () => listener.listen(Number(values.port), '127.0.0.1');
let tries = 0;
listener.on('error', (error) => {
  // Whoever dials a dead peer's port again and again may be given that very port as its own, and be connected to itself; it lets go soon.
  tries += 1;
  if (error.code !== 'EADDRINUSE' || tries > 250) throw error;
  setTimeout(listen, 20);
});
listener.on('listening', () => {
  const { port } = listener.address();
  if (process.send) process.send({ port });
  else process.stdout.write(`${JSON.stringify({ port })}\n`);
});
listen();
process.on('message', ({ id, command }) => process.send({ id, result: server.answer(command) }));
process.on('disconnect', () => process.exit(0));
if (!process.send) {
  createInterface({ input: process.stdin })
    .on('line', (line) => process.stdout.write(`${JSON.stringify(server.answer(line.trim()))}\n`))
    .on('close', () => process.exit(0));
}
