import { describe, expect, it } from '@jest/globals';
import { QueuedMessage } from '../../../lib/broker/message/queued-message.js';
import { ReadyIndex } from '../../../lib/broker/queue/ready-index.js';
import { content } from './support/fake-nodes.js';
import { processorMs } from '../../support/time.js';

const body = content();
const message = (position: number, priority = 4): QueuedMessage =>
  new QueuedMessage(body, position, priority, undefined, {});

describe('the order of what is ready', () => {
  it.each([1, 2, 3, 4, 5, 6])('is that of a sorted list, whatever is added and removed (seed %i)', (seed) => {
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const index = new ReadyIndex();
    const out: QueuedMessage[] = [];
    let model: QueuedMessage[] = [];
    const order = (a: QueuedMessage, b: QueuedMessage): number => b.priority - a.priority || a.position - b.position;
    for (let step = 0; step < 1_200; step++) {
      const choice = random(10);
      if (choice < 5) {
        const made = message(step, seed % 2 === 0 ? random(3) : 4);
        index.add(made);
        model.push(made);
      } else if (choice < 8) {
        const first = index.first();
        model.sort(order);
        expect(first).toBe(model[0]);
        if (first !== undefined) {
          expect(index.remove(first)).toBe(true);
          expect(index.remove(first)).toBe(false);
          out.push(first);
          model = model.slice(1);
        }
      } else if (choice === 8) {
        const [back] = out.splice(random(out.length), 1);
        if (back !== undefined) {
          index.add(back);
          index.add(back);
          model.push(back);
        }
      } else {
        const [gone] = model.splice(random(model.length), 1);
        if (gone !== undefined) expect(index.remove(gone)).toBe(true);
      }
      if (index.size !== model.length) throw new Error(`step ${step}: ${index.size} instead of ${model.length}`);
    }
    expect([...index]).toEqual(model.toSorted(order));
    expect(index.byAge()).toEqual(model.toSorted((a, b) => a.position - b.position));
    expect(index.oldest()).toBe(model.toSorted((a, b) => a.position - b.position)[0]);
  });

  it('costs about the same per message whether a thousand or a hundred thousand wait', async () => {
    const perMessageNs = async (count: number): Promise<number> => {
      const index = new ReadyIndex();
      const messages = Array.from({ length: count }, (_, position) => message(position));
      const spentMs = await processorMs(() => {
        for (const each of messages) index.add(each);
        for (let first = index.first(); first !== undefined; first = index.first()) index.remove(first);
      });
      return (spentMs * 1e6) / count;
    };
    await perMessageNs(1_000);
    // Far from exact; a cost that grows with the length would be a hundred times higher.
    expect(await perMessageNs(100_000)).toBeLessThan((await perMessageNs(1_000)) * 20 + 2_000);
  });
});
