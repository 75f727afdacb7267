// What the journalling peer remembers, in a file that survives its death. One JSON object per line:
// put (a message was accepted), out (it was handed to a consumer), del (the consumer accepted or rejected it).

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';

/** The entries of a journal file; a last line that was cut off by a kill is left out. `size`: bytes of the whole lines. */
export function readJournal(path) {
  if (!existsSync(path)) return { entries: [], size: 0 };
  const text = readFileSync(path, 'utf8');
  const size = text.lastIndexOf('\n') + 1;
  const entries = text
    .slice(0, size)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { entries, size: Buffer.byteLength(text.slice(0, size)) };
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
