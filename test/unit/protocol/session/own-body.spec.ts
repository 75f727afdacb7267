import { describe, expect, it } from '@jest/globals';
import { Duplex } from 'node:stream';
import { FLOW } from '../../../../lib/protocol/frames/performatives.js';
import { writeFlow } from '../../../../lib/protocol/frames/write-performatives.js';
import type { AmqpMessage } from '../../../../lib/protocol/message/amqp-message.js';
import { Plane } from '../../../../lib/protocol/session/plane.js';
import type { PlaneSender } from '../../../../lib/protocol/session/sender.js';
import { Writer } from '../../../../lib/protocol/socket/writer.js';

/** Where frames go. `gathering`: as a socket, it takes many pieces at once. */
class Sink extends Duplex {
  readonly chunks: Buffer[] = [];

  constructor(gathering: boolean) {
    const chunks: Buffer[] = [];
    const writev = (all: readonly { chunk: Buffer }[], done: () => void): void => {
      for (const { chunk } of all) chunks.push(chunk);
      done();
    };
    super({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => writev([{ chunk }], done),
      ...(gathering ? { writev } : {}),
    });
    this.chunks = chunks;
  }
}

/** A link with credit on a plane whose peer takes frames of `maxFrameSize`. */
function senderOn(stream: Duplex, maxFrameSize: number): { readonly writer: Writer; readonly sender: PlaneSender } {
  const writer = new Writer(stream);
  const plane = new Plane(writer, { handleMax: 10, detach: () => undefined });
  const windows = { incomingWindow: 20_000, outgoingWindow: 20_000, nextOutgoingId: 0 };
  plane.received(0, { kind: 'open', containerId: 'peer', maxFrameSize });
  plane.sent(4, { kind: 'begin', ...windows });
  plane.received(7, { kind: 'begin', remoteChannel: 4, ...windows });
  const session = plane.sessionByLocalChannel(4);
  if (session === undefined) throw new Error('no session');
  const sender = session.createSender({
    name: 'link',
    address: 'q',
    settleMode: 'unsettled',
    onSendable: () => undefined,
    onClosed: () => undefined,
  });
  plane.sent(4, { kind: 'attach', role: 'sender', name: 'link', handle: 3, initialDeliveryCount: 0 });
  plane.received(7, { kind: 'attach', role: 'receiver', name: 'link', handle: 3 });
  const flow = Buffer.alloc(128);
  const counts = { nextIncomingId: 0, incomingWindow: 20_000, nextOutgoingId: 0, outgoingWindow: 0 };
  const end = writeFlow(flow, 0, 7, counts, { handle: 3, deliveryCount: 0, credit: 10, draining: false });
  plane.data(FLOW, 7, flow, 8, end);
  return { writer, sender };
}

function written(message: AmqpMessage, ownBody: Buffer | undefined, maxFrameSize: number, gathering = true): Buffer[] {
  const sink = new Sink(gathering);
  const { writer, sender } = senderOn(sink, maxFrameSize);
  const one = { message, ownBody, settled: () => undefined, failed: () => undefined };
  expect(sender.send(one)).toBe(true);
  expect(sender.send({ ...one, message: { body: 'the next', bodyType: 'data' } })).toBe(true);
  writer.flush();
  return sink.chunks;
}

const SECTIONS: readonly [string, Partial<AmqpMessage>][] = [
  ['few sections', { properties: { messageId: 'm-1' } }],
  ['sections that fill frames', { applicationProperties: { text: 'y'.repeat(2_000) } }],
  ['a footer', { footer: { 'x-hash': 'abc' } }],
];

describe('a body that nobody writes into', () => {
  describe.each(SECTIONS)('with %s', (_name, sections) => {
    it.each([
      [512, 20_000],
      [9_000, 20_000],
      [65_536, 65_536],
      [131_072, 65_536],
      [262_144, 600_000],
    ])('gives the frames that a copied one gives: frames of %i, %i bytes', (maxFrameSize, size) => {
      const body = Buffer.alloc(size, 'abcdefghijk');
      const message: AmqpMessage = { ...sections, body, bodyType: 'data' };
      const copied = Buffer.concat(written(message, undefined, maxFrameSize, false));
      expect(Buffer.concat(written(message, body, maxFrameSize)).equals(copied)).toBe(true);
      expect(Buffer.concat(written(message, body, maxFrameSize, false)).equals(copied)).toBe(true);
      expect(Buffer.concat(written(message, undefined, maxFrameSize)).equals(copied)).toBe(true);
    });
  });

  it('goes to a stream that gathers as it is, and whole frames to one that does not', () => {
    const body = Buffer.alloc(20_000, 'x');
    const message: AmqpMessage = { body, bodyType: 'data' };
    expect(written(message, body, 65_536).some((chunk) => chunk.buffer === body.buffer)).toBe(true);
    expect(written(message, body, 65_536, false)).toHaveLength(1);
  });

  it('is copied when it is not the body any more', () => {
    const body = Buffer.alloc(20_000, 'x');
    const other = Buffer.alloc(20_000, 'y');
    const chunks = written({ body: other, bodyType: 'data' }, body, 65_536);
    expect(chunks.some((chunk) => chunk.buffer === body.buffer || chunk.buffer === other.buffer)).toBe(false);
    expect(Buffer.concat(chunks).includes(other)).toBe(true);
  });
});
