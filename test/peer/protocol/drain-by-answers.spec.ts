import { afterEach, expect, it } from '@jest/globals';
import { ACCEPTED } from '../../../lib/protocol/outcome.js';
import { Bench, data, deadline } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

/** A peer as RabbitMQ 3: it answers each flow, ahead of the deliveries that the flow lets go, and does not survive a drain. */
async function answeringPeer(): Promise<
  Awaited<ReturnType<Bench['receiver']>> & { readonly answer: (...first: string[]) => void }
> {
  const bed = await bench.receiver({ on: { flow: () => undefined } }, { drains: false, creditWhenUsedUp: true });
  const { peer } = bed;
  const answer = (...first: string[]): void => {
    const from = peer.connection.links[0];
    if (from === undefined) throw new Error('no link');
    for (const text of first) from.send(data(text));
    peer.connection
      .session()
      .sendFlow({ handle: from.handle, deliveryCount: from.deliveryCount, linkCredit: from.credit });
  };
  return { ...bed, answer };
}

it('takes the credit back without a drain on the wire, and knows by the second answer that nothing is on its way', async () => {
  const { peer, receiver, answer } = await answeringPeer();
  receiver.link.setPrefetch(2);
  await peer.next('flow');
  let isDrained = false;
  const drained = receiver.link.drain({ signal: deadline() }).then(() => (isDrained = true));
  await peer.next('flow');
  answer(); // to the first flow, whose deliveries come behind it
  answer('on its way'); // to the one that takes the credit back
  const [arrived] = await receiver.count(1);
  expect(isDrained).toBe(false);
  await peer.next('flow');
  answer();
  await drained;
  arrived?.delivery.settle(ACCEPTED);
  expect(peer.seen('flow').map(({ linkCredit, drain }) => [linkCredit, drain === true])).toEqual([
    [2, false],
    [0, false],
    [0, false],
  ]);
  // new credit works as before
  receiver.link.addCredit(1);
  await peer.next('flow');
  answer('after');
  await receiver.count(2);
  expect(receiver.closed).toEqual([]);
});

it('ends with the signal when the peer does not answer', async () => {
  const { peer, receiver } = await answeringPeer();
  receiver.link.setPrefetch(2);
  await peer.next('flow');
  const stop = new AbortController();
  const drained = receiver.link.drain({ signal: stop.signal });
  await peer.next('flow');
  stop.abort(new Error('late'));
  await expect(drained).rejects.toThrow('late');
  expect(receiver.link.credit).toBe(0);
});
