import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { checkInTime, TARGETS } from '../../fuzz/targets.js';

const folder = new URL('../../corpus/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.bin'));

describe('the corpus of inputs that once broke something', () => {
  it('is not empty, and each file names its target', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(files.map((name) => name.split('.')[0])).toEqual(
      files.map(() => expect.stringMatching(new RegExp(`^(${TARGETS.map((target) => target.name).join('|')})$`))),
    );
  });

  it.each(files)('holds for %s', (name) => {
    const target = TARGETS.find((candidate) => name.startsWith(`${candidate.name}.`));
    if (target === undefined) throw new Error(`no fuzz target for ${name}`);
    expect(() => checkInTime(target, readFileSync(new URL(name, folder)))).not.toThrow();
  });
});
