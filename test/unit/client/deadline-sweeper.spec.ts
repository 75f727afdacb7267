import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SlicedDeadlineSweeper } from '../../../lib/client/deadline-sweeper.js';
import type { DeadlineEntry } from '../../../lib/client/client-context.js';

class Entry implements DeadlineEntry {
  expiredAt: number | undefined = undefined;
  constructor(
    readonly deadlineAt: number,
    private readonly then: () => void = () => undefined,
  ) {}

  expired(): void {
    if (this.expiredAt !== undefined) throw new Error('expired twice');
    this.expiredAt = performance.now();
    this.then();
  }
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('the deadlines of a connection', () => {
  it('are met once, never early and at most 100 ms late', () => {
    const sweeper = new SlicedDeadlineSweeper();
    const start = performance.now();
    const entries = Array.from({ length: 500 }, (_, index) => new Entry(start + ((index * 37) % 1_000)));
    for (const entry of entries) sweeper.add(entry);
    jest.advanceTimersByTime(1_200);
    for (const { deadlineAt, expiredAt = Infinity } of entries) {
      expect(expiredAt).toBeGreaterThanOrEqual(deadlineAt);
      expect(expiredAt).toBeLessThanOrEqual(deadlineAt + 100);
    }
    expect(sweeper.size).toBe(0);
  });

  it('that were removed never expire, in whatever order they are removed', () => {
    const sweeper = new SlicedDeadlineSweeper();
    const at = performance.now() + 500;
    const entries = Array.from({ length: 10 }, () => new Entry(at));
    for (const entry of entries) sweeper.add(entry);
    for (const index of [0, 9, 4, 4, 5]) sweeper.remove(entries[index] as Entry);
    expect(sweeper.size).toBe(6);
    jest.advanceTimersByTime(1_000);
    expect(entries.map(({ expiredAt }) => expiredAt !== undefined)).toEqual(
      Array.from({ length: 10 }, (_, index) => ![0, 9, 4, 5].includes(index)),
    );
  });

  it('may remove one another while they expire', () => {
    const sweeper = new SlicedDeadlineSweeper();
    const at = performance.now() + 10;
    const second = new Entry(at);
    const first = new Entry(at, () => sweeper.remove(second));
    sweeper.add(first);
    sweeper.add(second);
    jest.advanceTimersByTime(200);
    expect(second.expiredAt).toBeUndefined();
  });

  it('may be added while they expire, an earlier one moves the timer forward', () => {
    const sweeper = new SlicedDeadlineSweeper();
    const start = performance.now();
    const late = new Entry(start + 10_000);
    const third = new Entry(start + 400);
    const early = new Entry(start + 100, () => sweeper.add(third));
    sweeper.add(late);
    sweeper.add(early);
    jest.advanceTimersByTime(600);
    expect([early, third, late].map(({ expiredAt }) => expiredAt !== undefined)).toEqual([true, true, false]);
  });

  it('cost one timer, which is gone when the last is met', () => {
    const sweeper = new SlicedDeadlineSweeper();
    const start = performance.now();
    for (let index = 0; index < 10_000; index++) sweeper.add(new Entry(start + index));
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(11_000);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('do not hold the process up when none is left', () => {
    jest.useRealTimers();
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const sweeper = new SlicedDeadlineSweeper();
    const entry = new Entry(performance.now() + 60_000);
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length - before;
    sweeper.add(entry);
    expect(timers()).toBe(1);
    sweeper.remove(entry);
    expect(timers()).toBe(0);
    sweeper.add(entry);
    expect(timers()).toBe(1);
    sweeper.stop();
    expect(timers()).toBe(0);
  });
});
