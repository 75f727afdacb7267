import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Holder, missingHolders, promisesOf, testNames } from './promise-list.js';
import { root } from './sources.js';

const promised = promisesOf(readFileSync(join(root, 'docs/promises.md'), 'utf8'));
const count = (kind: Holder['kind']): number =>
  promised.filter(({ holders: held }) => held.some((holder) => holder.kind === kind)).length;
const counts = `${promised.length} promises: ${count('test')} with tests, ${count('story')} with broker stories, ${count('not yet')} not yet`;

describe('the promises of this library', () => {
  it('are each held by a test or a broker story that exists, or said to be missing', () => {
    expect([counts, missingHolders(promised)]).toEqual([counts, []]);
    expect([counts, promised.length > 100]).toEqual([counts, true]);
  });

  it('are numbered without a gap within each section', () => {
    const next = new Map<string, number>();
    for (const { id } of promised) {
      const [, section = '', number] = /^([a-z]+)-(\d+)$/.exec(id) ?? [];
      expect([id, Number(number)]).toEqual([id, (next.get(section) ?? 0) + 1]);
      next.set(section, Number(number));
    }
  });
});

describe('the list of promises', () => {
  it('is read with its bars, several holders and honest gaps', () => {
    const page = [
      '| | promise | held by |',
      '| --- | --- | --- |',
      '| a-1 | `x \\| y` | `test/a.spec.ts` one > two<br>broker suite: a story |',
      '| a-2 | z | not yet: w |',
      '| a-3 | v | somebody will |',
      '| row-4 | there | here | no counterpart, because it is not needed |',
    ].join('\n');
    expect(promisesOf(page).map(({ id, holders: held }) => [id, ...held.map(({ kind }) => kind)])).toEqual([
      ['a-1', 'test', 'story'],
      ['a-2', 'not yet'],
      ['a-3', 'nonsense'],
      ['row-4', 'no counterpart'],
    ]);
  });

  it('says which holders do not exist', () => {
    const page = [
      '| a-1 | x | `test/architecture/promises.spec.ts` no such test |',
      '| a-2 | y | broker suite: no such story |',
      '| a-3 | z | somebody will |',
      '| a-4 | z | not yet: w |',
    ].join('\n');
    expect(missingHolders(promisesOf(page)).map((problem) => problem.slice(0, 3))).toEqual(['a-1', 'a-2', 'a-3']);
  });

  it('knows the tests of a file by their full names', () => {
    const names = testNames('test/architecture/promises.spec.ts');
    expect(names.has('the list of promises > knows the tests of a file by their full names')).toBe(true);
    expect(names.has('knows the tests of a file by their full names')).toBe(false);
    expect(testNames('test/no-such.spec.ts').size).toBe(0);
  });
});

describe('the guide to shutdown', () => {
  it('says in bold where what a handler uses is released', () => {
    const guide = readFileSync(join(root, 'docs/shutdown.md'), 'utf8');
    const bold = [...guide.matchAll(/\*\*([^*]+)\*\*/g)].map(([, text = '']) => text.replaceAll(/\s+/g, ' '));
    expect(bold).toContainEqual(expect.stringMatching(/handler uses .*released in `onApplicationShutdown`/));
  });
});
