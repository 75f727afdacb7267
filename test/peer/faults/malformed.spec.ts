// A peer that writes nonsense on an open connection. Each case may cost the link, the session or the connection, never the process, and what
// comes after works: the library reconnects, sends and receives.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection, SendError, type StatusEvent } from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import {
  ScriptedPeer,
  described,
  encodeFrame,
  rawFrame,
  wire,
  type PeerConnection,
  type PeerLink,
} from '../../support/scripted-peer.js';

interface Wires {
  readonly via: PeerConnection;
  readonly sender: PeerLink;
  readonly receiver: PeerLink;
}

type Case = readonly [string, (wires: Wires) => Buffer | Buffer[]];

const { encode, Raw, Described, ulong, uint, symbol } = wire;
const performative = (code: number, ...fields: unknown[]): Buffer => encode(new Described(ulong(code), fields));
const u32 = (value: number): number[] => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const transfer = (
  { receiver }: Wires,
  fields: object = {},
  body: Buffer = Buffer.from([0, 0x53, 0x75, 0xa0, 1, 65]),
): Buffer =>
  encodeFrame(
    'transfer',
    receiver.session.channel,
    { handle: receiver.handle, deliveryId: 0xffff_fffd, deliveryTag: Buffer.from('t'), messageFormat: 0, ...fields },
    body,
  );
const flow = ({ sender }: Wires, fields: object): Buffer =>
  encodeFrame('flow', sender.session.channel, {
    nextIncomingId: sender.session.nextIncomingId,
    incomingWindow: 100,
    nextOutgoingId: sender.session.nextOutgoingId,
    outgoingWindow: 100,
    ...fields,
  });
const disposition = ({ sender }: Wires, fields: object): Buffer =>
  encodeFrame('disposition', sender.session.channel, { role: true, first: 0, settled: true, ...fields });
const nested = (depth: number): Buffer => {
  let value = encode(null);
  for (let level = 0; level < depth; level += 1) {
    value = Buffer.concat([Buffer.from([0xd0, ...u32(value.length + 4), ...u32(1)]), value]);
  }
  return value;
};

const framing: readonly Case[] = [
  ['a frame of 0 bytes', () => rawFrame(Buffer.alloc(8), { size: 0 })],
  ['a frame of 1 byte', () => rawFrame(Buffer.alloc(8), { size: 1 })],
  ['a frame of 7 bytes', () => rawFrame(Buffer.alloc(8), { size: 7 })],
  ['a frame one byte over the limit', () => rawFrame(Buffer.alloc(8), { size: 65_537 })],
  ['a frame of 2 GiB', () => rawFrame(Buffer.alloc(8), { size: 0x7fff_ffff })],
  ['a frame of 4 GiB', () => rawFrame(Buffer.alloc(8), { size: 0xffff_ffff })],
  ['a data offset of 0', () => rawFrame(performative(0x13), { doff: 0 })],
  ['a data offset of 1', () => rawFrame(performative(0x13), { doff: 1 })],
  ['a data offset beyond the frame', () => rawFrame(performative(0x13), { doff: 255 })],
  ['a frame of an unknown type', () => rawFrame(performative(0x13), { type: 2 })],
  ['a SASL frame', () => encodeFrame('outcome', 0, { code: 0 })],
  ['a protocol header', () => Buffer.from('AMQP\x00\x01\x00\x00', 'latin1')],
  [
    'a channel that was never begun',
    () => encodeFrame('flow', 65_535, { incomingWindow: 1, nextOutgoingId: 0, outgoingWindow: 1 }),
  ],
  [
    'bytes behind the performative',
    () => Buffer.concat([rawFrame(Buffer.concat([performative(0x17), Buffer.from('junk')]))]),
  ],
  ['a thousand empty frames', () => Array.from({ length: 1_000 }, () => rawFrame(Buffer.alloc(0)))],
];

const values: readonly Case[] = [
  ['a body that is no value', () => rawFrame(Buffer.from([0xff, 0xff]))],
  ['a body that is not described', () => rawFrame(encode('hello'))],
  ['an unknown descriptor', () => rawFrame(performative(0x99))],
  ['a descriptor that is a symbol', () => rawFrame(encode(new Described(symbol('__proto__'), [])))],
  ['a descriptor that is a list', () => rawFrame(encode(new Described([], [])))],
  ['a descriptor that is described', () => rawFrame(encode(new Described(new Described(1, 1), [])))],
  ['a message section in place of a performative', () => rawFrame(encode(new Described(0x77, 'x')))],
  ['a list with too many fields', () => rawFrame(performative(0x17, null, ...Array.from({ length: 200 }, () => 1)))],
  ['fields of wrong types', () => rawFrame(performative(0x13, 'a', 'b', 'c', 'd', 'e'))],
  ['no mandatory field', () => rawFrame(performative(0x14))],
  [
    'a list with more items than bytes',
    () => rawFrame(Buffer.concat([Buffer.from([0, 0x53, 0x17, 0xd0, ...u32(4), ...u32(0x7fff_ffff)])])),
  ],
  [
    'a list that is larger than the frame',
    () => rawFrame(Buffer.from([0, 0x53, 0x17, 0xd0, ...u32(0x00ff_ffff), ...u32(1), 0x40])),
  ],
  [
    'an array of 4 billion nulls',
    () => rawFrame(Buffer.from([0, 0x53, 0x17, 0xc0, 12, 1, 0xf0, ...u32(5), ...u32(0xffff_ffff), 0x40])),
  ],
  ['lists nested 2 000 deep', () => rawFrame(Buffer.concat([Buffer.from([0, 0x53, 0x17]), nested(2_000)]))],
  ['a string of 4 GiB', () => rawFrame(Buffer.from([0, 0x53, 0x17, 0xc0, 7, 1, 0xb1, ...u32(0xffff_ffff)]))],
  ['a map with an odd count', () => rawFrame(Buffer.from([0, 0x53, 0x17, 0xc1, 3, 1, 0x41]))],
];

const sequence: readonly Case[] = [
  ['a second open', () => encodeFrame('open', 0, { containerId: 'again' })],
  [
    'a begin for a channel of nobody',
    () => encodeFrame('begin', 7, { remoteChannel: 7, nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 }),
  ],
  [
    'a begin without a remote channel',
    () => encodeFrame('begin', 9, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 }),
  ],
  [
    'a second begin',
    ({ sender }) =>
      encodeFrame('begin', sender.session.channel, {
        remoteChannel: sender.session.channel,
        nextOutgoingId: 0,
        incomingWindow: 1,
        outgoingWindow: 1,
      }),
  ],
  [
    'an attach of its own',
    ({ sender }) => encodeFrame('attach', sender.session.channel, { name: 'mine', handle: 9, role: true }),
  ],
  [
    'a second attach',
    ({ sender }) =>
      encodeFrame('attach', sender.session.channel, { name: sender.name, handle: sender.handle, role: true }),
  ],
  ['a detach of nothing', ({ sender }) => encodeFrame('detach', sender.session.channel, { handle: 99, closed: true })],
  ['an end of nothing', () => encodeFrame('end', 55)],
  ['two closes', () => [encodeFrame('close', 0), encodeFrame('close', 0)]],
  ['a transfer on no link', (wires) => transfer(wires, { handle: 77 })],
  [
    'a transfer on a link that sends',
    (wires) =>
      encodeFrame('transfer', wires.sender.session.channel, {
        handle: wires.sender.handle,
        deliveryId: 0xffff_fffd,
        deliveryTag: Buffer.from('t'),
      }),
  ],
  ['a transfer without an id', (wires) => transfer(wires, { deliveryId: undefined })],
  ['a transfer without a tag', (wires) => transfer(wires, { deliveryTag: undefined })],
  ['a tag of 33 bytes', (wires) => transfer(wires, { deliveryTag: Buffer.alloc(33) })],
  ['a gap in the delivery ids', (wires) => [transfer(wires), transfer(wires, { deliveryId: 5 })]],
  ['the same delivery id twice', (wires) => [transfer(wires), transfer(wires)]],
  [
    'transfers beyond the credit',
    (wires) =>
      Array.from({ length: 400 }, (_, index) =>
        transfer(wires, { deliveryId: (0xffff_fffd + index) >>> 0, settled: index % 2 === 0 }),
      ),
  ],
  [
    'a delivery inside another',
    (wires) => [transfer(wires, { more: true }), transfer(wires, { deliveryId: 0xffff_fffe })],
  ],
  ['an aborted transfer', (wires) => [transfer(wires, { more: true }), transfer(wires, { aborted: true })]],
  ['a resumed transfer', (wires) => transfer(wires, { resume: true })],
  ['a disposition of the future', (wires) => disposition(wires, { first: 1_000, state: { kind: 'accepted' } })],
  [
    'a disposition of everything',
    (wires) => disposition(wires, { first: 0, last: 0xffff_ffff, state: { kind: 'accepted' } }),
  ],
  [
    'a disposition that runs backwards',
    (wires) => disposition(wires, { first: 10, last: 2, state: { kind: 'accepted' } }),
  ],
  ['a disposition in the wrong role', (wires) => disposition(wires, { role: false, state: { kind: 'accepted' } })],
  ['a disposition with an unknown state', (wires) => disposition(wires, { state: new Described(0x99, []) })],
  ['a flow for no link', (wires) => flow(wires, { handle: 99, deliveryCount: 0, linkCredit: 1 })],
  ['a flow without a delivery-count', (wires) => flow(wires, { handle: wires.sender.handle, linkCredit: 5 })],
  [
    'a flow with all the credit there is',
    (wires) => flow(wires, { handle: wires.sender.handle, deliveryCount: 0, linkCredit: 0xffff_ffff }),
  ],
  ['a flow with no window', (wires) => [flow(wires, { incomingWindow: 0 }), flow(wires, { incomingWindow: 2_048 })]],
  ['a flow from another time', (wires) => flow(wires, { nextIncomingId: 0x7000_0000 })],
  ['a storm of echoes', (wires) => Array.from({ length: 500 }, () => flow(wires, { echo: true }))],
];

const messages: readonly Case[] = [
  ['an empty message', (wires) => transfer(wires, {}, Buffer.alloc(0))],
  ['a body that is cut off', (wires) => transfer(wires, {}, Buffer.from([0, 0x53, 0x75, 0xb0, 0, 0, 1, 0, 65]))],
  ['an unknown section', (wires) => transfer(wires, {}, encode(new Described(0x7f, 'x')))],
  ['a section that is no section', (wires) => transfer(wires, {}, encode('plain'))],
  ['properties of wrong types', (wires) => transfer(wires, {}, encode(new Described(0x73, [1, 'a', 2, 3, 4, 5, 6])))],
  ['a header that is a map', (wires) => transfer(wires, {}, encode(new Described(0x70, { durable: true })))],
  [
    'sections out of order',
    (wires) => transfer(wires, {}, Buffer.concat([encode(new Described(0x77, 1)), encode(new Described(0x70, []))])),
  ],
  [
    'a list of 2^31 items as body',
    (wires) => transfer(wires, {}, Buffer.from([0, 0x53, 0x77, 0xd0, ...u32(4), ...u32(0x7fff_ffff)])),
  ],
  [
    'a value nested 2 000 deep',
    (wires) => transfer(wires, {}, Buffer.concat([Buffer.from([0, 0x53, 0x77]), nested(2_000)])),
  ],
  ['bytes that are not UTF-8', (wires) => transfer(wires, {}, Buffer.from([0, 0x53, 0x77, 0xa1, 2, 0xff, 0xfe]))],
  [
    'JSON that is none',
    (wires) =>
      transfer(
        wires,
        {},
        Buffer.concat([
          encode(described('source', {})).subarray(0, 0),
          encode(new Described(0x73, [null, null, null, null, null, null, symbol('application/json')])),
          encode(new Described(0x75, Buffer.from('{"a":'))),
        ]),
      ),
  ],
  [
    'keys that are dangerous',
    (wires) =>
      transfer(
        wires,
        {},
        encode(
          new Described(
            0x74,
            new Map([
              ['__proto__', uint(1)],
              ['constructor', uint(2)],
            ]),
          ),
        ),
      ),
  ],
  ['a raw hole in the middle', (wires) => transfer(wires, {}, encode(new Described(0x75, new Raw([0x3f]))))],
];

let peer: ScriptedPeer;
let connection: AmqpConnection;
let events: StatusEvent[];

beforeEach(async () => {
  peer = await ScriptedPeer.listen();
  connection = new AmqpConnection({
    uri: peer.uri,
    reconnect: { initialDelayMs: 2, maxDelayMs: 10 },
    refusedRetryMs: 20,
  });
  events = [];
  connection.on('status', (event) => events.push(event));
  await connection.open();
});

afterEach(async () => {
  await connection.close({ timeoutMs: 500 });
  await peer.close();
});

describe.each([
  ['frames', framing],
  ['values', values],
  ['sequences', sequence],
  ['messages', messages],
] as const)('malformed %s', (kind, cases) => {
  it.each(cases as Case[])('%s: the process lives, and the next message goes both ways', async (_what, make) => {
    const orders = connection.createSendClient('orders', { sendTimeoutMs: 4_000 });
    const bodies: unknown[] = [];
    const subscription = connection
      .createReceiveClient('replies')
      .subscribe((message) => void bodies.push(message.body), {
        errorPolicy: () => ({ kind: 'settle', outcome: { kind: 'released' } }),
      });
    const receiver = await peer.nextLink('receiver');
    await receiver.creditAtLeast(1);
    await orders.send('before');
    const sender = await peer.nextLink('sender');
    const { connection: via } = peer;
    const bytes = make({ via, sender, receiver });
    for (const part of Array.isArray(bytes) ? bytes : [bytes]) via.write(part);

    // Whether it cost anything or not: this is behind it.
    via.write(
      encodeFrame('flow', sender.session.channel, {
        nextIncomingId: sender.session.nextIncomingId,
        incomingWindow: 2_048,
        nextOutgoingId: receiver.session.nextOutgoingId,
        outgoingWindow: 100,
        echo: true,
      }),
    );
    await orders.send('meanwhile').catch((error: unknown) => expect(error).toBeInstanceOf(SendError));
    await orders.send('after');
    await eventually('the subscription runs', () => subscription.state === 'running');
    const link = (): PeerLink | undefined => peer.connection.links.find(({ clientRole }) => clientRole === 'receiver');
    await eventually('credit', () => (link()?.credit ?? 0) > 0);
    if (kind === 'messages') {
      // It cost nothing but itself.
      expect(peer.connections).toHaveLength(1);
      expect(peer.seen('attach')).toHaveLength(2);
      await peer.until('its outcome', () => receiver.session.unsettled.size === 0);
    }
    for (const { cause } of events) if (cause !== undefined) expect(cause).toBeInstanceOf(Error);
    expect(peer.violations.filter((fault) => !/disposition of delivery/.test(fault))).toEqual([]);
  });
});
