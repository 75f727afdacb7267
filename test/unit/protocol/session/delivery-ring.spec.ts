import { describe, expect, it } from '@jest/globals';
import { DeliveryRing } from '../../../../lib/protocol/session/delivery-ring.js';

const u32 = (value: number): number => value >>> 0;

describe('the unsettled deliveries', () => {
  it('gives back each id once, and nothing for an id that it does not hold', () => {
    const ring = new DeliveryRing<string, number>();
    ring.put(5, 'link', 50);
    expect(ring.take(5 + 256)).toBe(false);
    expect(ring.take(5)).toBe(true);
    expect([ring.owner, ring.transfer, ring.size]).toEqual(['link', 50, 0]);
    expect(ring.take(5)).toBe(false);
  });

  it('grows across 2^32 without losing any', () => {
    const ring = new DeliveryRing<string, number>();
    const first = 0xffff_ff00;
    for (let index = 0; index < 5_000; index += 1) ring.put(u32(first + index), 'link', index + 1);
    for (let index = 4_999; index >= 0; index -= 1) {
      expect(ring.take(u32(first + index))).toBe(true);
      expect(ring.transfer).toBe(index + 1);
    }
    expect(ring.size).toBe(0);
  });

  it('one that is never settled costs a place, not a table that grows for ever', () => {
    const ring = new DeliveryRing<string, number>();
    ring.put(0, 'old', 1);
    for (let id = 1; id <= 400_000; id += 1) {
      ring.put(id, 'link', id);
      if (id > 3) ring.take(id - 3);
    }
    expect(ring.size).toBe(4);
    expect(ring.take(0)).toBe(true);
    expect(ring.owner).toBe('old');
    expect(ring.take(0)).toBe(false);
  });

  it('finds the ids of a range, and of an owner, oldest first across 2^32', () => {
    const ring = new DeliveryRing<string, number>();
    const ids = [0xffff_fffe, 0xffff_ffff, 0, 1, 2];
    for (const id of ids) ring.put(id, id === 0 ? 'other' : 'link', 1);
    expect(ring.idsWithin(0xffff_ffff, 2)).toEqual([0xffff_ffff, 0, 1]);
    expect(ring.idsWithin(0xffff_fffe, 0xffff_ffff)).toEqual(ids);
    expect(ring.idsOf('link', 3)).toEqual([0xffff_fffe, 0xffff_ffff, 1, 2]);
    expect(ring.idsOf('nobody', 3)).toEqual([]);
  });

  it('behaves like a map under any mix of puts and takes', () => {
    const ring = new DeliveryRing<string, number>();
    const model = new Map<number, number>();
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed % below;
    };
    let next = 0xffff_f000;
    for (let step = 0; step < 20_000; step += 1) {
      if (random(3) > 0 || model.size === 0) {
        ring.put(next, 'link', step + 1);
        model.set(next, step + 1);
        next = u32(next + 1);
      } else {
        const id = [...model.keys()][random(Math.min(20, model.size))] ?? 0;
        expect(ring.take(id)).toBe(true);
        expect(ring.transfer).toBe(model.get(id));
        model.delete(id);
      }
    }
    expect(ring.size).toBe(model.size);
    expect(ring.idsWithin(0, 0xffff_ffff)).toHaveLength(model.size);
  });
});
