import { describe, expect, it } from '@jest/globals';
import {
  ABSENT,
  ACCEPTED_STATE,
  DispositionReader,
  FlowReader,
  OTHER_STATE,
  REJECTED_STATE,
  TransferReader,
} from '../../../../lib/protocol/frames/performatives.js';
import { FramingError, describedStart } from '../../../../lib/protocol/frames/scan.js';
import {
  closeFrame,
  writeDisposition,
  writeFlow,
  writeTransferHead,
  writeTransferPart,
} from '../../../../lib/protocol/frames/write-performatives.js';
import { encodeOutcome, readState } from '../../../../lib/protocol/session/delivery-state.js';
import { decodeFrame, encodeFrame } from '../../../support/scripted-peer.js';

const NUMBERS = [0, 1, 127, 128, 255, 256, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** A reader over the body of a whole frame. */
function body(frame: Buffer): [Buffer, number, number] {
  return [frame, describedStart(frame, 8), frame.length];
}

describe('TRANSFER', () => {
  it.each(NUMBERS)('is written so that another codec reads it: %d', (number) => {
    const buffer = Buffer.alloc(200, 0xee);
    const head = writeTransferHead(buffer, 10, 513, number, number, number, number % 2 === 0, false, undefined);
    buffer.write('abc', head);
    closeFrame(buffer, 10, head + 3);
    expect(decodeFrame(buffer.subarray(10, head + 3))).toMatchObject({
      performative: 'transfer',
      channel: 513,
      handle: number,
      deliveryId: number,
      messageFormat: number,
      settled: number % 2 === 0,
      payload: Buffer.from('abc'),
    });
  });

  it('carries a state of any size, and later parts say only what they must', () => {
    for (const size of [1, 100, 179, 180, 300, 5_000]) {
      const state = Buffer.concat([
        Buffer.from([0, 0x53, 0x34, 0xd0, 0, 0, 0, 0, 0, 0, 0, 1, 0xb0, 0, 0, 0, 0]),
        Buffer.alloc(size, 1),
      ]);
      state.writeUInt32BE(size + 9, 4);
      state.writeUInt32BE(size, 13);
      const buffer = Buffer.alloc(6_000);
      const end = writeTransferHead(buffer, 0, 1, 2, 3, 0, false, true, state);
      closeFrame(buffer, 0, end);
      expect(decodeFrame(buffer.subarray(0, end))).toMatchObject({
        more: true,
        state: { kind: 'transactional', txnId: Buffer.alloc(size, 1) },
      });
    }
    const buffer = Buffer.alloc(100);
    const end = writeTransferPart(buffer, 0, 1, 2, false, true, true);
    closeFrame(buffer, 0, end);
    const frame = decodeFrame(buffer.subarray(0, end));
    expect(frame).toMatchObject({ handle: 2, more: true, aborted: true });
    expect(frame).not.toHaveProperty('deliveryId');
  });

  it.each(NUMBERS)('of another codec is read: %d', (number) => {
    const reader = new TransferReader();
    const frame = encodeFrame(
      'transfer',
      9,
      {
        handle: number,
        deliveryId: number,
        deliveryTag: Buffer.alloc(number % 33, 7),
        messageFormat: number,
        settled: true,
        more: true,
        rcvSettleMode: 0,
        aborted: true,
      },
      Buffer.from('p'),
    );
    const payload = reader.read(...body(frame));
    expect(frame.subarray(payload).toString()).toBe('p');
    expect(reader).toMatchObject({
      handle: number,
      deliveryId: number,
      messageFormat: number,
      settled: true,
      more: true,
      aborted: true,
    });
    expect(frame.subarray(reader.tagStart, reader.tagEnd)).toEqual(Buffer.alloc(number % 33, 7));
  });

  it('says what is absent after a frame that had everything', () => {
    const reader = new TransferReader();
    reader.read(
      ...body(
        encodeFrame('transfer', 0, {
          handle: 1,
          deliveryId: 2,
          deliveryTag: Buffer.from('t'),
          messageFormat: 3,
          settled: true,
          more: true,
          state: { kind: 'accepted' },
          aborted: true,
        }),
      ),
    );
    reader.read(...body(encodeFrame('transfer', 0, { handle: 4 })));
    expect(reader).toMatchObject({
      handle: 4,
      deliveryId: ABSENT,
      messageFormat: ABSENT,
      settled: false,
      more: false,
      aborted: false,
      tagStart: 0,
      tagEnd: 0,
      stateStart: 0,
      stateEnd: 0,
    });
  });

  it('cut at any byte is a framing error, never a read past the end', () => {
    const frame = encodeFrame('transfer', 0, {
      handle: 300,
      deliveryId: 70_000,
      deliveryTag: Buffer.alloc(5),
      messageFormat: 1,
      settled: false,
      more: true,
      rcvSettleMode: 0,
      state: { kind: 'rejected', error: { kind: 'error', condition: 'a:b' } },
      aborted: false,
    });
    const reader = new TransferReader();
    for (let end = describedStart(frame, 8); end < frame.length; end += 1)
      expect(() => reader.read(frame.subarray(0, end), describedStart(frame, 8), end)).toThrow(FramingError);
  });
});

describe('DISPOSITION', () => {
  it.each(NUMBERS)('goes round: %d', (number) => {
    const buffer = Buffer.alloc(100);
    const last = (number + 5) >>> 0;
    const end = writeDisposition(buffer, 0, 3, true, number, last, encodeOutcome({ kind: 'accepted' }));
    expect(decodeFrame(buffer.subarray(0, end))).toMatchObject({
      role: true,
      first: number,
      last,
      settled: true,
      state: { kind: 'accepted' },
    });
    const reader = new DispositionReader();
    reader.read(...body(buffer.subarray(0, end)));
    expect(reader).toMatchObject({ fromReceiver: true, first: number, last, settled: true, stateCode: ACCEPTED_STATE });
  });

  it.each([
    ['accepted', encodeOutcome({ kind: 'accepted' }), ACCEPTED_STATE],
    ['accepted with a list of none', Buffer.from('005324c00100', 'hex'), ACCEPTED_STATE],
    [
      'rejected with an error',
      encodeOutcome({ kind: 'rejected', condition: 'a:b', description: 'c'.repeat(400) }),
      REJECTED_STATE,
    ],
    [
      'a symbol for a descriptor',
      Buffer.concat([Buffer.from([0, 0xa3, 18]), Buffer.from('amqp:accepted:list'), Buffer.from([0x45])]),
      OTHER_STATE,
    ],
    ['a wide descriptor', Buffer.from('0080000000000000002445', 'hex'), OTHER_STATE],
  ])('the state %s is found and read', (what, state, code) => {
    const buffer = Buffer.alloc(1_000);
    const end = writeDisposition(buffer, 0, 0, true, 1, 1, state);
    const reader = new DispositionReader();
    reader.read(...body(buffer.subarray(0, end)));
    expect(reader.stateCode).toBe(code);
    const read = readState(reader.stateCode, buffer, reader.stateStart, reader.stateEnd);
    expect(read).toMatchObject({
      kind: 'outcome',
      outcome: { kind: what.startsWith('rejected') ? 'rejected' : 'accepted' },
    });
  });

  it('a state that cannot be read is an unknown one', () => {
    const garbage = Buffer.from('a10461c3c3c3', 'hex');
    expect(readState(OTHER_STATE, garbage, 0, garbage.length)).toMatchObject({ kind: 'unknown' });
    expect(readState(0x77, Buffer.from('00537745', 'hex'), 0, 4)).toMatchObject({ kind: 'unknown' });
  });
});

describe('FLOW', () => {
  const session = { nextIncomingId: 0xffff_ffff, incomingWindow: 5, nextOutgoingId: 0, outgoingWindow: 0x7fff_ffff };

  it('of a session and of a link is read by another codec, and by this one', () => {
    const buffer = Buffer.alloc(100);
    const reader = new FlowReader();
    let end = writeFlow(buffer, 0, 1, session, undefined);
    expect(decodeFrame(buffer.subarray(0, end))).toMatchObject(session);
    reader.read(...body(buffer.subarray(0, end)));
    expect(reader).toMatchObject({
      ...session,
      handle: ABSENT,
      deliveryCount: ABSENT,
      linkCredit: ABSENT,
      drain: false,
      echo: false,
    });
    end = writeFlow(buffer, 0, 1, session, { handle: 70_000, deliveryCount: 0xffff_fffb, credit: 256, draining: true });
    expect(decodeFrame(buffer.subarray(0, end))).toMatchObject({
      handle: 70_000,
      deliveryCount: 0xffff_fffb,
      linkCredit: 256,
      drain: true,
    });
    reader.read(...body(buffer.subarray(0, end)));
    expect(reader).toMatchObject({ handle: 70_000, deliveryCount: 0xffff_fffb, linkCredit: 256, drain: true });
  });

  it('with properties, and with the peer not having seen our begin', () => {
    const reader = new FlowReader();
    reader.read(
      ...body(
        encodeFrame('flow', 0, {
          incomingWindow: 1,
          nextOutgoingId: 2,
          outgoingWindow: 3,
          echo: true,
          properties: { a: 1 },
        }),
      ),
    );
    expect(reader).toMatchObject({ nextIncomingId: ABSENT, incomingWindow: 1, echo: true });
  });
});
