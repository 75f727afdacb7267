import { describe, expect, it } from '@jest/globals';
import { EncodingFailure } from '../../../../lib/protocol/errors.js';
import {
  type ControlFrame,
  decodeControlFrame,
  encodeControlFrame,
} from '../../../../lib/protocol/frames/control-frames.js';
import { FramingError } from '../../../../lib/protocol/frames/scan.js';
import { amqp } from '../../../../lib/protocol/types/amqp.js';
import { encodeValue } from '../../../../lib/protocol/types/encode.js';
import { Described } from '../../../../lib/protocol/types/typed.js';

/** The body of a frame as a peer would write it, from plain values. */
const body = (code: number, ...fields: unknown[]): Buffer => encodeValue(new Described(code, fields));
const decode = (bytes: Buffer): ControlFrame => decodeControlFrame(bytes, 0, bytes.length);
const uint = amqp.uint;
const symbol = amqp.symbol;

const OPEN = 0x10;
const BEGIN = 0x11;
const ATTACH = 0x12;
const DETACH = 0x16;
const END = 0x17;
const CLOSE = 0x18;

const attach = (...rest: unknown[]): Buffer => body(ATTACH, 'link', uint(0), false, ...rest);

describe('a control frame that a peer sent', () => {
  it.each<[string, Buffer, string, string]>([
    ['open without a container id', body(OPEN), 'amqp:invalid-field', 'open: container-id is mandatory'],
    ['open with a null one', body(OPEN, null, 'host'), 'amqp:invalid-field', 'container-id is mandatory'],
    ['open with a number for one', body(OPEN, 5), 'amqp:decode-error', 'open: container-id: expected a string'],
    ['open with a host that is a list', body(OPEN, 'c', []), 'amqp:decode-error', 'hostname'],
    ['open with a negative frame size', body(OPEN, 'c', null, -1), 'amqp:decode-error', 'max-frame-size'],
    [
      'open with a channel-max of 65 536',
      body(OPEN, 'c', null, null, uint(65_536)),
      'amqp:invalid-field',
      'channel-max is over 65535',
    ],
    ['open with an idle time of text', body(OPEN, 'c', null, null, null, 'x'), 'amqp:decode-error', 'idle-time-out'],
    [
      'open with capabilities of numbers',
      body(OPEN, 'c', null, null, null, null, null, null, [uint(1)]),
      'amqp:invalid-field',
      'offered-capabilities holds',
    ],
    [
      'open with properties that are a list',
      body(OPEN, 'c', null, null, null, null, null, null, null, null, []),
      'amqp:decode-error',
      'properties',
    ],
    [
      'open with eleven fields',
      body(OPEN, 'c', ...Array.from({ length: 10 }, () => null)),
      'amqp:decode-error',
      'open has 11 fields, 10 are defined',
    ],
    ['begin without an outgoing id', body(BEGIN, null), 'amqp:invalid-field', 'next-outgoing-id is mandatory'],
    [
      'begin without a window',
      body(BEGIN, null, uint(0), uint(1)),
      'amqp:invalid-field',
      'outgoing-window is mandatory',
    ],
    [
      'begin with a remote channel of text',
      body(BEGIN, 'x', uint(0), uint(1), uint(1)),
      'amqp:decode-error',
      'remote-channel',
    ],
    ['attach without a name', body(ATTACH, null, uint(0), true), 'amqp:invalid-field', 'attach: name is mandatory'],
    ['attach without a handle', body(ATTACH, 'l', null, true), 'amqp:invalid-field', 'handle is mandatory'],
    ['attach without a role', body(ATTACH, 'l', uint(0)), 'amqp:invalid-field', 'role is mandatory'],
    ['attach with a role of 1', body(ATTACH, 'l', uint(0), uint(1)), 'amqp:decode-error', 'role: expected a boolean'],
    [
      'attach with a settle mode of 3',
      attach(amqp.ubyte(3)),
      'amqp:invalid-field',
      'snd-settle-mode is 3, which means nothing',
    ],
    ['attach with a receiver mode of 2', attach(null, amqp.ubyte(2)), 'amqp:invalid-field', 'rcv-settle-mode is 2'],
    ['attach with a source that is text', attach(null, null, 'q'), 'amqp:decode-error', 'source is of another type'],
    [
      'attach with a target for a source',
      attach(null, null, new Described(0x29, [])),
      'amqp:decode-error',
      'source is of another type',
    ],
    [
      'attach with a source for a target',
      attach(null, null, null, new Described(0x28, [])),
      'amqp:decode-error',
      'target is of another type',
    ],
    [
      'attach with a source named oddly',
      attach(null, null, new Described('__proto__', [])),
      'amqp:decode-error',
      'source is of another type',
    ],
    ['a source that is a map', attach(null, null, new Described(0x28, {})), 'amqp:decode-error', 'expected a list'],
    [
      'a source with an address of a number',
      attach(null, null, new Described(0x28, [5])),
      'amqp:decode-error',
      'source: address',
    ],
    [
      'a source of durability 3',
      attach(null, null, new Described(0x28, ['q', uint(3)])),
      'amqp:invalid-field',
      'durable is 3',
    ],
    [
      'a source of an unknown expiry',
      attach(null, null, new Described(0x28, ['q', null, symbol('later')])),
      'amqp:invalid-field',
      'expiry-policy is none',
    ],
    [
      'a source of twelve fields',
      attach(
        null,
        null,
        new Described(
          0x28,
          Array.from({ length: 12 }, () => null),
        ),
      ),
      'amqp:decode-error',
      'source has 12 fields',
    ],
    [
      'a target of eight fields',
      attach(
        null,
        null,
        null,
        new Described(
          0x29,
          Array.from({ length: 8 }, () => null),
        ),
      ),
      'amqp:decode-error',
      'target has 8 fields',
    ],
    [
      'a coordinator of two fields',
      attach(null, null, null, new Described(0x30, [null, null])),
      'amqp:decode-error',
      'coordinator has 2 fields',
    ],
    ['detach without a handle', body(DETACH, null, true), 'amqp:invalid-field', 'detach: handle is mandatory'],
    ['an error that is text', body(DETACH, uint(0), true, 'x'), 'amqp:decode-error', 'error is of another type'],
    [
      'an error without a condition',
      body(END, new Described(0x1d, [null, 'x'])),
      'amqp:invalid-field',
      'error: condition is mandatory',
    ],
    ['an error with a condition of a number', body(CLOSE, new Described(0x1d, [5])), 'amqp:decode-error', 'condition'],
    ['a field list that is a map', encodeValue(new Described(OPEN, {})), 'amqp:decode-error', 'expected a list'],
    ['a transfer', body(0x14, uint(0)), 'amqp:decode-error', 'descriptor 0x14 is no control frame'],
    [
      'a section of a message',
      encodeValue(new Described(0x75, Buffer.alloc(1))),
      'amqp:decode-error',
      '0x75 is no control frame',
    ],
    ['a SASL frame', body(0x40, symbol('PLAIN')), 'amqp:decode-error', '0x40 is no control frame'],
    ['a value that is not described', encodeValue([]), 'amqp:decode-error', 'not a described value'],
    ['a name that is not UTF-8', Buffer.from('005310c00401a102ff00', 'hex').fill(0xff, 8, 9), 'amqp:decode-error', ''],
  ])('is refused: %s', (_, bytes, condition, message) => {
    const failing = (): ControlFrame => decode(bytes);
    expect(failing).toThrow(FramingError);
    expect(failing).toThrow(message);
    expect(failing).toThrow(expect.objectContaining({ condition }));
  });

  it('is refused when it is cut at any byte', () => {
    const whole = body(
      OPEN,
      'container',
      'host',
      uint(512),
      amqp.ushort(3),
      uint(1000),
      null,
      null,
      symbol('a'),
      null,
      { a: 1 },
    );
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeControlFrame(whole, 0, length)).toThrow(FramingError);
    }
  });

  it('has no more than its one field of that kind where a single symbol stands for several', () => {
    const expected = { offeredCapabilities: ['a'], desiredCapabilities: ['b', 'c'] };
    const rest = [null, null, null, null, null, null];
    const both = [symbol('a'), amqp.array([symbol('b'), symbol('c')])];
    expect(decode(body(OPEN, 'c', ...rest, ...both))).toMatchObject(expected);
    expect(decode(body(OPEN, 'c', ...rest, 'a', [symbol('b'), 'c']))).toMatchObject(expected);
    expect(decode(body(OPEN, 'c', ...rest, amqp.array([]), null))).toMatchObject({ offeredCapabilities: [] });
  });

  it('may have booleans in two bytes, and integers wider than they need be', () => {
    const wide = Buffer.from('005312c00f03a1016c8000000000000000075601', 'hex');
    expect(decode(wide)).toMatchObject({ kind: 'attach', name: 'l', handle: 7, role: 'receiver' });
    expect(decode(Buffer.from('005316c0050252035600', 'hex'))).toMatchObject({
      handle: 3,
      closed: false,
    });
  });

  it('may leave out fields at the end', () => {
    expect(decode(body(OPEN, 'c'))).toMatchObject({
      kind: 'open',
      containerId: 'c',
      maxFrameSize: undefined,
      properties: undefined,
    });
    expect(decode(body(DETACH, uint(1)))).toEqual({ kind: 'detach', handle: 1, closed: false, error: undefined });
    expect(decode(Buffer.from('00531845', 'hex'))).toEqual({ kind: 'close', error: undefined });
    expect(decode(attach())).toMatchObject({ source: undefined, target: undefined, initialDeliveryCount: 0 });
  });

  it('may hold unsettled deliveries, outcomes and modes of its own, which are not looked at', () => {
    const source = new Described(0x28, [
      'q',
      null,
      null,
      null,
      null,
      null,
      symbol('sideways'),
      null,
      new Described(0x26, []),
      amqp.array([symbol('x')]),
    ]);
    const bytes = attach(
      null,
      null,
      source,
      null,
      new Map([[Buffer.from('tag'), new Described(0x24, [])]]),
      true,
      uint(9),
    );
    expect(decode(bytes)).toMatchObject({
      source: { address: 'q', distributionMode: undefined },
      initialDeliveryCount: 9,
    });
  });

  it('has no limit of message size where that is 0 or beyond all numbers', () => {
    const size = (value: unknown): ControlFrame => decode(attach(null, null, null, null, null, null, null, value));
    expect(size(amqp.ulong(0))).toMatchObject({ maxMessageSize: undefined });
    expect(size(amqp.ulong(2n ** 64n - 1n))).toMatchObject({ maxMessageSize: undefined });
    expect(size(amqp.ulong(2 ** 40))).toMatchObject({ maxMessageSize: 2 ** 40 });
  });

  it('has no prototype in its properties', () => {
    const properties = new Map<string, unknown>([
      ['__proto__', { admin: true }],
      ['product', 'x'],
    ]);
    const open = decode(body(OPEN, 'c', null, null, null, null, null, null, null, null, properties));
    expect(open).toMatchObject({ properties: { product: 'x' } });
    expect(open.kind === 'open' && Object.keys(open.properties ?? {})).toEqual(['product']);
  });

  it('may name source, target and error by symbols', () => {
    const error = new Described('amqp:error:list', [symbol('amqp:not-found')]);
    expect(decode(body(CLOSE, error))).toMatchObject({ error: { condition: 'amqp:not-found' } });
    expect(decode(attach(null, null, new Described('amqp:source:list', ['q'])))).toMatchObject({
      source: { address: 'q' },
    });
  });
});

const ALL: readonly ControlFrame[] = [
  {
    kind: 'open',
    containerId: 'ü',
    hostname: 'vhost:a',
    maxFrameSize: 65_536,
    channelMax: 65_535,
    idleTimeoutMs: 15_000,
    offeredCapabilities: ['ANONYMOUS-RELAY'],
    desiredCapabilities: ['a', 'b'],
    properties: { product: 'p', nested: { a: [1, 2] } },
  },
  {
    kind: 'begin',
    remoteChannel: 0,
    nextOutgoingId: 2 ** 32 - 1,
    incomingWindow: 2048,
    outgoingWindow: 2 ** 32 - 1,
    handleMax: 255,
  },
  { kind: 'begin', nextOutgoingId: 0, incomingWindow: 0, outgoingWindow: 0, properties: {} },
  {
    kind: 'attach',
    name: 'a link',
    handle: 2 ** 32 - 1,
    role: 'receiver',
    senderSettleMode: 'mixed',
    receiverSettleMode: 'first',
    source: {
      address: '/queues/a',
      durable: 'unsettled-state',
      expiryPolicy: 'never',
      timeout: 2 ** 32 - 1,
      dynamic: false,
      distributionMode: 'copy',
      filters: { selector: new Described('apache.org:selector-filter:string', "a = 'b'"), nothing: null },
      capabilities: ['queue'],
    },
    target: {},
    maxMessageSize: 2 ** 53 - 1,
    desiredCapabilities: ['x'],
    properties: { paired: true },
  },
  {
    kind: 'attach',
    name: '',
    handle: 0,
    role: 'sender',
    senderSettleMode: 'settled',
    source: {},
    target: {
      address: undefined,
      dynamic: true,
      durable: 'configuration',
      expiryPolicy: 'link-detach',
      dynamicNodeProperties: { 'lifetime-policy': new Described(0x2b, []) },
      capabilities: [],
    },
    initialDeliveryCount: 2 ** 32 - 4,
  },
  {
    kind: 'attach',
    name: 'c',
    handle: 1,
    role: 'sender',
    coordinator: { capabilities: ['amqp:local-transactions'] },
    initialDeliveryCount: 0,
  },
  { kind: 'attach', name: 'refused', handle: 1, role: 'receiver' },
  {
    kind: 'detach',
    handle: 5,
    closed: true,
    error: { condition: 'amqp:not-found', description: 'no queue "ä"', info: { a: 1 } },
  },
  { kind: 'detach', handle: 0, closed: false },
  { kind: 'end', error: { condition: 'amqp:session:window-violation' } },
  { kind: 'end' },
  { kind: 'close', error: { condition: 'amqp:connection:forced', description: '' } },
  { kind: 'close' },
];

describe('a control frame that we send', () => {
  it.each(ALL.map((frame) => [frame.kind, frame] as const))('is read as it was written: %s %j', (_, frame) => {
    const bytes = encodeControlFrame(517, frame);
    expect(bytes.readUInt32BE(0)).toBe(bytes.length);
    expect(bytes.subarray(4, 8)).toEqual(Buffer.from([2, 0, 2, 5]));
    // Absent fields are undefined on one side, and not there on the other.
    expect(decodeControlFrame(bytes, 8, bytes.length)).toEqual(frame);
  });

  it('says 0 for the delivery count that a sender must give', () => {
    const bytes = encodeControlFrame(0, { kind: 'attach', name: 'l', handle: 0, role: 'sender' });
    expect(decodeControlFrame(bytes, 8, bytes.length)).toMatchObject({ initialDeliveryCount: 0 });
  });

  it('says null for an address of null: the anonymous terminus', () => {
    const bytes = encodeControlFrame(0, {
      kind: 'attach',
      name: 'l',
      handle: 0,
      role: 'sender',
      target: { address: null },
    });
    expect(decodeControlFrame(bytes, 8, bytes.length)).toMatchObject({ target: { address: undefined } });
  });

  it.each<[string, ControlFrame, string]>([
    ['a channel-max of 65 536', { kind: 'open', containerId: 'c', channelMax: 65_536 }, 'channelMax'],
    ['a frame size below 0', { kind: 'open', containerId: 'c', maxFrameSize: -1 }, 'maxFrameSize'],
    ['a container id with half a pair', { kind: 'open', containerId: '\uD800' }, 'containerId'],
    [
      'a capability that is not ASCII',
      { kind: 'open', containerId: 'c', offeredCapabilities: ['a', 'ü'] },
      'offeredCapabilities[1]',
    ],
    ['a property of no form', { kind: 'open', containerId: 'c', properties: { a: { b: () => 1 } } }, 'properties.a.b'],
    [
      'a filter of no form',
      { kind: 'attach', name: 'l', handle: 0, role: 'receiver', source: { filters: { f: Symbol('x') } } },
      'source.filter.f',
    ],
    ['a condition that is not ASCII', { kind: 'close', error: { condition: 'ü' } }, 'error.condition'],
  ])('is refused with the path: %s', (_, frame, path) => {
    expect(() => encodeControlFrame(0, frame)).toThrow(EncodingFailure);
    expect(() => encodeControlFrame(0, frame)).toThrow(expect.objectContaining({ path }));
  });
});
