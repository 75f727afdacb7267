import { afterEach, expect, it } from '@jest/globals';
import { ACCEPTED } from '../../../lib/protocol/outcome.js';
import { Bench, data, deadline } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

it('does not take the late answer to a drain, whose credit messages had used up, for the answer to the next', async () => {
  const { peer, receiver } = await bench.receiver({ on: { flow: () => undefined } });
  const from = peer.connection.links[0];
  if (from === undefined) throw new Error('no link');
  receiver.link.setPrefetch(1);
  await from.creditAtLeast(1);
  const first = receiver.link.drain({ signal: deadline() });
  from.send(data('a'));
  await first;
  const afterFirst = from.deliveryCount;
  for (const { delivery } of await receiver.count(1)) delivery.settle(ACCEPTED);

  receiver.link.setPrefetch(3);
  await from.creditAtLeast(3);
  let isDrained = false;
  const second = receiver.link.drain({ signal: deadline() }).then(() => {
    isDrained = true;
  });
  const answer = { handle: from.handle, linkCredit: 0, drain: true };
  peer.connection.session().sendFlow({ ...answer, deliveryCount: afterFirst }); // late
  from.send(data('b'));
  await receiver.count(2);
  expect(isDrained).toBe(false);
  peer.connection.session().sendFlow({ ...answer, deliveryCount: (afterFirst + 3) >>> 0 });
  await second;
  expect(receiver.closed).toEqual([]);
});
