import { describe, expect, it } from '@jest/globals';
import { connectionLost } from '../../../../lib/protocol/amqp-error.js';
import {
  decodeControlFrame,
  encodeControlFrame,
  type ControlFrame,
} from '../../../../lib/protocol/frames/control-frames.js';
import { Framer } from '../../../../lib/protocol/frames/framer.js';
import { descriptorCode } from '../../../../lib/protocol/frames/scan.js';
import { ACCEPTED, type Outcome } from '../../../../lib/protocol/outcome.js';
import { Plane } from '../../../../lib/protocol/session/plane.js';
import type { PlaneDelivery } from '../../../../lib/protocol/session/delivery.js';
import type { PlaneReceiver } from '../../../../lib/protocol/session/receiver.js';
import type { PlaneSender } from '../../../../lib/protocol/session/sender.js';
import type { PlaneTransfer } from '../../../../lib/protocol/session/transfer.js';
import { Writer } from '../../../../lib/protocol/socket/writer.js';
import { duplexPair } from '../../../support/duplex-pair.js';
import { eventually } from '../../../support/eventually.js';

/** One side of a connection, driven by hand: what a control plane does, without one. */
class Side {
  readonly plane: Plane;
  readonly writer: Writer;
  onControl: (channel: number, frame: ControlFrame) => void = () => undefined;

  constructor(stream: ReturnType<typeof duplexPair>[0]) {
    this.writer = new Writer(stream);
    this.plane = new Plane(this.writer, {
      handleMax: 10,
      detach: (link, how) => this.say(link.session.channel, { kind: 'detach', handle: link.handle, ...how }),
    });
    const framer = new Framer(65_536, {
      header: () => undefined,
      frame: (buffer, start, size, bodyStart) => {
        const channel = buffer.readUInt16BE(start + 6);
        const code = descriptorCode(buffer, bodyStart, start + size);
        if (Plane.carries(code)) this.plane.data(code, channel, buffer, bodyStart, start + size);
        else {
          const frame = decodeControlFrame(buffer, bodyStart, start + size);
          this.plane.received(channel, frame);
          this.onControl(channel, frame);
        }
      },
    });
    stream.on('data', (chunk: Buffer) => framer.push(chunk));
  }

  say(channel: number, frame: ControlFrame): void {
    this.writer.append(encodeControlFrame(channel, frame));
    this.plane.sent(channel, frame);
  }
}

interface Pair {
  readonly client: Side;
  readonly server: Side;
  readonly sender: PlaneSender;
  readonly receiver: PlaneReceiver;
  readonly arrived: { readonly delivery: PlaneDelivery; readonly text: string }[];
  readonly drains: string[];
}

/** The side `from` sends to the other one. All counts start near 2^32 when `nearTheEnd`. */
async function pair(from: 'client' | 'server', nearTheEnd = false): Promise<Pair> {
  const [left, right] = duplexPair();
  const client = new Side(left);
  const server = new Side(right);
  const windows = { incomingWindow: 20_000, outgoingWindow: 20_000, nextOutgoingId: nearTheEnd ? 0xffff_fffe : 0 };
  const initialDeliveryCount = nearTheEnd ? 0xffff_fffd : 0;
  const arrived: Pair['arrived'] = [];
  const drains: string[] = [];
  const onClosed = (): void => undefined;
  const senderOptions = {
    name: 'link',
    address: 'q',
    settleMode: 'mixed',
    onSendable: () => drains.push('sendable'),
    onDrain: () => drains.push('drain'),
    onDrained: () => drains.push('drained'),
    onClosed,
  } as const;
  const receiverOptions = {
    name: 'link',
    address: 'q',
    maxMessageBytes: 10_000,
    onDelivery: (delivery: PlaneDelivery, bytes: Buffer, start: number, end: number) =>
      void arrived.push({ delivery, text: bytes.toString('latin1', start, end).slice(-3) }),
    onClosed,
  };
  const termini = { name: 'link', handle: 3, source: {}, target: {} };
  const sends = { kind: 'attach', role: 'sender', initialDeliveryCount, ...termini } as const;
  const receives = { kind: 'attach', role: 'receiver', ...termini } as const;
  server.onControl = (channel, frame) => {
    if (frame.kind === 'begin') server.say(7, { kind: 'begin', remoteChannel: channel, ...windows });
    if (frame.kind !== 'attach') return;
    // The acceptor's order: the peer's ATTACH is there before the link is.
    const session = server.plane.sessionByRemoteChannel(channel);
    if (from === 'client') session?.createReceiver(receiverOptions);
    else session?.createSender(senderOptions);
    server.say(7, from === 'client' ? receives : sends);
  };
  client.plane.received(0, { kind: 'open', containerId: 's', maxFrameSize: 512 });
  server.plane.received(0, { kind: 'open', containerId: 'c', maxFrameSize: 512 });
  client.say(4, { kind: 'begin', ...windows });
  const session = await eventually('a session', () => {
    const known = client.plane.sessionByLocalChannel(4);
    return known?.isOpen === true && known;
  });
  if (from === 'client') session.createSender(senderOptions);
  else session.createReceiver(receiverOptions);
  client.say(4, from === 'client' ? sends : receives);
  const serverSession = await eventually('the server has it', () => server.plane.sessionByLocalChannel(7));
  const [sending, receiving] = from === 'client' ? [session, serverSession] : [serverSession, session];
  const sender = await eventually('a sender', () => sending.link('sender', 'link'));
  const receiver = await eventually('a receiver', () => receiving.link('receiver', 'link'));
  if (sender.role !== 'sender' || receiver.role !== 'receiver') throw new Error('roles');
  await eventually('open', () => sender.isOpen && receiver.isOpen);
  if (nearTheEnd) sending.nextDeliveryId = sending.writtenUpTo = 0xffff_fffe;
  return { client, server, sender, receiver, arrived, drains };
}

function transfer(text: string, fates: unknown[], extra: Partial<PlaneTransfer> = {}): PlaneTransfer {
  return {
    message: { body: Buffer.from(text), bodyType: 'data' },
    settled: (outcome: Outcome | undefined, problem?: string) => void fates.push(problem ?? outcome?.kind),
    failed: (error, written) => void fates.push([error.code, written]),
    ...extra,
  };
}

describe.each(['client', 'server'] as const)('the %s sends to the other side', (from) => {
  it('in any size, both ways of settling, with every count going past 2^32', async () => {
    const { sender, receiver, arrived } = await pair(from, true);
    receiver.setPrefetch(3);
    const fates: unknown[] = [];
    const queue = Array.from({ length: 12 }, (_, index) =>
      transfer(`${'x'.repeat(index % 3 === 0 ? 2_000 : 5)}${String(index).padStart(3, '0')}`, fates, {
        presettled: index % 4 === 3,
      }),
    );
    await eventually('all gone', () => {
      while (queue[0] !== undefined && sender.send(queue[0])) queue.shift();
      for (const { delivery } of arrived) delivery.settle(ACCEPTED);
      return queue.length === 0 && fates.length === 12;
    });
    expect(arrived.map(({ text }) => text)).toEqual(
      Array.from({ length: 12 }, (_, index) => String(index).padStart(3, '0')),
    );
    expect(fates.filter((fate) => fate === 'accepted')).toHaveLength(9);
    expect(sender.unsettledCount).toBe(0);
    expect(sender.deliveryCount).toBe(9);
    expect(receiver.inHand).toBe(0);
  });

  it('a drain asks for what there is, then gives the credit back', async () => {
    const { sender, receiver, drains, arrived } = await pair(from);
    receiver.setPrefetch(5);
    await eventually('credit', () => sender.credit === 5);
    const fates: unknown[] = [];
    sender.send(transfer('one', fates));
    await receiver.drain({ signal: AbortSignal.timeout(2_000) });
    expect(drains).toEqual(['sendable', 'drain', 'drained']);
    expect([sender.credit, receiver.credit, arrived.length]).toEqual([0, 0, 1]);
  });

  it('a settlement within a transaction, and a declared one, reach whoever can take them', async () => {
    const { sender, receiver, arrived } = await pair(from);
    receiver.setPrefetch(5);
    await eventually('credit', () => sender.credit === 5);
    const fates: unknown[] = [];
    const taken: unknown[] = [];
    const transactionId = Buffer.from('t');
    sender.send(
      transfer('one', fates, {
        settledInTransaction: (id, outcome) => void taken.push(['settled', id, outcome?.kind]),
      }),
    );
    sender.send(transfer('two', fates));
    sender.send(transfer('tri', fates, { declared: (id) => void taken.push(['declared', id]) }));
    sender.send(transfer('fou', fates));
    await eventually('there', () => arrived.length === 4);
    arrived[0]?.delivery.settle(ACCEPTED, transactionId);
    arrived[1]?.delivery.settle(ACCEPTED, transactionId);
    arrived[2]?.delivery.declared(transactionId);
    arrived[3]?.delivery.declared(transactionId);
    await eventually('settled', () => sender.unsettledCount === 0);
    expect(taken).toEqual([
      ['settled', transactionId, 'accepted'],
      ['declared', transactionId],
    ]);
    expect(fates).toEqual(['accepted', expect.stringContaining('declared')]);
  });

  it('the transaction of a delivery is told', async () => {
    const { sender, receiver, arrived } = await pair(from);
    receiver.setPrefetch(5);
    await eventually('credit', () => sender.credit === 5);
    sender.send(transfer('one', [], { transactionId: Buffer.from('txn') }));
    sender.send(transfer('two', []));
    await eventually('there', () => arrived.length === 2);
    expect(arrived.map(({ delivery }) => delivery.transactionId?.toString())).toEqual(['txn', undefined]);
  });

  it('a message cut short by a detach is aborted, so that the other side keeps nothing of it', async () => {
    const { sender, receiver, arrived } = await pair(from);
    receiver.setPrefetch(5);
    await eventually('credit', () => sender.credit === 5);
    const fates: unknown[] = [];
    // More than the writer takes in one tick.
    sender.send(transfer('x'.repeat(3_000_000), fates));
    expect(sender.isIdle).toBe(false);
    sender.close({ condition: 'app:enough' });
    await eventually('over', () => !receiver.isOpen);
    expect(fates).toEqual([['detached', false]]);
    expect(arrived).toHaveLength(0);
    expect(receiver.inHand).toBe(0);
  });

  it('everything fails with the connection, oldest first, and tells what was handed to the stream', async () => {
    const { client, server, sender, receiver } = await pair(from);
    receiver.setPrefetch(5);
    await eventually('credit', () => sender.credit === 5);
    const fates: unknown[] = [];
    sender.send(transfer('one', fates));
    sender.send(transfer('two', fates));
    await new Promise((resolve) => setImmediate(resolve));
    sender.send(transfer('tri', fates));
    sender.send(transfer('fou', fates, { presettled: true }));
    const side = from === 'client' ? client : server;
    side.writer.close();
    side.plane.fail(connectionLost(undefined));
    side.plane.fail(connectionLost(undefined));
    const lost = 'connection-lost';
    expect(fates).toEqual([
      [lost, true],
      [lost, true],
      [lost, false],
      [lost, false],
    ]);
    expect(sender.send(transfer('late', fates))).toBe(false);
    expect(side.plane.sessionCount).toBe(0);
  });
});

describe('a session', () => {
  it('a link that the peer asked for and took back is not the one that is made later under its name', async () => {
    const [stream] = duplexPair();
    const { plane } = new Side(stream);
    const begin = { kind: 'begin', nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 } as const;
    plane.received(1, begin);
    plane.sent(2, { ...begin, remoteChannel: 1 });
    plane.received(1, { kind: 'attach', name: 'link', handle: 5, role: 'receiver' });
    plane.received(1, { kind: 'detach', handle: 5, closed: true });
    const link = plane.sessionByLocalChannel(2)?.createSender({
      name: 'link',
      address: 'q',
      settleMode: 'mixed',
      onSendable: () => undefined,
      onClosed: () => undefined,
    });
    expect(link?.isAttachReceived).toBe(false);
  });
});
