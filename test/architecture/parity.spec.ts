import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { missingHolders, promisesOf } from './promise-list.js';
import { root } from './sources.js';

const rows = promisesOf(readFileSync(join(root, 'docs/parity.md'), 'utf8'));

describe('the rows of docs/parity.md', () => {
  it('are those of uamqp and kombu, 1 to 160, each once and in order', () => {
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 160 }, (_, i) => `row-${i + 1}`));
  });

  it('are each held by a test or a broker story that exists, or said to be missing', () => {
    expect(missingHolders(rows)).toEqual([]);
  });

  it('name a test that can be run on any machine, beside the stories on brokers', () => {
    const onlyStories = rows.filter(({ holders }) => holders.every(({ kind }) => kind === 'story'));
    expect(onlyStories.map(({ id }) => id)).toEqual([]);
  });
});
