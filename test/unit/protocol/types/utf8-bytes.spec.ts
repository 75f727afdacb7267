import { describe, expect, it } from '@jest/globals';
import { utf8Bytes } from '../../../../lib/protocol/types/utf8-bytes.js';

describe('the bytes of a text', () => {
  it.each([
    '',
    'a',
    'é',
    '日',
    '🙂',
    'x'.repeat(20_000),
    `${'x'.repeat(20_000)}é`,
    `é${'x'.repeat(20_000)}`,
    `${'x'.repeat(20_000)}🙂`,
    '🙂'.repeat(5_000),
    'é'.repeat(20_000),
    '日x'.repeat(5_000),
    `${'x'.repeat(19_998)}日é`,
  ])('are all of its UTF-8, whatever its letters take: %.3s...', (text) => {
    expect(utf8Bytes(text)).toEqual(Buffer.from(text));
  });

  it.each(['\ud800', 'a\udc00b', `${'x'.repeat(20_000)}\ud83d`])(
    'are none when half of a surrogate pair stands alone',
    (text) => {
      expect(utf8Bytes(text)).toBeUndefined();
    },
  );
});
