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
  async function givenUp(): Promise<Bed & { readonly late: () => void }> {
    const made = await bed(3);
    const { peer, from, receiver, answer } = made;
    const stop = new AbortController();
    const drained = receiver.link.drain({ signal: stop.signal });
    await peer.next('flow');
    stop.abort(new Error('enough'));
    await expect(drained).rejects.toThrow('enough');
    await peer.next('flow');
    const late = (): void => {
      from.deliveryCount = (from.deliveryCount + 3) >>> 0;
      from.credit = Math.max(0, from.credit - 3);
      answer(3);
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

  it('ends the next drain when nothing is left that the peer could send', async () => {
    const { from, receiver, late } = await givenUp();
    receiver.link.addCredit(2);
    await from.creditAtLeast(2);
    const ended = ends({ next: receiver.link.drain({ signal: deadline() }) });
    late();
    while (ended.length < 1) await turn();
    expect(ended).toEqual(['next']);
    expect(receiver.link.credit).toBe(0);
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
