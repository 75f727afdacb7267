import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { missingHolders, promisesOf } from './promise-list.js';
import { root } from './sources.js';

const page = (name: string): string => readFileSync(join(root, 'docs', name), 'utf8');

it('what docs/comparison.md says of us names promises, tests and broker stories that exist, row by row', () => {
  const promises = new Set(promisesOf(page('promises.md')).map(({ id }) => id));
  const [, table = ''] = page('comparison.md').split('\n| feature ');
  const [, , ...lines] = table.split('\n');
  const rows = lines.filter((line) => line.startsWith('| '));
  // As rows of a page of promises, so that they are read by the same rules.
  const asPromises = rows.map((row, index) => {
    const held = (row.split('|').at(-2) ?? '').trim().split('<br>');
    const others = held.filter((holder) => !promises.has(holder));
    return others.length === 0 ? '' : `| comparison-${index + 1} | ${row.split('|')[1]} | ${others.join('<br>')} |`;
  });
  expect(missingHolders(promisesOf(asPromises.join('\n')))).toEqual([]);
  expect(rows.length).toBeGreaterThan(25);
});
