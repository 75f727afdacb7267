import { describe, expect, it } from '@jest/globals';
import { FakeClock } from './support/fake-clock.js';

describe('the timetable', () => {
  it('runs what is due in the order of time, and of the calls where times are equal', () => {
    const clock = new FakeClock();
    const timetable = clock.timetable();
    const start = clock.now();
    const ran: string[] = [];
    for (const [name, delay] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['d', 1_000],
    ] as const)
      timetable.schedule(start + delay, () => ran.push(name));
    clock.advance(30);
    expect(ran).toEqual(['a', 'b1', 'b2', 'c']);
    expect(clock.timerCount).toBe(1);
  });

  it('does not run what was cancelled, also by what ran just before', () => {
    const clock = new FakeClock();
    const timetable = clock.timetable();
    const ran: string[] = [];
    const cancels = ['x', 'y'].map((name) => timetable.schedule(clock.now() + 10, () => ran.push(name)));
    timetable.schedule(clock.now() + 5, () => cancels[0]?.());
    clock.advance(10);
    for (const cancel of cancels) cancel();
    expect(ran).toEqual(['y']);
  });

  it('forgets cancelled entries long before their time, so that they hold no memory', () => {
    const clock = new FakeClock();
    const timetable = clock.timetable();
    const ran: number[] = [];
    for (let index = 0; index < 10_000; index++) {
      const cancel = timetable.schedule(clock.now() + 1_000 + (index % 7), () => ran.push(index));
      if (index % 100 !== 0) cancel();
    }
    clock.advance(2_000);
    expect(ran).toHaveLength(100);
    expect(clock.timerCount).toBe(0);
  });

  it('takes what is scheduled while it runs, and what is due already', () => {
    const clock = new FakeClock();
    const timetable = clock.timetable();
    const ran: string[] = [];
    timetable.schedule(clock.now() + 10, () => {
      ran.push('first');
      timetable.schedule(clock.now() - 5, () => ran.push('late'));
    });
    clock.advance(10);
    clock.advance(0);
    expect(ran).toEqual(['first', 'late']);
  });

  it('runs nothing any more once it was stopped', () => {
    const clock = new FakeClock();
    const timetable = clock.timetable();
    let ran = 0;
    timetable.schedule(clock.now() + 10, () => (ran += 1));
    timetable.stop();
    clock.advance(100);
    expect([ran, clock.timerCount]).toEqual([0, 0]);
  });
});
