import { describe, expect, it } from '@jest/globals';
import { randomOfCase, seedOfRun } from '../../fuzz/seeded-random.js';
import { checkInTime, TARGETS } from '../../fuzz/targets.js';

const CASES = 2000;
const seed = seedOfRun();

describe(`made-up input (seed ${seed}; FUZZ_SEED repeats it)`, () => {
  it.each(TARGETS.map((target) => target.name))('breaks no rule of the target %s', (name) => {
    const target = TARGETS.find((candidate) => candidate.name === name);
    if (target === undefined) throw new Error('unreachable: the names come from the list');
    for (let index = 0; index < CASES; index++) {
      const input = target.make(randomOfCase(seed, index));
      try {
        checkInTime(target, input);
      } catch (error) {
        throw new Error(`case ${index} of seed ${seed}: ${input.toString('hex')}`, { cause: error });
      }
    }
    expect(target.make(randomOfCase(seed, 7))).toEqual(target.make(randomOfCase(seed, 7)));
  });
});
