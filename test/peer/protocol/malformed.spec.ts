import { afterEach, describe, expect, it } from '@jest/globals';
import { ConnectionError } from '../../../lib/protocol/errors.js';
import { eventually } from '../../support/eventually.js';
import { encodeFrame, rawFrame } from '../../support/scripted-peer.js';
import { Bench, TestReceiver, TestSender, data } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const body = (text: string): Buffer => rawFrame(hex(text));
const transfer = (fields: Parameters<typeof encodeFrame<'transfer'>>[2]): Buffer =>
  encodeFrame('transfer', 0, fields, data('x'));
const flow = { nextIncomingId: 0, incomingWindow: 1, nextOutgoingId: 0, outgoingWindow: 1 };

/** Handle 0 is a link of ours that sends, handle 1 one that receives, on channel 0. */
const CASES: [string, Buffer][] = [
  ['a frame of 4 GB', hex('ffffffff 02000000')],
  ['a frame of 3 bytes', hex('00000003 02000000')],
  ['a data offset of 4', hex('0000000c 01000000 00531845')],
  ['a data offset behind the frame', hex('0000000c ff000000 00531845')],
  ['an unknown frame type', rawFrame(hex('00531845'), { type: 7 })],
  ['a SASL frame', rawFrame(hex('00534045'), { type: 1 })],
  ['a second protocol header', hex('414d5150 00010000')],
  ['a body that is not described', body('40')],
  ['an unknown performative', body('00537f45')],
  ['a symbol for a performative', body('00a305 6f70656e 21 45')],
  ['a message section in place of a performative', body('00537040')],
  ['a second open', encodeFrame('open', 0, { containerId: 'again' })],
  [
    'a begin that answers nothing',
    encodeFrame('begin', 5, { remoteChannel: 9, nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 }),
  ],
  [
    'a second begin',
    encodeFrame('begin', 0, { remoteChannel: 0, nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 }),
  ],
  ['a session of the peer', encodeFrame('begin', 5, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 })],
  ['an attach that nobody asked for', encodeFrame('attach', 0, { name: 'evil', handle: 9, role: true })],
  ['an attach on a handle in use', encodeFrame('attach', 0, { name: 'sender', handle: 1, role: true })],
  ['a second attach', encodeFrame('attach', 0, { name: 'sender', handle: 8, role: true })],
  ['an attach over our handle-max', encodeFrame('attach', 0, { name: 'evil', handle: 70_000, role: true })],
  ['an attach on an unknown channel', encodeFrame('attach', 9, { name: 'x', handle: 0, role: true })],
  ['a detach of an unknown handle', encodeFrame('detach', 0, { handle: 9 })],
  ['an end of an unknown channel', encodeFrame('end', 9)],
  [
    'a transfer on an unknown channel',
    encodeFrame('transfer', 9, { handle: 1, deliveryId: 1, deliveryTag: Buffer.from('t') }),
  ],
  ['a transfer on an unknown handle', transfer({ handle: 9, deliveryId: 1, deliveryTag: Buffer.from('t') })],
  ['a transfer on a link of ours that sends', transfer({ handle: 0, deliveryId: 1, deliveryTag: Buffer.from('t') })],
  ['a transfer without a handle', transfer({ deliveryId: 1, deliveryTag: Buffer.from('t') })],
  ['a transfer without a delivery-id', transfer({ handle: 1, deliveryTag: Buffer.from('t') })],
  ['a tag of 33 bytes', transfer({ handle: 1, deliveryId: 1, deliveryTag: Buffer.alloc(33) })],
  ['a flow on an unknown channel', encodeFrame('flow', 9, flow)],
  ['a flow on an unknown handle', encodeFrame('flow', 0, { ...flow, handle: 9, linkCredit: 1 })],
  ['a flow without windows', body('005313 c00301 43 40')],
  ['a disposition on an unknown channel', encodeFrame('disposition', 9, { role: true, first: 0 })],
  ['a disposition without first', body('005315 c00201 41')],
  ['a disposition cut short', body('005315 c00205')],
  ['a list that lies about its count', body('005316 c0030f 5200')],
  ['a list longer than its frame', body('005314 d0ffffff00 00000001 43')],
  ['a list with bytes left over', body('005313 c00a04 43 43 43 43 43 43 43 43 43')],
  ['a map of 2^32 entries', body('005316 d10000000a ffffffff 41404000')],
  ['an array of 2^32 nothings', body('005310 c00e01 f0000000 09ffffffff40404040')],
  ['a string where a number belongs', body('005314 c00401 a1 01 61')],
  ['null for a mandatory field', body('005312 c00403 404040')],
];

describe('what no peer may send', () => {
  it.each(CASES)(
    '%s closes the connection with a typed error and a CLOSE, and crashes nothing',
    async (_what, bytes) => {
      const { peer, session, lost } = await bench.session({ verdict: () => undefined });
      const sender = await TestSender.attach(session);
      const receiver = await TestReceiver.attach(session);
      receiver.link.setPrefetch(5);
      const pending = sender.post('x');
      await peer.nextDelivery();
      await peer.connection.links[1]?.creditAtLeast(5);
      // Behind an empty frame, so that the peer does not decode its own bytes for its records.
      peer.connection.write(Buffer.concat([rawFrame(Buffer.alloc(0)), bytes]));
      const close = await peer.next('close');
      expect(close.error?.condition).toMatch(/^amqp:/);
      expect(lost).toHaveLength(1);
      expect(lost[0]).toBeInstanceOf(ConnectionError);
      expect(lost[0]).toMatchObject({ code: 'protocol-error', condition: close.error?.condition });
      expect(await pending.fate).toMatchObject({ kind: 'failed', written: true, error: { code: 'protocol-error' } });
      expect(sender.closed).toHaveLength(1);
      expect(receiver.closed).toHaveLength(1);
      await eventually('the stream is closed', () => peer.connection.isClosed);
    },
  );

  it('a delivery that is not finished before the next is one too', async () => {
    const { peer, session, lost } = await bench.session();
    const receiver = await TestReceiver.attach(session);
    receiver.link.setPrefetch(5);
    const link = peer.connection.links[0];
    await link?.creditAtLeast(5);
    link?.send(data('a'), { unfinished: true });
    link?.send(data('b'));
    await peer.next('close');
    expect(lost).toMatchObject([{ code: 'protocol-error', condition: 'amqp:invalid-field' }]);
    expect(receiver.arrivals).toEqual([]);
  });

  it('a flood of empty frames is only read', async () => {
    const { peer, connection, lost } = await bench.session();
    const empty = rawFrame(Buffer.alloc(0));
    peer.connection.write(Buffer.concat(Array.from({ length: 20_000 }, () => empty)));
    await connection.close({ timeoutMs: 2_000 });
    expect(lost).toEqual([]);
  });
});
