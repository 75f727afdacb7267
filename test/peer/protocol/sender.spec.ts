import { afterEach, describe, expect, it } from '@jest/globals';
import { EncodingFailure, LinkDetachedError, SizeFailure } from '../../../lib/protocol/errors.js';
import { eventually } from '../../support/eventually.js';
import { decodeMessage, type PeerScript, type WireState } from '../../support/scripted-peer.js';
import { Bench, TestSender, TestTransfer, catchRethrown, data, deadline, turn } from './harness.js';
import { processorMs } from '../../support/time.js';

const bench = new Bench();
afterEach(() => bench.clear());

const leaveUnsettled: PeerScript = { verdict: () => undefined };

describe('credit', () => {
  it('without credit nothing is taken; with it the link says so and the message goes out', async () => {
    const { peer, sender } = await bench.sender({ credit: 0 });
    const transfer = sender.post('first');
    expect(sender.link.credit).toBe(0);
    await turn();
    expect(peer.seen('transfer')).toEqual([]);
    peer.connection.links[0]?.grantCredit(1);
    expect(await transfer.fate).toEqual({ kind: 'settled', outcome: { kind: 'accepted' }, problem: undefined });
    expect(sender.sendable).toBe(1);
    expect(transfer.toldTooEarly).toBe(false);
  });

  it('never sends beyond it, however it is counted across 2^32', async () => {
    const { peer, sender } = await bench.sender({ credit: 3, refill: true });
    const transfers = Array.from({ length: 20 }, (_, index) => sender.post(`m${index}`));
    await Promise.all(transfers.map((transfer) => transfer.fate));
    expect(peer.deliveries).toHaveLength(20);
    expect(peer.violations).toEqual([]);
  });

  it('a flow from before our last transfers does not give credit twice', async () => {
    const { peer, sender } = await bench.sender({ credit: 2, ...leaveUnsettled });
    sender.post('a');
    sender.post('b');
    await peer.until('two deliveries', () => peer.deliveries.length === 2);
    // As if it had been written before the two arrived: delivery-count 0, credit 3.
    peer.connection
      .session()
      .sendFlow({ handle: peer.connection.links[0]?.handle ?? 0, deliveryCount: 0, linkCredit: 3 });
    await eventually('the credit is counted', () => sender.link.credit === 1);
  });

  it('credit that is taken back is gone', async () => {
    const { peer, sender } = await bench.sender({ credit: 10 });
    await eventually('credit', () => sender.link.credit === 10);
    peer.connection.links[0]?.grantCredit(0);
    await eventually('no credit', () => sender.link.credit === 0);
    expect(sender.link.send(new TestTransfer('x'))).toBe(false);
  });
});

describe('drain', () => {
  it('what is waiting goes out first, the rest of the credit is given back', async () => {
    const { peer, sender } = await bench.sender({ credit: 0 });
    const transfers = ['a', 'b'].map((text) => sender.post(text));
    peer.connection.links[0]?.grantCredit(5, { drain: true });
    await Promise.all(transfers.map((transfer) => transfer.fate));
    const flow = await peer.next('flow', { where: (frame) => frame.handle !== undefined });
    expect(flow).toMatchObject({ drain: true, linkCredit: 0, deliveryCount: 5 });
    expect(sender.drained).toBe(1);
    expect(sender.link.credit).toBe(0);
  });

  it('is answered with no credit at all, and is over then', async () => {
    const { peer, sender } = await bench.sender({ credit: 0 });
    const link = peer.connection.links[0];
    link?.grantCredit(0, { drain: true });
    expect(await peer.next('flow')).toMatchObject({ drain: true, linkCredit: 0, deliveryCount: 0 });
    link?.grantCredit(1);
    await sender.post('later').fate;
    expect(peer.violations).toEqual([]);
  });

  it('an echo is answered once', async () => {
    const { peer, sender } = await bench.sender({ credit: 4 });
    await eventually('credit', () => sender.link.credit === 4);
    peer.connection.links[0]?.grantCredit(4, { echo: true });
    const flow = await peer.next('flow');
    expect(flow).toMatchObject({ linkCredit: 4, deliveryCount: 0 });
    peer.connection.session().sendFlow({ echo: true });
    const again = await peer.next('flow');
    expect(again.handle).toBeUndefined();
    expect(peer.seen('flow')).toHaveLength(2);
  });
});

describe('outcomes', () => {
  it.each<[string, WireState, unknown]>([
    ['accepted', { kind: 'accepted' }, { kind: 'accepted' }],
    ['released', { kind: 'released' }, { kind: 'released' }],
    ['rejected without an error', { kind: 'rejected' }, { kind: 'rejected' }],
    [
      'rejected',
      { kind: 'rejected', error: { kind: 'error', condition: 'app:no', description: 'because', info: { a: 1 } } },
      { kind: 'rejected', condition: 'app:no', description: 'because', info: { a: 1 } },
    ],
    [
      'modified',
      { kind: 'modified', deliveryFailed: true, messageAnnotations: { 'x-opt-a': 'b' } },
      { kind: 'modified', deliveryFailed: true, undeliverableHere: false, messageAnnotations: { 'x-opt-a': 'b' } },
    ],
  ])('%s arrives as it is', async (_what, state, outcome) => {
    const { sender, peer } = await bench.sender({ verdict: () => state });
    expect(await sender.post('x').fate).toEqual({ kind: 'settled', outcome, problem: undefined });
    expect(sender.link.unsettledCount).toBe(0);
    expect(peer.violations).toEqual([]);
  });

  it('settled without a state is no outcome, and no problem', async () => {
    const { sender, peer } = await bench.sender(leaveUnsettled);
    const transfer = sender.post('x');
    await peer.nextDelivery();
    peer.connection.session().dispose({ first: 0 }, 'none');
    expect(await transfer.fate).toEqual({ kind: 'settled', outcome: undefined, problem: undefined });
  });

  it('a state that nobody knows is named', async () => {
    const { sender, peer } = await bench.sender(leaveUnsettled);
    const transfer = sender.post('x');
    await peer.nextDelivery();
    peer.connection.session().dispose({ first: 0 }, { kind: 'declared', txnId: Buffer.from('t') });
    expect(await transfer.fate).toMatchObject({ kind: 'settled', outcome: undefined, problem: expect.any(String) });
  });

  it('a note on progress settles nothing', async () => {
    const { sender, peer } = await bench.sender(leaveUnsettled);
    const transfer = sender.post('x');
    await peer.nextDelivery();
    const session = peer.connection.session();
    session.dispose({ first: 0 }, { kind: 'received', sectionNumber: 0, sectionOffset: 0 }, false);
    session.dispose({ first: 0 }, 'none', false);
    session.dispose({ first: 0 }, { kind: 'released' });
    expect(await transfer.fate).toMatchObject({ outcome: { kind: 'released' } });
    expect(transfer.told).toBe(1);
  });

  it('an unsettled outcome is taken and settled back, once', async () => {
    const { sender, peer } = await bench.sender(leaveUnsettled);
    const transfers = [sender.post('x'), sender.post('y')];
    await peer.until('both', () => peer.deliveries.length === 2);
    const session = peer.connection.session();
    session.dispose({ first: 0, last: 1 }, { kind: 'accepted' }, false);
    for (const transfer of transfers) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await transfer.fate).toMatchObject({ outcome: { kind: 'accepted' } });
    }
    expect(await peer.next('disposition')).toMatchObject({ role: false, first: 0, last: 1, settled: true });
    session.dispose({ first: 0, last: 1 }, { kind: 'accepted' }, false);
    session.sendFlow({ echo: true });
    await peer.next('flow');
    expect(peer.seen('disposition')).toHaveLength(1);
  });

  it('the right outcome reaches the right message, whatever order, range or repetition it comes in', async () => {
    const { sender, peer } = await bench.sender(leaveUnsettled);
    const transfers = Array.from({ length: 10 }, (_, index) => sender.post(`m${index}`));
    await peer.until('all', () => peer.deliveries.length === 10);
    const session = peer.connection.session();
    session.dispose({ first: 7, last: 9 }, { kind: 'released' });
    session.dispose({ first: 8 }, { kind: 'accepted' }); // a second word on it
    session.dispose({ first: 500 }, { kind: 'accepted' }); // never sent
    session.dispose({ first: 9, last: 3 }, { kind: 'accepted' }); // reversed
    session.dispose({ first: 3 }, { kind: 'rejected' });
    session.dispose({ first: 0, last: 6 }, { kind: 'accepted' });
    const kinds = await Promise.all(
      transfers.map(async (transfer) => {
        const fate = await transfer.fate;
        return fate.kind === 'settled' ? fate.outcome?.kind : 'failed';
      }),
    );
    const a = 'accepted';
    expect(kinds).toEqual([a, a, a, 'rejected', a, a, a, 'released', 'released', 'released']);
    expect(transfers.every((transfer) => transfer.told === 1)).toBe(true);
    // The disposition of 500 did not settle what is sent afterwards under another id.
    const later = sender.post('later');
    await peer.until('it', () => peer.deliveries.length === 11);
    session.dispose({ first: 10 }, { kind: 'modified' });
    expect(await later.fate).toMatchObject({ outcome: { kind: 'modified' } });
  });

  it('a range over all ids there are is cheap', async () => {
    const { sender, peer } = await bench.sender(leaveUnsettled);
    const transfers = Array.from({ length: 5 }, (_, index) => sender.post(`m${index}`));
    await peer.until('all', () => peer.deliveries.length === 5);
    const spent = await processorMs(async () => {
      for (let round = 0; round < 50; round += 1) peer.connection.session().dispose({ first: 0, last: 0xffff_ffff });
      await Promise.all(transfers.map((transfer) => transfer.fate));
      await turn();
    });
    expect(spent).toBeLessThan(500);
  });

  it('a callback that throws costs nothing but its own error', async () => {
    const { sender, peer, lost } = await bench.sender();
    const { thrown, restore } = catchRethrown();
    try {
      const bad = new TestTransfer('bad');
      bad.settled = () => {
        throw new Error('in settled');
      };
      sender.post(bad);
      await sender.post('good').fate;
      await eventually('it is rethrown', () => thrown.length > 0);
    } finally {
      restore();
    }
    expect(thrown).toMatchObject([{ message: 'in settled' }]);
    expect(lost).toEqual([]);
    expect(peer.deliveries).toHaveLength(2);
  });
});

describe('what is sent', () => {
  it('a value without a form in AMQP throws, takes nothing and burns no id', async () => {
    const { sender, peer } = await bench.sender();
    await eventually('credit', () => sender.link.credit === 100);
    const bad = new TestTransfer('x');
    bad.message.applicationProperties = { bad: () => 1 };
    expect(() => sender.link.send(bad)).toThrow(EncodingFailure);
    expect(sender.link.credit).toBe(100);
    await sender.post('good').fate;
    expect(peer.seen('transfer').map((frame) => frame.deliveryId)).toEqual([0]);
    expect(bad.told).toBe(0);
  });

  it("a message over the peer's max-message-size throws, and one of exactly that size goes", async () => {
    const size = data('x'.repeat(100)).length;
    const { sender } = await bench.sender({ attach: { maxMessageSize: size } });
    await eventually('credit', () => sender.link.credit === 100);
    expect(sender.link.maxMessageSize).toBe(size);
    expect(() => sender.link.send(new TestTransfer('x'.repeat(101)))).toThrow(SizeFailure);
    expect(() => sender.link.send(new TestTransfer('', data('x'.repeat(101))))).toThrow(SizeFailure);
    expect(() => sender.link.send(new TestTransfer('x'.repeat(300_000)))).toThrow(SizeFailure);
    expect(await sender.post('y'.repeat(92)).fate).toMatchObject({ kind: 'settled' });
  });

  it.each([undefined, 0, 0xffff_ffff_ffff_ffffn])('max-message-size %s means none', async (maxMessageSize) => {
    const { sender } = await bench.sender({ attach: maxMessageSize === undefined ? {} : { maxMessageSize } });
    expect(sender.link.maxMessageSize).toBeUndefined();
    expect(await sender.post('x'.repeat(10_000)).fate).toMatchObject({ kind: 'settled' });
  });

  it('encoded bytes go out as they are, with their message format', async () => {
    const { sender, peer } = await bench.sender();
    const transfer = new TestTransfer('', data('raw'));
    sender.post(Object.assign(transfer, { messageFormat: 0x8001_3700 }));
    await transfer.fate;
    expect(peer.deliveries[0]).toMatchObject({ messageFormat: 0x8001_3700, payload: data('raw') });
  });

  it.each([512, 513, 1_000, 65_536, 0xffff_ffff])(
    'frames are never over %d bytes, and the message arrives whole',
    async (maxFrameSize) => {
      const { sender, peer } = await bench.sender({ open: { maxFrameSize } });
      const sizes = [0, 1, 380, 440, 450, 460, 500, 5_000, 200_000];
      const bodies = sizes.map((size) => Buffer.alloc(size, size % 251));
      const transfers = bodies.map((body) => sender.post(body));
      await Promise.all(transfers.map((transfer) => transfer.fate));
      const arrived = peer.deliveries.map((delivery) => decodeMessage(delivery.payload).data);
      // Compared as bytes: Jest's own comparison takes a second.
      expect(arrived.map((body, index) => body?.equals(bodies[index] ?? Buffer.alloc(0)))).toEqual(
        bodies.map(() => true),
      );
      expect(Math.max(...peer.seen('transfer').map((frame) => frame.size))).toBeLessThanOrEqual(maxFrameSize);
      expect(peer.violations).toEqual([]);
    },
  );

  it('one write per tick, however many messages', async () => {
    const { sender, peer } = await bench.sender({ credit: 500 });
    await eventually('credit', () => sender.link.credit === 500);
    const transfers = Array.from({ length: 300 }, () => sender.post('x'.repeat(50)));
    await Promise.all(transfers.map((transfer) => transfer.fate));
    expect(peer.violations).toEqual([]);
    expect(peer.deliveries).toHaveLength(300);
  });
});

describe('pre-settled', () => {
  it('a link of settled mode sends settled, and says so when the bytes were handed over', async () => {
    const { sender, peer } = await bench.sender({}, { settleMode: 'settled' });
    const transfer = sender.post('x');
    expect(transfer.told).toBe(0);
    expect(await transfer.fate).toEqual({ kind: 'settled', outcome: undefined, problem: undefined });
    await peer.nextDelivery();
    expect(peer.deliveries[0]?.settled).toBe(true);
    expect(sender.link.unsettledCount).toBe(0);
  });

  it.each([
    ['mixed', true, true],
    ['mixed', undefined, false],
    ['unsettled', true, false],
    ['settled', undefined, true],
  ] as const)('mode %s, asked %s: settled %s', async (settleMode, asked, settled) => {
    const { sender, peer } = await bench.sender({}, { settleMode });
    const large = sender.post(new TestTransfer('x'.repeat(150_000), undefined, asked));
    const small = sender.post(new TestTransfer('x', undefined, asked));
    expect(await large.fate).toMatchObject({ kind: 'settled' });
    expect(await small.fate).toMatchObject({ kind: 'settled' });
    await peer.until('both', () => peer.deliveries.length === 2);
    expect(peer.deliveries.map((delivery) => delivery.settled)).toEqual([settled, settled]);
    expect(large.toldTooEarly || small.toldTooEarly).toBe(false);
  });
});

describe("the session's window", () => {
  it('is kept in the middle of a message, which goes on where it stopped', async () => {
    const { sender, peer } = await bench.sender({
      incomingWindow: 3,
      begin: { incomingWindow: 3 },
      open: { maxFrameSize: 512 },
      ...leaveUnsettled,
    });
    const large = sender.post(Buffer.alloc(5_000, 1));
    const small = sender.post('small');
    await peer.until('both', () => peer.deliveries.length === 2);
    expect(peer.violations).toEqual([]);
    expect(peer.deliveries.map((delivery) => delivery.payload.length)).toEqual([5_008, 13]);
    expect(peer.deliveries[0]?.frames).toBeGreaterThan(10);
    peer.connection.session().dispose({ first: 0, last: 1 });
    await Promise.all([large.fate, small.fate]);
  });

  it('a flow from before our last transfers does not open it twice', async () => {
    const gate = { isOpen: true };
    const { sender, peer } = await bench.sender({
      begin: { incomingWindow: 3 },
      incomingWindow: 3,
      replies: { flow: (bytes, emit) => gate.isOpen && emit(bytes) },
    });
    await eventually('credit', () => sender.link.credit === 100);
    gate.isOpen = false;
    for (let sent = 0; sent < 20; sent += 1) sender.post('x');
    await peer.until('three', () => peer.seen('transfer').length === 3);
    gate.isOpen = true;
    // As if it had been written before the three arrived.
    peer.connection.session().sendFlow({ nextIncomingId: 0, incomingWindow: 5, echo: true });
    gate.isOpen = false;
    await peer.next('flow');
    await turn();
    expect(peer.seen('transfer')).toHaveLength(5);
  });

  it('a closed window is reported as blocked once, and reopened as not', async () => {
    const { peer, blocked, connection, session } = await bench.session();
    const sender = await TestSender.attach(session);
    const second = await connection.beginSession({ signal: deadline() });
    const close = (channel: number, incomingWindow: number): void =>
      peer.connection.session(channel).sendFlow({ incomingWindow });
    close(0, 0);
    close(1, 0);
    close(0, 0);
    await eventually('blocked', () => blocked.length > 0);
    const transfer = sender.post('waits');
    await turn();
    expect(peer.deliveries).toEqual([]);
    close(0, 100);
    await transfer.fate;
    expect(blocked).toEqual([true, false]);
    await second.end({ timeoutMs: 500 });
    expect(blocked).toEqual([true, false]);
  });
});

describe('several links', () => {
  it('interleave large messages in one session without mixing their bytes', async () => {
    const { session, peer } = await bench.session({
      open: { maxFrameSize: 512 },
      incomingWindow: 4,
      begin: { incomingWindow: 4 },
    });
    const senders = await Promise.all([0, 1, 2].map((index) => TestSender.attach(session, { name: `s${index}` })));
    const bodies = senders.map((_, index) => Buffer.alloc(8_000, index + 1));
    const transfers = senders.map((sender, index) => sender.post(bodies[index] ?? Buffer.alloc(0)));
    await Promise.all(transfers.map((transfer) => transfer.fate));
    expect(peer.violations).toEqual([]);
    const arrived = new Map(
      peer.deliveries.map((delivery) => [delivery.link.name, decodeMessage(delivery.payload).data]),
    );
    expect(senders.map((_, index) => arrived.get(`s${index}`))).toEqual(bodies);
    const order = peer.seen('transfer').map((frame) => frame.handle);
    // Not one after the other: each had a turn before the first was done.
    expect(new Set(order.slice(0, order.lastIndexOf(order[0] ?? 0))).size).toBe(3);
  });

  it('share a window fairly when one of them has much more to send', async () => {
    const { session, peer } = await bench.session({ incomingWindow: 50, begin: { incomingWindow: 50 }, credit: 5_000 });
    const greedy = await TestSender.attach(session, { name: 'greedy' });
    const modest = await TestSender.attach(session, { name: 'modest' });
    const many = Array.from({ length: 3_000 }, () => greedy.post('g'));
    const few = Array.from({ length: 100 }, () => modest.post('m'));
    await Promise.all(few.map((transfer) => transfer.fate));
    const before = peer.deliveries.filter((delivery) => delivery.link.name === 'greedy').length;
    expect(before).toBeLessThan(1_000);
    await Promise.all(many.map((transfer) => transfer.fate));
    expect(peer.violations).toEqual([]);
  });

  it('take turns within a window that opens for both', async () => {
    const gate = { isOpen: true };
    const { session, peer } = await bench.session({
      begin: { incomingWindow: 0 },
      incomingWindow: 0,
      credit: 5_000,
      verdict: () => undefined,
      replies: { flow: (bytes, emit) => gate.isOpen && emit(bytes) },
    });
    const senders = await Promise.all(['a', 'b'].map((name) => TestSender.attach(session, { name })));
    await eventually('credit', () => senders.every((sender) => sender.link.credit === 5_000));
    for (const sender of senders) for (let sent = 0; sent < 1_000; sent += 1) sender.post('x');
    peer.connection.session().sendFlow({ incomingWindow: 200 });
    gate.isOpen = false;
    await peer.until('200 of them', () => peer.deliveries.length === 200);
    const ofA = peer.deliveries.filter((delivery) => delivery.link.name === 'a').length;
    expect(ofA).toBeGreaterThan(60);
    expect(ofA).toBeLessThan(140);
  });

  it('a full socket makes send() answer false, and the rest follows when there is room', async () => {
    const { peer, session } = await bench.session({
      credit: 1_000,
      incomingWindow: 100_000,
      begin: { incomingWindow: 100_000 },
    });
    const sender = await TestSender.attach(session);
    const other = await TestSender.attach(session, { name: 'other' });
    await eventually('credit', () => sender.link.credit === 1_000 && other.link.credit === 1_000);
    peer.connection.stall();
    const body = Buffer.alloc(60_000, 7);
    const transfers = Array.from({ length: 300 }, () => sender.post(body));
    expect(sender.link.credit).toBeGreaterThan(900);
    const fromOther = other.post('o');
    peer.connection.resume();
    await fromOther.fate;
    expect(peer.deliveries.length).toBeLessThan(300);
    await Promise.all(transfers.map((transfer) => transfer.fate));
    expect(peer.violations).toEqual([]);
  });
});

describe('the end of a link that sends', () => {
  it('what was sent and what was not are told apart when the socket is lost', async () => {
    const { peer, sender, lost } = await bench.sender(leaveUnsettled);
    await eventually('credit', () => sender.link.credit === 100);
    const sent = sender.post('sent');
    await peer.nextDelivery();
    const unwritten = sender.post('in the same tick as the end');
    peer.connection.stream.destroy();
    expect(await sent.fate).toMatchObject({ kind: 'failed', written: true });
    expect(await unwritten.fate).toMatchObject({ kind: 'failed', error: { code: 'connection-lost' } });
    expect(lost).toHaveLength(1);
    expect(sender.closed).toHaveLength(1);
    expect(sender.link.send(new TestTransfer('late'))).toBe(false);
  });

  it('a destroyed connection has not written what was sent in the same tick', async () => {
    const { sender, connection } = await bench.sender(leaveUnsettled);
    await eventually('credit', () => sender.link.credit === 100);
    const transfer = sender.post('x');
    const settled = new TestTransfer('y');
    connection.destroy(
      sender.closed[0] ?? (await import('../../../lib/protocol/amqp-error.js')).connectionLost(undefined),
    );
    expect(await transfer.fate).toMatchObject({ kind: 'failed', written: false });
    expect(settled.told).toBe(0);
  });

  it.each([
    [
      'with an error',
      { kind: 'error' as const, condition: 'amqp:resource-deleted', description: 'gone' },
      'amqp:resource-deleted',
    ],
    ['without one', undefined, undefined],
  ])('a detach %s fails what was sent at once, and the owner hears of it', async (_what, error, condition) => {
    const { peer, sender } = await bench.sender(leaveUnsettled);
    const transfers = [sender.post('x'), sender.post('y')];
    await peer.until('both', () => peer.deliveries.length === 2);
    peer.connection.links[0]?.detach(error === undefined ? {} : { error });
    expect(await transfers[0]?.fate).toMatchObject({ kind: 'failed', written: true, error: { condition } });
    expect(await transfers[1]?.fate).toMatchObject({ kind: 'failed' });
    expect(sender.closed).toHaveLength(1);
    expect(sender.closed[0]).toBeInstanceOf(LinkDetachedError);
    expect(sender.link.isOpen).toBe(false);
    expect(await peer.next('detach')).toMatchObject({ closed: true });
    expect(peer.violations).toEqual([]);
  });

  it('a detach that keeps the terminus is answered so', async () => {
    const { peer, sender } = await bench.sender();
    peer.connection.links[0]?.detach({ closed: false });
    expect((await peer.next('detach')).closed ?? false).toBe(false);
    await eventually('told', () => sender.closed.length === 1);
  });

  it('our detach waits for the outcomes, then says so', async () => {
    const { peer, sender } = await bench.sender(leaveUnsettled);
    const transfer = sender.post('x');
    await peer.nextDelivery();
    const detached = sender.link.detach({ closed: true, timeoutMs: 2_000 });
    expect(sender.link.isOpen).toBe(false);
    await turn();
    expect(peer.seen('detach')).toEqual([]);
    peer.connection.session().dispose({ first: 0 }, { kind: 'accepted' });
    expect(await transfer.fate).toMatchObject({ kind: 'settled' });
    await detached;
    expect(peer.seen('detach')).toMatchObject([{ closed: true }]);
    expect(sender.closed).toEqual([]);
    expect(peer.violations).toEqual([]);
  });

  it('our detach does not wait for ever: what has no outcome then fails', async () => {
    const { peer, sender, session } = await bench.sender(leaveUnsettled);
    const transfer = sender.post('x');
    await peer.nextDelivery();
    await sender.link.detach({ closed: false, timeoutMs: 50, error: { condition: 'app:tired', description: 'bye' } });
    const detach = await peer.next('detach');
    expect(detach.closed ?? false).toBe(false);
    expect(detach.error).toMatchObject({ condition: 'app:tired', description: 'bye' });
    expect(await transfer.fate).toMatchObject({ kind: 'failed', written: true });
    expect(sender.closed).toEqual([]);
    await eventually('the link is gone', () => session.linkCount === 0);
    // A late outcome finds nobody.
    peer.connection.session().dispose({ first: 0 }, { kind: 'accepted' });
    await TestSender.attach(session);
    expect(transfer.told).toBe(1);
  });

  it('a detach in the middle of a message ends in time', async () => {
    const { peer, sender } = await bench.sender({
      open: { maxFrameSize: 512 },
      begin: { incomingWindow: 2 },
      incomingWindow: 2,
      on: { transfer: () => undefined },
    });
    const transfer = sender.post(Buffer.alloc(10_000));
    await peer.next('transfer');
    await sender.link.detach({ closed: true, timeoutMs: 100 });
    expect(await transfer.fate).toMatchObject({ kind: 'failed', written: true });
  });

  it('ends with its session, with the reason', async () => {
    const { peer, sender, session } = await bench.sender(leaveUnsettled);
    const transfer = sender.post('x');
    await peer.nextDelivery();
    peer.connection.session().end({ kind: 'error', condition: 'amqp:internal-error', description: 'oops' });
    expect(await transfer.fate).toMatchObject({ kind: 'failed', error: { condition: 'amqp:internal-error' } });
    expect(sender.closed).toMatchObject([{ condition: 'amqp:internal-error' }]);
    expect(session.isOpen).toBe(false);
    await peer.next('end');
  });

  it('10 000 unsettled messages and one that is never settled block nobody', async () => {
    const { peer, sender } = await bench.sender({
      credit: 40_000,
      verdict: (delivery) => (delivery.deliveryId === 0 ? undefined : { kind: 'accepted' }),
    });
    const first = sender.post('never settled');
    for (let round = 0; round < 4; round += 1) {
      const transfers = Array.from({ length: 5_000 }, () => sender.post('x'));
      // oxlint-disable-next-line no-await-in-loop -- in rounds
      await Promise.all(transfers.map((transfer) => transfer.fate));
    }
    expect(sender.link.unsettledCount).toBe(1);
    peer.connection.session().dispose({ first: 0 }, { kind: 'released' });
    expect(await first.fate).toMatchObject({ outcome: { kind: 'released' } });
  }, 30_000);
});
