// A message of several frames uses its credit up with the first of them: a drain is not over before the last.

import { afterEach, describe, expect, it } from '@jest/globals';
import { Bench, data, deadline, turn, type TestReceiver } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

interface Bed {
  readonly receiver: TestReceiver;
  readonly begin: () => Promise<void>;
  readonly end: (aborted?: boolean) => void;
  /** The peer's answer to the drain. */
  readonly answer: () => Promise<void>;
}

async function bed(credit: number): Promise<Bed> {
  const { peer, receiver } = await bench.receiver({ on: { flow: () => undefined } });
  const from = peer.connection.links[0];
  if (from === undefined) throw new Error('no link');
  receiver.link.addCredit(credit);
  await from.creditAtLeast(credit);
  const session = peer.connection.session();
  const { deliveryCount } = from;
  return {
    receiver,
    begin: async () => {
      const frame = { handle: from.handle, deliveryId: session.takeDeliveryId(), deliveryTag: Buffer.from('t') };
      session.sendTransfer({ ...frame, more: true }, data('in two').subarray(0, 5));
      while (receiver.link.inHand === 0) await turn();
    },
    end: (aborted = false) => session.sendTransfer({ handle: from.handle, aborted }, data('in two').subarray(5)),
    answer: async () => {
      session.sendFlow({
        handle: from.handle,
        deliveryCount: (deliveryCount + credit) >>> 0,
        linkCredit: 0,
        drain: true,
      });
      for (let turns = 0; turns < 20; turns++) await turn();
    },
  };
}

async function isOver(drained: Promise<void>): Promise<boolean> {
  return Promise.race([drained.then(() => true), turn().then(() => false)]);
}

describe('a drain', () => {
  it.each([
    ['before the message begins', false],
    ['after it has begun', true],
  ])('asked for %s ends with its last frame', async (_when, hasBegun) => {
    const { receiver, begin, end } = await bed(1);
    if (hasBegun) await begin();
    const drained = receiver.link.drain({ signal: deadline() });
    if (!hasBegun) await begin();
    expect(await isOver(drained)).toBe(false);
    end();
    await drained;
    expect(receiver.arrivals).toHaveLength(1);
  });

  it('that the peer answers between two frames ends with the last one', async () => {
    const { receiver, begin, end, answer } = await bed(2);
    const drained = receiver.link.drain({ signal: deadline() });
    await begin();
    await answer();
    expect(await isOver(drained)).toBe(false);
    end();
    await drained;
    expect(receiver.arrivals).toHaveLength(1);
  });

  it('ends when the delivery is aborted, and leaves nothing behind for the next', async () => {
    const { receiver, begin, end } = await bed(1);
    await begin();
    const drained = receiver.link.drain({ signal: deadline() });
    end(true);
    await drained;
    expect(receiver.link).toMatchObject({ inHand: 0, credit: 0 });
    await receiver.link.drain({ signal: deadline() });
    receiver.link.setPrefetch(3);
    expect(receiver.link.credit).toBe(3);
  });
});
