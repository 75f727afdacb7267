import { describe, expect, it } from '@jest/globals';
import { BoundedTable, OTHERS, shortened } from '../../../lib/dashboard/activity/bounded-table.js';
import { DurationHistogram } from '../../../lib/dashboard/activity/duration-histogram.js';
import { Latest } from '../../../lib/dashboard/activity/latest.js';
import { BUCKET_MS, BUCKETS, RateRing } from '../../../lib/dashboard/activity/rate-ring.js';

describe('a ring of rates', () => {
  it('counts by buckets, the oldest first, and forgets what is older than all of them', () => {
    const ring = new RateRing();
    ring.add(0);
    ring.add(BUCKET_MS, 2);
    ring.add(3 * BUCKET_MS);
    expect(ring.counts(3 * BUCKET_MS).slice(-4)).toEqual([1, 2, 0, 1]);
    expect(ring.counts((BUCKETS + 1) * BUCKET_MS).slice(0, 3)).toEqual([0, 1, 0]);
    expect(ring.counts(10 * BUCKETS * BUCKET_MS)).toEqual(Array.from({ length: BUCKETS }, () => 0));
  });

  it('tells the mean of the last minute without the bucket that is still running', () => {
    const ring = new RateRing();
    for (let ms = 0; ms < 120_000; ms += 1_000) ring.add(ms, 3);
    ring.add(120_000, 1_000);
    expect(ring.perSecond(120_000)).toBe(3);
  });

  it('does not go back when a clock does', () => {
    const ring = new RateRing();
    ring.add(5 * BUCKET_MS);
    ring.add(4 * BUCKET_MS);
    expect(ring.counts(5 * BUCKET_MS).at(-1)).toBe(2);
  });
});

describe('a histogram of durations', () => {
  it('knows nothing before the first', () => {
    expect(new DurationHistogram().quantile(0.5)).toBeUndefined();
  });

  it.each([0.3, 1, 7, 80, 1_500, 60_000])('is off by less than a factor of two at %d ms', (durationMs) => {
    const histogram = new DurationHistogram();
    for (let index = 0; index < 100; index += 1) histogram.add(durationMs);
    for (const share of [0.5, 0.95]) {
      const quantile = histogram.quantile(share) ?? 0;
      expect(quantile / durationMs).toBeGreaterThan(0.5);
      expect(quantile / durationMs).toBeLessThan(2);
    }
  });

  it('tells the slow ones from the others, and those beyond all bounds as the largest bound', () => {
    const histogram = new DurationHistogram();
    for (let index = 0; index < 90; index += 1) histogram.add(1);
    for (let index = 0; index < 10; index += 1) histogram.add(400);
    expect(histogram.quantile(0.5)).toBeLessThanOrEqual(1);
    expect(histogram.quantile(0.95)).toBeGreaterThan(250);
    const endless = new DurationHistogram();
    endless.add(1e9);
    expect(endless.quantile(0.95)).toBe(65_536);
  });

  it('lets the latest calls weigh most', () => {
    const histogram = new DurationHistogram();
    for (let index = 0; index < 100_000; index += 1) histogram.add(1_000);
    for (let index = 0; index < 20_000; index += 1) histogram.add(1);
    expect(histogram.quantile(0.95)).toBeLessThanOrEqual(1);
  });
});

describe('a bounded table', () => {
  const table = (most: number): BoundedTable<{ count: number }> => new BoundedTable(most, () => ({ count: 0 }));

  it('has a row for each key up to the most, and one for all others', () => {
    const rows = table(2);
    for (const key of ['a', 'b', 'c', 'a', 'd', 'c', 'c']) rows.of(key).count += 1;
    expect(rows.rows().map(([key, { count }]) => [key, count])).toEqual([
      ['a', 2],
      ['b', 1],
      [OTHERS, 4],
    ]);
  });

  it('has room beyond the most for what the application declares, also when it came as one of the others', () => {
    const rows = table(1);
    rows.of('a').count += 1;
    rows.of('declared').count += 1;
    rows.reserve('declared');
    rows.of('declared').count += 1;
    expect(rows.rows().map(([key, { count }]) => [key, count])).toEqual([
      ['a', 1],
      ['declared', 1],
      [OTHERS, 1],
    ]);
  });

  it('takes no more than 200 characters of a key', () => {
    const rows = table(10);
    rows.of('x'.repeat(100_000)).count += 1;
    rows.of(`${'x'.repeat(100_000)}y`).count += 1;
    expect(rows.rows().map(([key, { count }]) => [key.length, count])).toEqual([[200, 2]]);
    expect(shortened('short')).toBe('short');
  });
});

describe('the latest', () => {
  it('are so many, the newest first', () => {
    const latest = new Latest<number>(3);
    for (const item of [1, 2, 3, 4, 5]) latest.add(item);
    expect(latest.all()).toEqual([5, 4, 3]);
    const none = new Latest<number>(0);
    none.add(1);
    expect(none.all()).toEqual([]);
  });
});
