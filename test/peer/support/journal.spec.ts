import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJournal, type JournalEntry } from '../../support/journal/journal.mjs';

let directory = '';
let path = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'journal-'));
  path = join(directory, 'journal');
});
afterEach(() => rmSync(directory, { recursive: true }));

const line = (id: number, size: number): string =>
  `${JSON.stringify({ op: 'put', id, queue: 'käse', body: String(id % 10).repeat(size) })}\n`;

function read(from = 0): { entries: JournalEntry[]; end: number } {
  const entries: JournalEntry[] = [];
  return { end: readJournal(path, from, (entry) => entries.push(entry)), entries };
}

it('reads a journal of several pieces, whose lines do not end where the pieces do, and goes on from there', () => {
  const lines = Array.from({ length: 23 }, (_, id) => line(id, 600_000 + 7 * id));
  writeFileSync(path, lines.join(''));
  const { entries, end } = read();
  expect(entries.map((entry) => `${JSON.stringify(entry)}\n` === lines[entry.id])).toEqual(Array(23).fill(true));
  expect(end).toBe(Buffer.byteLength(lines.join('')));

  appendFileSync(path, line(23, 10) + line(24, 10).slice(0, -5));
  const next = read(end);
  expect(next.entries.map(({ id }) => id)).toEqual([23]);
  expect(next.end).toBe(end + Buffer.byteLength(line(23, 10)));
});

it('reads nothing where there is no journal yet', () => {
  expect(read()).toEqual({ entries: [], end: 0 });
});
