// What the journalling peer remembers, in a file that survives its death. One JSON object per line:
// put (a message was accepted), out (it was handed to a consumer), del (the consumer accepted or rejected it).

import { closeSync, existsSync, fsyncSync, openSync, readSync, truncateSync, writeSync } from 'node:fs';

const LINE_FEED = 0x0a;
/** Read at once: a journal of some minutes is larger than a string can be. */
const PIECE = 4 * 1024 * 1024;

/**
 * Calls `take` with each entry of a journal file from a byte on; a last line that was cut off by a kill is left out. Returns where the
 * whole lines end, and the next call may begin.
 */
export function readJournal(path, from, take) {
  if (!existsSync(path)) return 0;
  const file = openSync(path, 'r');
  try {
    let [at, rest] = [from, Buffer.alloc(0)];
    for (;;) {
      const piece = Buffer.alloc(PIECE);
      const read = readSync(file, piece, 0, PIECE, at + rest.length);
      if (read === 0) return at;
      const bytes = Buffer.concat([rest, piece.subarray(0, read)]);
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      for (const line of bytes.toString('utf8', 0, end).split('\n')) if (line !== '') take(JSON.parse(line));
      at += end;
      rest = bytes.subarray(end);
    }
  } finally {
    closeSync(file);
  }
}

/** An append-only file. Entries are collected and written with `sync()`, which returns when they are on the disk. */
export class Journal {
  /** `left`: what was accepted and not deleted, by id; `lastId`: the highest that was given. */
  constructor(path) {
    this.left = new Map();
    this.lastId = 0;
    const size = readJournal(path, 0, (entry) => this.#remember(entry));
    if (existsSync(path)) truncateSync(path, size);
    this.file = openSync(path, 'a');
    this.pending = [];
  }

  #remember({ op, id, queue, body }) {
    this.lastId = Math.max(this.lastId, id);
    if (op === 'put') this.left.set(id, { id, queue, body, redelivered: false });
    else if (op === 'out') this.left.get(id).redelivered = true;
    else this.left.delete(id);
  }

  append(entry) {
    this.pending.push(`${JSON.stringify(entry)}\n`);
  }

  sync() {
    if (this.pending.length === 0) return;
    const bytes = Buffer.from(this.pending.join(''));
    this.pending = [];
    for (let at = 0; at < bytes.length;) at += writeSync(this.file, bytes, at);
    fsyncSync(this.file);
  }

  close() {
    closeSync(this.file);
  }
}
