import { describe, expect, it } from '@jest/globals';
import { advertisedIdleMs, effectiveIdleMs, heartbeatInterval } from '../../../../lib/protocol/socket/keep-alive.js';

describe('keep-alive', () => {
  it.each([
    [0, undefined, 0],
    [1, 1_000, 2_000],
    [2_000, 1_000, 2_000],
    [30_000, 15_000, 30_000],
  ])('a time-out of %d asks the peer for %s and gives up after %d', (idle, advertised, effective) => {
    expect(advertisedIdleMs(idle)).toBe(advertised);
    expect(effectiveIdleMs(idle)).toBe(effective);
  });

  it.each([
    [undefined, undefined, undefined],
    [undefined, 0, undefined],
    [undefined, 30_000, 15_000],
    [5_000, 30_000, 5_000],
    [60_000, 30_000, 15_000],
    [5_000, undefined, 5_000],
    [undefined, 1, 250],
    [10, undefined, 250],
  ])('a wish of %s and a peer that asks for %s: every %s ms', (wished, asked, interval) => {
    expect(heartbeatInterval(wished, asked)).toBe(interval);
  });

  it.each([
    [undefined, 30_000, 0.25, 7_500],
    [undefined, 30_000, 1, 30_000],
    [5_000, 30_000, 0.9, 5_000],
    [undefined, undefined, 0.25, undefined],
    [undefined, 1_000, 0.001, 250],
  ])('a wish of %s and a peer that asks for %s, at a ratio of %s: every %s ms', (wished, asked, ratio, interval) => {
    expect(heartbeatInterval(wished, asked, ratio)).toBe(interval);
  });
});
