import { afterEach, expect, it } from '@jest/globals';
import { ACCEPTED } from '../../../lib/protocol/outcome.js';
import { Bench, data } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

it('gives no new credit before the old is used up, for a peer that does not count what is on its way', async () => {
  const { peer, receiver } = await bench.receiver({}, { creditWhenUsedUp: true });
  const from = peer.connection.links[0];
  if (from === undefined) throw new Error('no link');
  receiver.link.setPrefetch(4);
  await from.creditAtLeast(4);
  for (let sent = 0; sent < 3; sent += 1) from.send(data(`m${sent}`));
  const first = await receiver.count(3);
  for (const { delivery } of first) delivery.settle(ACCEPTED);
  // all but one place is free, and one credit is still out: a flow now would be added to it by such a peer
  await peer.next('disposition');
  expect(peer.seen('flow')).toHaveLength(1);
  from.send(data('m3'));
  const [, , , last] = await receiver.count(4);
  last?.delivery.settle(ACCEPTED);
  await from.creditAtLeast(4);
  expect(peer.seen('flow').map((flow) => flow.linkCredit)).toEqual([4, 4]);
  expect(peer.violations).toEqual([]);
});
