// Frames for the test side of the wire: performatives as objects with camelCase fields, and the bytes they stand for.

import { Described, Raw, Reader, Typed, encode, symbols, ulong } from './values.mjs';

export const AMQP_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]);
export const SASL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]);

/** Descriptor and fields of everything that is a described list, in the order of the specification. */
const table = {
  open: [
    0x10,
    {
      containerId: 'string',
      hostname: 'string',
      maxFrameSize: 'uint',
      channelMax: 'ushort',
      idleTimeOut: 'uint',
      outgoingLocales: 'symbols',
      incomingLocales: 'symbols',
      offeredCapabilities: 'symbols',
      desiredCapabilities: 'symbols',
      properties: 'symbol-map',
    },
  ],
  begin: [
    0x11,
    {
      remoteChannel: 'ushort',
      nextOutgoingId: 'uint',
      incomingWindow: 'uint',
      outgoingWindow: 'uint',
      handleMax: 'uint',
      offeredCapabilities: 'symbols',
      desiredCapabilities: 'symbols',
      properties: 'symbol-map',
    },
  ],
  attach: [
    0x12,
    {
      name: 'string',
      handle: 'uint',
      role: 'boolean',
      sndSettleMode: 'ubyte',
      rcvSettleMode: 'ubyte',
      source: 'composite',
      target: 'composite',
      unsettled: 'any',
      incompleteUnsettled: 'boolean',
      initialDeliveryCount: 'uint',
      maxMessageSize: 'ulong',
      offeredCapabilities: 'symbols',
      desiredCapabilities: 'symbols',
      properties: 'symbol-map',
    },
  ],
  flow: [
    0x13,
    {
      nextIncomingId: 'uint',
      incomingWindow: 'uint',
      nextOutgoingId: 'uint',
      outgoingWindow: 'uint',
      handle: 'uint',
      deliveryCount: 'uint',
      linkCredit: 'uint',
      available: 'uint',
      drain: 'boolean',
      echo: 'boolean',
      properties: 'symbol-map',
    },
  ],
  transfer: [
    0x14,
    {
      handle: 'uint',
      deliveryId: 'uint',
      deliveryTag: 'binary',
      messageFormat: 'uint',
      settled: 'boolean',
      more: 'boolean',
      rcvSettleMode: 'ubyte',
      state: 'composite',
      resume: 'boolean',
      aborted: 'boolean',
      batchable: 'boolean',
    },
  ],
  disposition: [
    0x15,
    { role: 'boolean', first: 'uint', last: 'uint', settled: 'boolean', state: 'composite', batchable: 'boolean' },
  ],
  detach: [0x16, { handle: 'uint', closed: 'boolean', error: 'composite' }],
  end: [0x17, { error: 'composite' }],
  close: [0x18, { error: 'composite' }],
  mechanisms: [0x40, { mechanisms: 'symbols' }],
  init: [0x41, { mechanism: 'symbol', initialResponse: 'binary', hostname: 'string' }],
  challenge: [0x42, { challenge: 'binary' }],
  response: [0x43, { response: 'binary' }],
  outcome: [0x44, { code: 'ubyte', additionalData: 'binary' }],
  error: [0x1d, { condition: 'symbol', description: 'string', info: 'symbol-map' }],
  received: [0x23, { sectionNumber: 'uint', sectionOffset: 'ulong' }],
  accepted: [0x24, {}],
  rejected: [0x25, { error: 'composite' }],
  released: [0x26, {}],
  modified: [0x27, { deliveryFailed: 'boolean', undeliverableHere: 'boolean', messageAnnotations: 'symbol-map' }],
  source: [
    0x28,
    {
      address: 'any',
      durable: 'uint',
      expiryPolicy: 'symbol',
      timeout: 'uint',
      dynamic: 'boolean',
      dynamicNodeProperties: 'symbol-map',
      distributionMode: 'symbol',
      filter: 'symbol-map',
      defaultOutcome: 'composite',
      outcomes: 'symbols',
      capabilities: 'symbols',
    },
  ],
  target: [
    0x29,
    {
      address: 'any',
      durable: 'uint',
      expiryPolicy: 'symbol',
      timeout: 'uint',
      dynamic: 'boolean',
      dynamicNodeProperties: 'symbol-map',
      capabilities: 'symbols',
    },
  ],
  coordinator: [0x30, { capabilities: 'symbols' }],
  declare: [0x31, { globalId: 'any' }],
  discharge: [0x32, { txnId: 'binary', fail: 'boolean' }],
  declared: [0x33, { txnId: 'binary' }],
  transactional: [0x34, { txnId: 'binary', outcome: 'composite' }],
};

const byCode = new Map(
  Object.entries(table).map(([name, [code, fields]]) => [code, { name, fields: Object.entries(fields) }]),
);
const saslKinds = new Set(['mechanisms', 'init', 'challenge', 'response', 'outcome']);

function field(type, value) {
  if (value === undefined || value === null) return null;
  if (value instanceof Typed || value instanceof Described || value instanceof Raw) return value;
  if (type === 'any') return value;
  if (type === 'symbols') return symbols(Array.isArray(value) ? value : [value]);
  if (type === 'composite') return described(value.kind, value);
  if (type === 'symbol-map') {
    if (value instanceof Map) return value;
    return new Map(Object.entries(value).map(([key, item]) => [new Typed('symbol', key), item]));
  }
  return new Typed(type, value);
}

/** A described list by its name, for example `described('accepted', {})`. Trailing nulls are left out. */
export function described(kind, fields) {
  const [code, types] = table[kind];
  const values = Object.entries(types).map(([name, type]) => field(type, fields[name]));
  while (values.length > 0 && values.at(-1) === null) values.pop();
  return new Described(ulong(code), values);
}

/** Frame header and body. `size`, `doff`, `type` can be lies. */
export function rawFrame(body, { channel = 0, type = 0, doff = 2, size } = {}) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(size ?? body.length + 8, 0);
  head[4] = doff;
  head[5] = type;
  head.writeUInt16BE(channel, 6);
  return Buffer.concat([head, body]);
}

/** The bytes of one frame. */
export function encodeFrame(performative, channel, fields = {}, payload) {
  const body = encode(described(performative, fields));
  return rawFrame(payload ? Buffer.concat([body, payload]) : body, {
    channel,
    type: saslKinds.has(performative) ? 1 : 0,
  });
}

/** A frame without a body: a heartbeat. */
export const EMPTY_FRAME = rawFrame(Buffer.alloc(0));

function named(value) {
  if (!(value instanceof Described)) return value;
  const known = byCode.get(value.descriptor);
  if (!known || !Array.isArray(value.value)) return value;
  const result = { kind: known.name };
  known.fields.forEach(([name, type], index) => {
    const item = value.value[index];
    if (item === undefined || item === null) return;
    result[name] = type === 'symbols' && !Array.isArray(item) ? [item] : named(item);
  });
  return result;
}

/** One complete frame from its bytes. Fields that are absent or null are absent in the object. */
export function decodeFrame(bytes) {
  const head = { channel: bytes.readUInt16BE(6), size: bytes.length };
  const start = bytes[4] * 4;
  if (start === bytes.length) return { ...head, performative: 'empty', payload: Buffer.alloc(0) };
  const reader = new Reader(bytes, start);
  const { kind, ...fields } = named(reader.value());
  return { ...fields, ...head, performative: kind, payload: Buffer.from(bytes.subarray(reader.position)) };
}

/** Cuts a byte stream into protocol headers and frames. */
export class FrameSplitter {
  constructor() {
    this.rest = Buffer.alloc(0);
    this.wantsHeader = true;
  }

  push(chunk) {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const units = [];
    for (;;) {
      if (this.rest.length < 8) return units;
      const isHeader = this.rest.toString('latin1', 0, 4) === 'AMQP';
      const size = isHeader ? 8 : this.rest.readUInt32BE(0);
      if (!isHeader && size < 8) throw new Error(`a frame of ${size} bytes`);
      if (this.rest.length < size) return units;
      units.push({ kind: isHeader ? 'header' : 'frame', bytes: this.rest.subarray(0, size) });
      this.rest = this.rest.subarray(size);
    }
  }
}
