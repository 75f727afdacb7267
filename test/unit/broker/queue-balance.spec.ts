import { describe, expect, it } from '@jest/globals';
import type { QueuedMessage } from '../../../lib/broker/message/queued-message.js';
import type { Outcome } from '../../../lib/protocol/acceptor/index.js';
import { FakeConsumer } from './support/fake-consumer.js';
import { content, FakeBroker, imbalance } from './support/fake-nodes.js';

/** A small generator, so that a failing seed can be run again. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const OUTCOMES: readonly Outcome[] = [
  { kind: 'accepted' },
  { kind: 'rejected' },
  { kind: 'released' },
  { kind: 'modified', deliveryFailed: true, undeliverableHere: false },
  { kind: 'modified', deliveryFailed: true, undeliverableHere: true },
  { kind: 'modified', deliveryFailed: false, undeliverableHere: false, messageAnnotations: { 'x-seen': true } },
];

describe('whatever happens to a queue', () => {
  it.each(Array.from({ length: 20 }, (_, index) => index + 1))(
    'its numbers add up, nothing is delivered twice at a time, and order holds (seed %i)',
    async (seed) => {
      const random = seeded(seed);
      const broker = new FakeBroker();
      const dead = broker.queue('dead');
      const queue = broker.queue('q', {
        deadLetter: random(2) === 0 ? { exchange: '', routingKey: 'dead' } : undefined,
        maxDeliveries: random(3) === 0 ? 2 : undefined,
        maxLength: random(3) === 0 ? 5 : undefined,
      });
      const consumers: FakeConsumer[] = [];
      const inHand: QueuedMessage[] = [];
      let taken = 0;
      const collect = (): void => {
        const got = consumers.flatMap((consumer) => consumer.got.splice(0));
        taken += got.length;
        inHand.push(...got);
        if (new Set(inHand).size !== inHand.length) throw new Error('a message was delivered twice at a time');
      };
      for (let step = 0; step < 200; step++) {
        switch (random(8)) {
          case 0:
          case 1:
          case 2: {
            const ttl = random(4) === 0 ? random(50) : undefined;
            const delay = random(6) === 0 ? { 'x-opt-delivery-delay': random(50) } : undefined;
            queue.publish(content({ header: { ttl, priority: random(3) }, messageAnnotations: delay }));
            break;
          }
          case 3:
            if (consumers.length < 4) consumers.push(new FakeConsumer(queue));
            break;
          case 4:
            consumers[random(consumers.length)]?.addCredit(1 + random(3));
            break;
          case 5: {
            const [message] = inHand.splice(random(inHand.length), 1);
            const outcome = OUTCOMES[random(OUTCOMES.length)];
            if (message !== undefined && outcome !== undefined) queue.settle(message, outcome);
            break;
          }
          case 6: {
            const [message] = inHand.splice(random(inHand.length), 1);
            if (message !== undefined) queue.giveBack(message, random(2) === 0);
            break;
          }
          case 7:
            broker.clock.advance(random(20));
            if (random(20) === 0) queue.purge();
            await Promise.resolve();
            break;
        }
        collect();
        const positions = queue.messages().map(({ position }) => position);
        const isOrdered = positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0));
        // One expectation a step: they are what takes the time.
        expect([imbalance(queue), queue.stats().unsettled, isOrdered]).toEqual([0, inHand.length, true]);
      }
      expect(queue.stats().delivered).toBe(taken);
      expect(dead.stats().enqueued).toBe(queue.stats().deadLettered);
    },
  );
});
