import { describe, expect, it } from '@jest/globals';
import { PartialDelivery } from '../../../../lib/protocol/session/partial-delivery.js';

const partial = (maxBytes = 1_000_000): PartialDelivery => new PartialDelivery(0, '', 0, undefined, false, maxBytes);

/** Bytes that tell where they belong, alone in their memory or in the middle of more. */
function piece(size: number, seed: number, around = 0): [Buffer, number, number] {
  const memory = Buffer.allocUnsafeSlow(size + 2 * around);
  for (let at = 0; at < size; at++) memory[around + at] = (at * 7 + seed) & 0xff;
  return [memory, around, around + size];
}

describe('a delivery in several frames', () => {
  it.each<[string, [number, number][]]>([
    ['one frame', [[10_000, 0]]],
    ['small frames', Array.from({ length: 300 }, (): [number, number] => [17, 50])],
    [
      'large frames',
      [
        [65_000, 100],
        [65_000, 100],
        [12, 100],
      ],
    ],
    [
      'large frames among others',
      [
        [5_000, 9_000],
        [40_000, 0],
        [3, 9_000],
        [0, 10],
        [4_096, 0],
        [40_000, 50_000],
        [1, 0],
      ],
    ],
    ['nothing', [[0, 10]]],
  ])('is joined in order: %s', (_name, sizes) => {
    const delivery = partial();
    const pieces = sizes.map(([size, around], index) => piece(size, index, around));
    for (const [memory, start, end] of pieces) delivery.add(memory, start, end);
    const due = Buffer.concat(pieces.map(([memory, start, end]) => memory.subarray(start, end)));
    expect(delivery.join().equals(due)).toBe(true);
    expect(delivery.isOversized).toBe(false);
  });

  it('does not keep the memory of frames that are a small part of it', () => {
    const delivery = partial();
    const [memory, start, end] = piece(5_000, 1, 30_000);
    delivery.add(memory, start, end);
    expect(delivery.join().buffer.byteLength).toBeLessThanOrEqual(10_000);
  });

  it('keeps nothing of one that is too large, and goes on counting it as that', () => {
    const delivery = partial(9_999);
    delivery.add(...piece(3_000, 0, 10_000));
    delivery.add(...piece(7_000, 0));
    expect(delivery.isOversized).toBe(true);
    delivery.add(...piece(10, 0));
    expect(delivery.join()).toHaveLength(0);
  });

  it('takes exactly as much as is allowed', () => {
    const delivery = partial(10_000);
    delivery.add(...piece(3_000, 0, 10_000));
    delivery.add(...piece(7_000, 0));
    expect(delivery.isOversized).toBe(false);
    expect(delivery.join()).toHaveLength(10_000);
  });
});
