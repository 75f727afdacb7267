import { describe, expect, it } from '@jest/globals';
import { Channels } from '../../../../lib/protocol/control/channels.js';

describe('our channels', () => {
  it('there is none when all are taken', () => {
    expect(() => new Channels().take(0, 4, () => true)).toThrow(RangeError);
  });

  it('come round after the last one, are few while few are needed, and go on where many are', () => {
    const channels = new Channels();
    const taken = new Set<number>();
    const take = (): number => channels.take(0, 1_000, (channel) => taken.has(channel));
    expect([take(), take(), take()]).toEqual([0, 1, 2]);
    for (let step = 3; step < 256; step += 1) take();
    expect(take()).toBe(0);
    for (let channel = 0; channel < 256; channel += 1) taken.add(channel);
    expect(take()).toBe(256);
    taken.add(256);
    expect(take()).toBe(257);
    taken.delete(40);
    expect(take()).toBe(40);
  });

  it('are known under the number that rhea has for them', () => {
    const channels = new Channels();
    channels.take(0, 10, () => false);
    channels.take(0, 10, () => false);
    expect([channels.onWire(0), channels.inRhea(1)]).toEqual([1, 0]);
  });
});
