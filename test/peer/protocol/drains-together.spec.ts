// Several ask for the end of the credit: each is told when the peer has answered, or when its own signal ends it, and not before.

import { afterEach, describe, expect, it } from '@jest/globals';
import type { PeerLink } from '../../support/peer/peer-link.js';
import type { ScriptedPeer } from '../../support/scripted-peer.js';
import { Bench, data, deadline, turn, type TestReceiver } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

interface Bed {
  readonly peer: ScriptedPeer;
  readonly from: PeerLink;
  readonly receiver: TestReceiver;
  /** The peer's answer to a drain, up to this many messages from the first one on. */
  readonly answer: (deliveries: number) => void;
}

async function bed(credit: number, drains = true): Promise<Bed> {
  const { peer, receiver } = await bench.receiver({ on: { flow: () => undefined } }, { drains });
  const from = peer.connection.links[0];
  if (from === undefined) throw new Error('no link');
  receiver.link.setPrefetch(credit);
  await from.creditAtLeast(credit);
  const { handle, deliveryCount } = from;
  const answer = (deliveries: number): void =>
    peer.connection
      .session()
      .sendFlow({ handle, deliveryCount: (deliveryCount + deliveries) >>> 0, linkCredit: 0, drain: true });
  return { peer, from, receiver, answer };
}

/** In the order in which they end. */
function ends(drains: Record<string, Promise<void>>): string[] {
  const ended: string[] = [];
  for (const [name, drain] of Object.entries(drains))
    drain.then(
      () => ended.push(name),
      (error: Error) => ended.push(`${name}: ${error.message}`),
    );
  return ended;
}

async function turns(): Promise<void> {
  for (let left = 20; left > 0; left--) await turn();
}

describe('a second drain', () => {
  it('ends with the first, when the peer has answered: nobody is told before', async () => {
    const { peer, receiver, answer } = await bed(3);
    const ended = ends({
      first: receiver.link.drain({ signal: deadline() }),
      second: receiver.link.drain({ signal: deadline() }),
    });
    await peer.next('flow');
    await turns();
    expect(ended).toEqual([]);
    answer(3);
    while (ended.length < 2) await turn();
    expect(ended).toEqual(['first', 'second']);
    expect(peer.seen('flow').map(({ linkCredit, drain }) => [linkCredit, drain === true])).toEqual([
      [3, false],
      [3, true],
    ]);
  });

  it.each(['first', 'second'])('goes on for the other one when the signal of the %s ends that', async (which) => {
    const { peer, receiver, answer } = await bed(3);
    const stop = new AbortController();
    const signals = { first: deadline(), second: deadline(), [which]: stop.signal };
    const ended = ends({
      first: receiver.link.drain({ signal: signals.first }),
      second: receiver.link.drain({ signal: signals.second }),
    });
    await peer.next('flow');
    stop.abort(new Error('enough'));
    await turns();
    expect(ended).toEqual([`${which}: enough`]);
    answer(3);
    while (ended.length < 2) await turn();
    expect(ended).toEqual([`${which}: enough`, which === 'first' ? 'second' : 'first']);
  });

  it('fails with the first when the link ends', async () => {
    const { from, receiver } = await bed(3);
    const drains = [receiver.link.drain({ signal: deadline() }), receiver.link.drain({ signal: deadline() })];
    from.detach({ error: { kind: 'error', condition: 'amqp:internal-error' } });
    const reasons = (await Promise.allSettled(drains)).map((drain) => drain.status === 'rejected' && drain.reason);
    expect(reasons).toEqual([receiver.closed[0], receiver.closed[0]]);
  });
});

it('a drain that was given up is answered late: that is no answer to the next', async () => {
  const { peer, from, receiver, answer } = await bed(3);
  const stop = new AbortController();
  const given = receiver.link.drain({ signal: stop.signal });
  await peer.next('flow');
  stop.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  receiver.link.setPrefetch(5);
  await from.creditAtLeast(5);
  const ended = ends({ next: receiver.link.drain({ signal: deadline() }) });
  answer(3);
  await turns();
  expect(ended).toEqual([]);
  from.send(data('behind it'));
  await receiver.count(1);
  expect(ended).toEqual([]);
  answer(5);
  while (ended.length < 1) await turn();
  expect(ended).toEqual(['next']);
  expect(receiver.closed).toEqual([]);
});

describe('the late answer to a drain that was given up', () => {
  /** The peer counts the credit as used up. */
  async function givenUp(credit = 3): Promise<Bed & { readonly late: () => void }> {
    const made = await bed(credit);
    const { peer, from, receiver, answer } = made;
    const stop = new AbortController();
    const drained = receiver.link.drain({ signal: stop.signal });
    await peer.next('flow');
    stop.abort(new Error('enough'));
    await expect(drained).rejects.toThrow('enough');
    await peer.next('flow');
    const late = (): void => {
      from.deliveryCount = (from.deliveryCount + credit) >>> 0;
      from.credit = Math.max(0, from.credit - credit);
      answer(credit);
    };
    return { ...made, late };
  }

  it.each(['before', 'after'])('that comes %s the next credit takes none of it away', async (when) => {
    const { from, receiver, late } = await givenUp();
    if (when === 'before') late();
    await turns();
    receiver.link.setPrefetch(3);
    if (when === 'after') {
      await from.creditAtLeast(3);
      late();
    }
    await from.creditAtLeast(3);
    for (const text of ['a', 'b', 'c']) from.send(data(text));
    await receiver.count(3);
    expect(receiver.link).toMatchObject({ credit: 0, isOpen: true });
  });

  it('takes none of the credit of single messages away', async () => {
    const { from, receiver, late } = await givenUp();
    receiver.link.addCredit(2);
    await from.creditAtLeast(2);
    late();
    await from.creditAtLeast(2);
    expect(receiver.link.credit).toBe(2);
  });

  /** The next drain of this much credit is on the wire. */
  async function next({ peer, receiver }: Bed, credit: number): Promise<string[]> {
    receiver.link.addCredit(credit);
    const ended = ends({ next: receiver.link.drain({ signal: deadline() }) });
    await peer.next('flow', { where: (flow) => flow.drain === true && flow.linkCredit === credit });
    return ended;
  }

  it.each<[string, number, number, number]>([
    ['less', 1, 3, 4],
    ['as much', 4, 4, 8],
  ])('does not end the next drain, of %s credit: that credit is drained anew', async (_what, credit, at, end) => {
    const made = await givenUp(at);
    const { peer, from, receiver, late, answer } = made;
    const ended = await next(made, credit);
    late();
    const { deliveryCount } = from;
    await peer.next('flow', { where: (flow) => flow.drain === true && flow.deliveryCount === deliveryCount });
    answer(at); // to the drain that found no credit: some peers do not write this one
    await turns();
    expect(ended).toEqual([]);
    expect(receiver.link.credit).toBe(credit);
    answer(end);
    while (ended.length < 1) await turn();
    expect(ended).toEqual(['next']);
    expect(receiver.link).toMatchObject({ credit: 0, isOpen: true });
  });

  it('leaves to the next drain what is left of its credit', async () => {
    const made = await givenUp();
    const ended = await next(made, 5);
    made.late();
    await turns();
    expect(ended).toEqual([]);
    expect(made.receiver.link.credit).toBe(2);
    made.answer(5);
    while (ended.length < 1) await turn();
    expect(ended).toEqual(['next']);
  });

  it('may never come: the answer to the next drain is taken for it, and the one behind that counts', async () => {
    const made = await givenUp();
    const { peer, from, receiver, answer } = made;
    const ended = await next(made, 3);
    answer(3);
    from.deliveryCount = (from.deliveryCount + 3) >>> 0;
    const { deliveryCount } = from;
    await peer.next('flow', { where: (flow) => flow.drain === true && flow.deliveryCount === deliveryCount });
    from.send(data('behind it'));
    answer(6);
    while (ended.length < 1) await turn();
    await receiver.count(1);
    expect(receiver.link).toMatchObject({ credit: 0, isOpen: true });
  });

  it('comes no more when a later one has come: a peer whose count stands still is believed again', async () => {
    const made = await givenUp();
    const first = await next(made, 4);
    made.answer(4);
    while (first.length < 1) await turn();
    const second = await next(made, 2);
    made.answer(4);
    while (second.length < 1) await turn();
    expect(second).toEqual(['next']);
  });
});

it('a peer that does not survive a drain sees none, also when it wants to know how things are meanwhile', async () => {
  const { peer, from, receiver } = await bed(3, false);
  const ended = ends({ drain: receiver.link.drain({ signal: deadline() }) });
  await peer.next('flow');
  const { handle } = from;
  const tell = (echo: boolean): void =>
    peer.connection.session().sendFlow({ handle, deliveryCount: from.deliveryCount, linkCredit: from.credit, echo });
  tell(true);
  await peer.next('flow');
  tell(false); // to the credit, whose deliveries come behind it
  tell(false); // to the flow that takes it back
  await turns();
  expect(ended).toEqual([]);
  tell(false); // to the one that was asked for
  await peer.next('flow');
  tell(false);
  while (ended.length < 1) await turn();
  expect(ended).toEqual(['drain']);
  expect(peer.seen('flow').map(({ linkCredit, drain }) => [linkCredit, drain === true])).toEqual([
    [3, false],
    [0, false],
    [0, false],
    [0, false],
  ]);
});
