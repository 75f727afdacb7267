import { afterEach, describe, expect, it } from '@jest/globals';
import { EncodingFailure } from '../../../lib/protocol/errors.js';
import { ACCEPTED, RELEASED, type Outcome } from '../../../lib/protocol/outcome.js';
import { eventually } from '../../support/eventually.js';
import { collectGarbage } from '../../support/garbage.js';
import { encodeMessage, type PeerLink, type PeerScript, type ScriptedPeer } from '../../support/scripted-peer.js';
import { Bench, TestReceiver, catchRethrown, data, deadline, turn } from './harness.js';

/** Bytes of buffers that something still holds. */
async function heldBytes(): Promise<number> {
  await collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

const bench = new Bench();
afterEach(() => bench.clear());

async function opened(
  script: PeerScript = {},
  link: Parameters<typeof TestReceiver.attach>[1] = {},
): Promise<{ peer: ScriptedPeer; receiver: TestReceiver; from: PeerLink } & Awaited<ReturnType<Bench['receiver']>>> {
  const all = await bench.receiver(script, link);
  const from = all.peer.connection.links[0];
  if (from === undefined) throw new Error('no link');
  return { ...all, from };
}

const text = (receiver: TestReceiver): string[] => receiver.arrivals.map(({ bytes }) => bytes.subarray(8).toString());

describe('credit', () => {
  it('is none until it is asked for, and goes out at once then', async () => {
    const { peer, receiver } = await opened();
    await turn();
    expect(peer.seen('flow')).toEqual([]);
    receiver.link.setPrefetch(7);
    expect(await peer.next('flow')).toMatchObject({ linkCredit: 7, deliveryCount: 0xffff_fffb });
    expect(receiver.link.credit).toBe(7);
  });

  it('never has more in hand than the prefetch, and is topped up as deliveries are settled', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(10);
    for (let sent = 0; sent < 100; sent += 1) {
      // oxlint-disable-next-line no-await-in-loop -- as credit comes
      await from.creditAtLeast(1);
      from.send(data(`m${sent}`));
      // oxlint-disable-next-line no-await-in-loop -- as it arrives
      const all = await receiver.count(sent + 1);
      if (sent % 7 === 6) for (const { delivery } of all) delivery.settle(ACCEPTED);
    }
    expect(receiver.most).toBeLessThanOrEqual(10);
    expect(text(receiver)).toEqual(Array.from({ length: 100 }, (_, index) => `m${index}`));
    expect(receiver.closed).toEqual([]);
    expect(peer.violations).toEqual([]);
  });

  it('and what is in hand are never more than the prefetch, though the peer uses all of it at once', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(10);
    let sent = 0;
    for (let round = 0; round < 40; round += 1) {
      // oxlint-disable-next-line no-await-in-loop -- as credit comes
      await from.creditAtLeast(1);
      while (from.credit > 0) from.send(data(`m${sent++}`));
      // oxlint-disable-next-line no-await-in-loop -- as it arrives
      const unsettled = (await receiver.count(sent)).filter(({ delivery }) => !delivery.isSettled);
      expect(unsettled).toHaveLength(10);
      // From one to seven, and not the oldest first.
      for (const { delivery } of unsettled.slice(round % 3, (round % 3) + 1 + (round % 7))) delivery.settle(ACCEPTED);
    }
    expect(receiver.most).toBe(10);
    expect(peer.violations).toEqual([]);
  });

  it('prefetch 1 gets one at a time, though the peer starts its count near 2^32', async () => {
    const { receiver, from, peer } = await opened({ initialDeliveryCount: 0xffff_fffe, firstDeliveryId: 0xffff_ffff });
    receiver.link.setPrefetch(1);
    for (let sent = 0; sent < 6; sent += 1) {
      // oxlint-disable-next-line no-await-in-loop -- as credit comes
      await from.creditAtLeast(1);
      expect(from.credit).toBe(1);
      from.send(data(`m${sent}`));
      // oxlint-disable-next-line no-await-in-loop -- as it arrives
      const all = await receiver.count(sent + 1);
      all.at(-1)?.delivery.settle(ACCEPTED);
    }
    expect(receiver.most).toBe(1);
    await eventually('all settled', () => peer.connection.session().unsettled.size === 0);
    expect(peer.violations).toEqual([]);
  });

  it('prefetch 0 takes it back; what was on its way still arrives', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(5);
    await from.creditAtLeast(5);
    receiver.link.setPrefetch(0);
    from.send(data('late'));
    await peer.until('the flow', () => peer.seen('flow').length === 2);
    expect(peer.seen('flow')[1]?.linkCredit).toBe(0);
    await receiver.count(1);
    receiver.arrivals[0]?.delivery.settle(ACCEPTED);
    await peer.next('disposition');
    expect(receiver.link).toMatchObject({ credit: 0, inHand: 0 });
    expect(receiver.closed).toEqual([]);
  });

  it('a delivery that was never allowed costs the link, not the connection', async () => {
    const { receiver, from, peer, lost, session } = await opened();
    receiver.link.setPrefetch(1);
    await from.creditAtLeast(1);
    from.send(data('allowed'));
    from.send(data('not allowed'));
    expect(await peer.next('detach')).toMatchObject({
      closed: true,
      error: { condition: 'amqp:link:transfer-limit-exceeded' },
    });
    expect(text(receiver)).toEqual(['allowed']);
    expect(receiver.closed).toMatchObject([{ condition: 'amqp:link:transfer-limit-exceeded' }]);
    expect(lost).toEqual([]);
    expect(session.isOpen).toBe(true);
  });

  it('by hand: adds up, and is not topped up', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.addCredit(2);
    receiver.link.addCredit(1);
    await from.creditAtLeast(3);
    from.send(data('a'));
    const [first] = await receiver.count(1);
    first?.delivery.settle(ACCEPTED);
    await peer.next('disposition');
    expect(receiver.link.credit).toBe(2);
    expect(peer.seen('flow')).toHaveLength(2);
  });

  it('the window of the session is renewed before it is used up', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(2_000);
    for (let round = 0; round < 10; round += 1) {
      // oxlint-disable-next-line no-await-in-loop -- in rounds
      await from.creditAtLeast(1_000);
      for (let sent = 0; sent < 1_000; sent += 1) from.send(data('x'), { settled: true });
      // oxlint-disable-next-line no-await-in-loop -- in rounds
      const all = await receiver.count((round + 1) * 1_000);
      for (const { delivery } of all) delivery.done();
    }
    const flows = peer.seen('flow').filter((frame) => frame.handle === undefined || frame.incomingWindow > 0);
    expect(flows.length).toBeGreaterThan(0);
    expect(peer.violations).toEqual([]);
  });
});

describe('drain', () => {
  it('resolves when the peer has given the credit back, and nothing comes until there is new credit', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(5);
    await from.creditAtLeast(5);
    await receiver.link.drain({ signal: deadline() });
    expect(receiver.link.credit).toBe(0);
    expect(peer.seen('flow').at(-1)).toMatchObject({ drain: true });
    receiver.link.setPrefetch(2);
    await from.creditAtLeast(2);
    from.send(data('after'));
    await receiver.count(1);
    expect(peer.violations).toEqual([]);
    expect(receiver.closed).toEqual([]);
  });

  it('resolves when the credit was used up by messages', async () => {
    const { receiver, from } = await opened({ on: { flow: () => undefined } });
    receiver.link.setPrefetch(2);
    await from.creditAtLeast(2);
    const drained = receiver.link.drain({ signal: deadline() });
    from.send(data('a'));
    from.send(data('b'));
    await drained;
    expect(text(receiver)).toEqual(['a', 'b']);
    expect(receiver.link.inHand).toBe(2);
  });

  it('ends what was granted before: a delivery that comes all the same is one too many', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(10);
    await from.creditAtLeast(10);
    receiver.link.setPrefetch(2);
    await peer.until('less credit', () => from.credit === 2);
    await receiver.link.drain({ signal: deadline() });
    from.send(data('x'));
    expect((await peer.next('detach')).error?.condition).toBe('amqp:link:transfer-limit-exceeded');
    expect(receiver.arrivals).toEqual([]);
  });

  it('without credit there is nothing to wait for', async () => {
    const { receiver, peer } = await opened();
    await receiver.link.drain({ signal: deadline() });
    expect(peer.seen('flow')).toEqual([]);
  });

  it('a peer that never answers, or echoes credit, ends with the signal; the link goes on', async () => {
    const { receiver, from, peer } = await opened({
      on: {
        flow: (connection, frame) =>
          frame.drain === true &&
          connection.session().sendFlow({
            handle: frame.handle ?? 0,
            deliveryCount: frame.deliveryCount ?? 0,
            linkCredit: 5,
            drain: true,
          }),
      },
    });
    receiver.link.setPrefetch(5);
    await from.creditAtLeast(5);
    const abort = new AbortController();
    const drained = receiver.link.drain({ signal: abort.signal });
    await peer.until('the drain', () => peer.seen('flow').length === 2);
    abort.abort(new Error('enough'));
    await expect(drained).rejects.toThrow('enough');
    receiver.link.setPrefetch(3);
    await peer.until('new credit', () => peer.seen('flow').at(-1)?.linkCredit === 3);
    expect(peer.seen('flow').at(-1)?.drain ?? false).toBe(false);
  });

  it('rejects when the link ends', async () => {
    const { receiver, from } = await opened({ on: { flow: () => undefined } });
    receiver.link.setPrefetch(5);
    await from.creditAtLeast(5);
    const drained = receiver.link.drain({ signal: deadline() });
    from.detach();
    await expect(drained).rejects.toMatchObject({ code: 'detached' });
  });
});

describe('messages in several frames', () => {
  it('are put together, aborted ones are dropped, and all counts go past 2^32', async () => {
    const { receiver, from, peer } = await opened({ chunk: 7 });
    receiver.link.setPrefetch(4);
    await from.creditAtLeast(4);
    const big = Buffer.alloc(3_000, 9);
    from.send(data('gone'), { frames: 3, aborted: true });
    from.send(data('one'), { frames: 3 });
    from.send(data('gone too'), { frames: 1, aborted: true });
    from.send(data(big), { frames: 5, tag: Buffer.from('a tag of 32 bytes, all of which ') });
    const all = await receiver.count(2);
    expect(all[0]?.bytes).toEqual(data('one'));
    expect(all[1]?.bytes).toEqual(data(big));
    expect(all[1]?.delivery.tag).toEqual(Buffer.from('a tag of 32 bytes, all of which '));
    expect(receiver.link.inHand).toBe(2);
    for (const { delivery } of all) delivery.settle(ACCEPTED);
    // The two aborted ones took credit and gave their place back.
    await from.creditAtLeast(4);
    await eventually('settled', () => peer.connection.session().unsettled.size === 0);
    expect(peer.violations).toEqual([]);
  });

  it('of two links are kept apart when they come interleaved', async () => {
    const { session, peer } = await bench.session();
    const receivers = await Promise.all([0, 1].map((index) => TestReceiver.attach(session, { name: `r${index}` })));
    for (const receiver of receivers) receiver.link.setPrefetch(5);
    const links = peer.connection.links;
    await Promise.all(links.map((link) => link.creditAtLeast(1)));
    const parts = links.map((link) => [data(`of ${link.name}`).subarray(0, 10), data(`of ${link.name}`).subarray(10)]);
    const ids = links.map(() => peer.connection.session().takeDeliveryId());
    for (const step of [0, 1]) {
      links.forEach((link, index) => {
        peer.connection.session().sendTransfer(
          step === 0
            ? {
                handle: link.handle,
                deliveryId: ids[index] ?? 0,
                deliveryTag: Buffer.from([index]),
                messageFormat: 0,
                more: true,
              }
            : { handle: link.handle },
          parts[index]?.[step] ?? Buffer.alloc(0),
        );
      });
    }
    await Promise.all(receivers.map((receiver) => receiver.count(1)));
    expect(receivers.map((receiver) => text(receiver))).toEqual([['of r0'], ['of r1']]);
  });

  it('settled in a later frame counts as settled', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(1);
    await from.creditAtLeast(1);
    const session = peer.connection.session();
    const deliveryId = session.takeDeliveryId();
    session.sendTransfer({ handle: from.handle, deliveryId, deliveryTag: Buffer.from('t'), more: true }, data('x'));
    session.sendTransfer({ handle: from.handle, settled: true }, Buffer.alloc(0));
    const [arrival] = await receiver.count(1);
    expect(arrival?.delivery).toMatchObject({ presettled: true, isSettled: true });
  });
});

describe('a message over the limit', () => {
  it.each([1, 4])('of %d frames costs itself: it comes as oversized, without bytes', async (frames) => {
    const { receiver, from, peer, lost } = await opened({}, { maxMessageBytes: 100 });
    receiver.link.setPrefetch(3);
    await from.creditAtLeast(3);
    from.send(data('x'.repeat(93)), { frames });
    from.send(data('y'.repeat(92)), { frames });
    from.send(data('small'));
    const all = await receiver.count(3);
    expect(all.map(({ delivery, bytes }) => [delivery.oversized, bytes.length])).toEqual([
      [true, 0],
      [false, 100],
      [false, 13],
    ]);
    all[0]?.delivery.settle({ kind: 'rejected', condition: 'amqp:link:message-size-exceeded' });
    expect(await peer.next('disposition')).toMatchObject({ state: { kind: 'rejected' } });
    expect(lost).toEqual([]);
    expect(receiver.closed).toEqual([]);
  });

  it('that never ends is not kept', async () => {
    const { receiver, from, lost, connection, peer } = await opened({}, { maxMessageBytes: 10_000 });
    receiver.link.setPrefetch(1);
    await from.creditAtLeast(1);
    const session = from.session;
    const deliveryId = session.takeDeliveryId();
    const part = Buffer.alloc(60_000);
    const before = await heldBytes();
    for (let round = 0; round < 500; round += 1) {
      session.sendTransfer(
        round === 0
          ? { handle: from.handle, deliveryId, deliveryTag: Buffer.from('t'), more: true }
          : { handle: from.handle, more: true },
        part,
      );
      // oxlint-disable-next-line no-await-in-loop -- as it is read
      if (round % 20 === 0) await turn();
      peer.records.length = 0;
    }
    await connection.beginSession({ signal: deadline() });
    // 30 MB went by
    expect((await heldBytes()) - before).toBeLessThan(15_000_000);
    expect(receiver.arrivals).toEqual([]);
    expect(lost).toEqual([]);
  }, 30_000);

  it('is not advertised unless that is asked for', async () => {
    const { session, peer } = await bench.session();
    await TestReceiver.attach(session, { name: 'a', maxMessageBytes: 5 });
    await TestReceiver.attach(session, { name: 'b', advertisedMaxMessageSize: 4_096 });
    expect(peer.seen('attach').map((frame) => frame.maxMessageSize)).toEqual([undefined, 4_096]);
  });
});

describe('settling', () => {
  it('is done once; a second word changes nothing and answers the same', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(10);
    await from.creditAtLeast(1);
    from.send(data('x'));
    const [arrival] = await receiver.count(1);
    const { delivery } = arrival ?? {};
    expect(delivery?.isSettled).toBe(false);
    expect(delivery?.settle(ACCEPTED)).toBe('settled');
    expect(delivery?.settle({ kind: 'rejected' })).toBe('settled');
    delivery?.done();
    expect(await peer.next('disposition')).toMatchObject({ role: true, settled: true, state: { kind: 'accepted' } });
    await turn();
    expect(peer.seen('disposition')).toHaveLength(1);
    expect(receiver.link.inHand).toBe(0);
  });

  it.each<[Outcome, unknown]>([
    [{ kind: 'rejected' }, { kind: 'rejected' }],
    [
      { kind: 'rejected', condition: 'app:no', description: 'd'.repeat(300), info: { why: 'x' } },
      { kind: 'rejected', error: { condition: 'app:no', description: 'd'.repeat(300), info: { why: 'x' } } },
    ],
    [RELEASED, { kind: 'released' }],
    [
      { kind: 'modified', deliveryFailed: true, undeliverableHere: false, messageAnnotations: { 'x-opt-n': 1 } },
      { kind: 'modified', deliveryFailed: true, messageAnnotations: { 'x-opt-n': 1 } },
    ],
  ])('writes %j', async (outcome, state) => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(1);
    await from.creditAtLeast(1);
    from.send(data('x'));
    const [arrival] = await receiver.count(1);
    arrival?.delivery.settle(outcome);
    expect(await peer.next('disposition')).toMatchObject({ state });
  });

  it('an outcome without a form in AMQP throws and leaves the delivery as it was', async () => {
    const { receiver, from } = await opened();
    receiver.link.setPrefetch(1);
    await from.creditAtLeast(1);
    from.send(data('x'));
    const [arrival] = await receiver.count(1);
    const bad: Outcome = { kind: 'rejected', condition: 'app:x', info: { f: () => 1 } };
    expect(() => arrival?.delivery.settle(bad)).toThrow(EncodingFailure);
    expect(arrival?.delivery.isSettled).toBe(false);
    expect(arrival?.delivery.settle(ACCEPTED)).toBe('settled');
  });

  it('goes out as one range when handlers end in ticks of their own, in any order', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(200);
    await from.creditAtLeast(200);
    for (let sent = 0; sent < 100; sent += 1) from.send(data('x'));
    const all = await receiver.count(100);
    for (const { delivery } of all.toReversed()) await Promise.resolve(delivery.settle(ACCEPTED));
    await eventually('all settled', () => peer.connection.session().unsettled.size === 0);
    expect(peer.seen('disposition')).toHaveLength(1);
    expect(peer.violations).toEqual([]);
  });

  it('different outcomes of one turn stay different', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(10);
    await from.creditAtLeast(10);
    const ids = Array.from({ length: 6 }, (_, index) => from.send(data(`${index}`)));
    const all = await receiver.count(6);
    const outcomes: Outcome[] = [ACCEPTED, RELEASED, ACCEPTED, ACCEPTED, { kind: 'rejected' }, ACCEPTED];
    all.forEach(({ delivery }, index) => delivery.settle(outcomes[index] ?? ACCEPTED));
    await eventually('all settled', () => peer.connection.session().unsettled.size === 0);
    const kinds = ids.map((id) => {
      const frame = peer
        .seen('disposition')
        .find(({ first, last = first }) => (id - first) >>> 0 <= (last - first) >>> 0);
      return frame?.state?.kind;
    });
    expect(kinds).toEqual(outcomes.map((outcome) => outcome.kind));
    expect(peer.violations).toEqual([]);
  });

  it('of a link that is gone is stale, throws nothing and writes nothing', async () => {
    const { receiver, from, peer, connection } = await opened();
    receiver.link.setPrefetch(10);
    await from.creditAtLeast(2);
    from.send(data('a'));
    from.send(data('b'));
    const all = await receiver.count(2);
    all[0]?.delivery.settle(ACCEPTED);
    from.detach({ error: { kind: 'error', condition: 'amqp:resource-deleted' } });
    await eventually('told', () => receiver.closed.length === 1);
    expect(all[0]?.delivery.settle(ACCEPTED)).toBe('settled');
    expect(all[1]?.delivery.settle(ACCEPTED)).toBe('stale');
    expect(all[1]?.delivery.settle(RELEASED)).toBe('stale');
    await connection.close({ timeoutMs: 500 });
    expect(peer.violations).toEqual([]);
  });

  it('pre-settled deliveries hold their place until they are done, and are never answered', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(2);
    await from.creditAtLeast(2);
    from.send(data('a'), { settled: true });
    from.send(data('b'), { settled: true });
    const all = await receiver.count(2);
    expect(all[0]?.delivery).toMatchObject({ presettled: true, isSettled: true });
    expect(receiver.link.inHand).toBe(2);
    all[0]?.delivery.done();
    all[0]?.delivery.done();
    expect(all[1]?.delivery.settle(ACCEPTED)).toBe('settled');
    expect(receiver.link.inHand).toBe(0);
    await from.creditAtLeast(2);
    expect(peer.seen('disposition')).toEqual([]);
  });

  it('flush() writes now', async () => {
    const { receiver, from, peer } = await opened();
    receiver.link.setPrefetch(10);
    await from.creditAtLeast(2);
    from.send(data('a'));
    const [arrival] = await receiver.count(1);
    arrival?.delivery.settle(ACCEPTED);
    receiver.link.flush();
    receiver.link.flush();
    await peer.next('disposition');
    expect(peer.seen('disposition')).toHaveLength(1);
  });

  it('an owner that throws has its delivery released, and the connection goes on', async () => {
    let calls = 0;
    const { receiver, from, peer, lost } = await opened(
      {},
      {
        onDelivery: (delivery) => {
          calls += 1;
          if (calls === 2) delivery.settle(ACCEPTED);
          throw new Error(`handler ${calls}`);
        },
      },
    );
    const { thrown, restore } = catchRethrown();
    try {
      receiver.link.setPrefetch(10);
      await from.creditAtLeast(3);
      from.send(data('a'));
      from.send(data('b'));
      from.send(data('c'), { settled: true });
      await eventually('all rethrown', () => thrown.length === 3);
    } finally {
      restore();
    }
    await eventually('settled', () => peer.connection.session().unsettled.size === 0);
    expect(peer.seen('disposition').map((frame) => frame.state?.kind)).toEqual(['released', 'accepted']);
    expect(receiver.link.inHand).toBe(0);
    expect(lost).toEqual([]);
  });
});

describe('the end of a link that receives', () => {
  it('our detach writes what was settled first, and what still comes is ignored', async () => {
    const { receiver, from, peer, lost, session } = await opened({ on: { detach: () => undefined } });
    receiver.link.setPrefetch(10);
    await from.creditAtLeast(5);
    from.send(data('a'));
    const [arrival] = await receiver.count(1);
    arrival?.delivery.settle(ACCEPTED);
    const detached = receiver.link.detach({ closed: true, timeoutMs: 2_000 });
    await peer.next('detach');
    expect(peer.seen('disposition')).toHaveLength(1);
    peer.connection
      .session()
      .sendTransfer({ handle: from.handle, deliveryId: 99, deliveryTag: Buffer.from('t') }, data('late'));
    from.grantCredit(3);
    from.detach();
    await detached;
    await turn();
    expect(text(receiver)).toEqual(['a']);
    expect(receiver.closed).toEqual([]);
    expect(lost).toEqual([]);
    expect(session.linkCount).toBe(0);
    expect(await TestReceiver.attach(session)).toBeDefined();
  });

  it('a detach that is not answered ends in time; the session can still be ended', async () => {
    const { receiver, peer, session, lost } = await opened({ on: { detach: () => undefined } });
    await receiver.link.detach({ closed: false, timeoutMs: 50 });
    expect((await peer.next('detach')).closed ?? false).toBe(false);
    await session.end({ timeoutMs: 500 });
    expect(lost).toEqual([]);
    expect(peer.seen('end')).toHaveLength(1);
  });

  it('both sides at once is one detach each', async () => {
    const { receiver, from, peer, lost } = await opened({ on: { detach: () => undefined } });
    const detached = receiver.link.detach({ closed: true, timeoutMs: 1_000 });
    from.detach();
    await detached;
    await turn();
    expect(peer.seen('detach')).toHaveLength(1);
    expect(peer.sent('detach')).toHaveLength(1);
    expect(lost).toEqual([]);
  });

  it('a message keeps what the decoder took of it after the link is gone', async () => {
    const { receiver, from } = await opened();
    receiver.link.setPrefetch(1);
    await from.creditAtLeast(1);
    from.send(encodeMessage({ properties: { messageId: 'id' }, data: 'x' }), { frames: 2 });
    const [arrival] = await receiver.count(1);
    expect(arrival?.bytes.includes('id')).toBe(true);
    expect(arrival?.delivery.messageFormat).toBe(0);
  });
});
