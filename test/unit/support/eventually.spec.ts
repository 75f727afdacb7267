import { describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/eventually.js';

describe('eventually', () => {
  it('says what was awaited and what the last answer was', async () => {
    await expect(eventually('the door is open', () => false, { timeoutMs: 10 })).rejects.toThrow(
      'not so within 10 ms: the door is open; the last answer was false',
    );
  });

  it('gives the last error as the reason', async () => {
    await expect(
      eventually('the door is open', async () => Promise.reject(new Error('locked')), { timeoutMs: 10 }),
    ).rejects.toThrow('locked');
  });

  it('resolves to the first answer that is neither false nor undefined', async () => {
    const answers = [undefined, false, 0, 1];
    await expect(eventually('an answer', async () => answers.shift())).resolves.toBe(0);
  });
});
