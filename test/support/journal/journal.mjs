// What the journalling peer remembers, in a file that survives its death. One JSON object per line:
// put (a message was accepted), out (it was handed to a consumer), del (the consumer accepted or rejected it).

import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, truncateSync, writeSync } from 'node:fs';

/**
 * The entries of a journal file from a byte on; a last line that was cut off by a kill is left out. `size`: where the whole lines end, and
 * the next call may begin.
 */
export function readJournal(path, from = 0) {
  if (!existsSync(path)) return { entries: [], size: 0 };
  const bytes = bytesFrom(path, from);
  const end = bytes.lastIndexOf(LINE_FEED) + 1;
  const lines = bytes.toString('utf8', 0, end).split('\n');
  return { entries: lines.filter((line) => line !== '').map((line) => JSON.parse(line)), size: from + end };
}

const LINE_FEED = 0x0a;

function bytesFrom(path, from) {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - from));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
  } finally {
    closeSync(file);
  }
}

/** An append-only file. Entries are collected and written with `sync()`, which returns when they are on the disk. */
export class Journal {
  constructor(path) {
    const { entries, size } = readJournal(path);
    if (existsSync(path)) truncateSync(path, size);
    this.entries = entries;
    this.file = openSync(path, 'a');
    this.pending = [];
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
