// The AMQP 1.0 type system once more, small and slow, for the test side of the wire. It shares nothing with lib/protocol on purpose: two
// halves that share a mistake agree with each other. Plain JavaScript, so that child processes run it without transpiling.

/* oxlint-disable typescript/no-extraneous-class -- these classes are tags, they exist for `instanceof` */

/** A value with its AMQP type said out loud. */
export class Typed {
  constructor(type, value) {
    this.type = type;
    this.value = value;
  }
}

/** A described value. The descriptor is a number (ulong), a string (symbol) or any other value. */
export class Described {
  constructor(descriptor, value) {
    this.descriptor = descriptor;
    this.value = value;
  }
}

/** Bytes that go out as they are in the place of a value. */
export class Raw {
  constructor(bytes) {
    this.bytes = Buffer.from(bytes);
  }
}

const type = (name) => (value) => new Typed(name, value);
export const ubyte = type('ubyte');
export const ushort = type('ushort');
export const uint = type('uint');
export const ulong = type('ulong');
export const byte = type('byte');
export const short = type('short');
export const int = type('int');
export const long = type('long');
export const float = type('float');
export const double = type('double');
export const char = type('char');
export const timestamp = type('timestamp');
export const uuid = type('uuid');
export const binary = type('binary');
export const string = type('string');
export const symbol = type('symbol');
export const list = type('list');
export const map = type('map');
/** An array of symbols, as capabilities and mechanisms are sent. */
export const symbols = (values) => new Typed('symbols', values);

const u8 = (...bytes) => Buffer.from(bytes);

function fixed(code, size, write) {
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = code;
  write(bytes);
  return bytes;
}

function variable(code8, code32, content, forceWide = false) {
  if (content.length < 256 && !forceWide) return Buffer.concat([u8(code8, content.length), content]);
  const head = Buffer.alloc(5);
  head[0] = code32;
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

function compound(code8, code32, count, content) {
  if (content.length < 255 && count < 256) return Buffer.concat([u8(code8, content.length + 1, count), content]);
  const head = Buffer.alloc(9);
  head[0] = code32;
  head.writeUInt32BE(content.length + 4, 1);
  head.writeUInt32BE(count, 5);
  return Buffer.concat([head, content]);
}

function encodeMap(value) {
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return compound(0xc1, 0xd1, entries.length * 2, Buffer.concat(entries.flatMap(([k, v]) => [encode(k), encode(v)])));
}

const encoders = {
  null: () => u8(0x40),
  boolean: (v) => u8(v ? 0x41 : 0x42),
  ubyte: (v) => u8(0x50, v),
  ushort: (v) => fixed(0x60, 2, (b) => b.writeUInt16BE(v, 1)),
  uint: (v) => (v === 0 ? u8(0x43) : v < 256 ? u8(0x52, v) : fixed(0x70, 4, (b) => b.writeUInt32BE(v, 1))),
  ulong: (v) =>
    v == 0 ? u8(0x44) : v < 256 ? u8(0x53, Number(v)) : fixed(0x80, 8, (b) => b.writeBigUInt64BE(BigInt(v), 1)),
  byte: (v) => fixed(0x51, 1, (b) => b.writeInt8(v, 1)),
  short: (v) => fixed(0x61, 2, (b) => b.writeInt16BE(v, 1)),
  int: (v) =>
    v >= -128 && v < 128 ? fixed(0x54, 1, (b) => b.writeInt8(v, 1)) : fixed(0x71, 4, (b) => b.writeInt32BE(v, 1)),
  long: (v) =>
    v >= -128 && v < 128
      ? fixed(0x55, 1, (b) => b.writeInt8(Number(v), 1))
      : fixed(0x81, 8, (b) => b.writeBigInt64BE(BigInt(v), 1)),
  float: (v) => fixed(0x72, 4, (b) => b.writeFloatBE(v, 1)),
  double: (v) => fixed(0x82, 8, (b) => b.writeDoubleBE(v, 1)),
  char: (v) => fixed(0x73, 4, (b) => b.writeUInt32BE(typeof v === 'string' ? v.codePointAt(0) : v, 1)),
  timestamp: (v) => fixed(0x83, 8, (b) => b.writeBigInt64BE(BigInt(v instanceof Date ? v.getTime() : v), 1)),
  uuid: (v) => Buffer.concat([u8(0x98), Buffer.isBuffer(v) ? v : Buffer.from(v.replaceAll('-', ''), 'hex')]),
  binary: (v) => variable(0xa0, 0xb0, Buffer.from(v)),
  string: (v) => variable(0xa1, 0xb1, Buffer.from(v, 'utf8')),
  symbol: (v) => variable(0xa3, 0xb3, Buffer.from(v, 'latin1')),
  list: (v) => (v.length === 0 ? u8(0x45) : compound(0xc0, 0xd0, v.length, Buffer.concat(v.map(encode)))),
  map: encodeMap,
  symbols: (values) => {
    const items = values.map((v) => Buffer.from(v, 'latin1'));
    const content = items.map((v) => {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(v.length);
      return Buffer.concat([size, v]);
    });
    const body = Buffer.concat([u8(0xb3), ...content]);
    const head = Buffer.alloc(9);
    head[0] = 0xf0;
    head.writeUInt32BE(body.length + 4, 1);
    head.writeUInt32BE(items.length, 5);
    return Buffer.concat([head, body]);
  },
};

/** One value as bytes. Integers go out as int or long, bigints as ulong (negative: long), objects as maps with string keys. */
export function encode(value) {
  if (value === null || value === undefined) return u8(0x40);
  if (value instanceof Typed) return encoders[value.type](value.value);
  if (value instanceof Raw) return value.bytes;
  if (value instanceof Described) {
    const { descriptor } = value;
    const head =
      typeof descriptor === 'number'
        ? ulong(descriptor)
        : typeof descriptor === 'string'
          ? symbol(descriptor)
          : descriptor;
    return Buffer.concat([u8(0), encode(head), encode(value.value)]);
  }
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) return encoders.binary(value);
  if (value instanceof Date) return encoders.timestamp(value);
  if (Array.isArray(value)) return encoders.list(value);
  if (typeof value === 'boolean') return encoders.boolean(value);
  if (typeof value === 'string') return encoders.string(value);
  if (typeof value === 'bigint') return value < 0n ? encoders.long(value) : encoders.ulong(value);
  if (typeof value !== 'number') return encodeMap(value);
  if (!Number.isInteger(value)) return encoders.double(value);
  return Math.abs(value) < 2 ** 31 ? encoders.int(value) : encoders.long(value);
}

const integer = (v) => (v <= BigInt(Number.MAX_SAFE_INTEGER) && v >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(v) : v);
const hex = (b, from, to) => b.toString('hex', from, to);

const fixedDecoders = {
  0x40: ['null', 0, () => null],
  0x41: ['boolean', 0, () => true],
  0x42: ['boolean', 0, () => false],
  0x43: ['uint', 0, () => 0],
  0x44: ['ulong', 0, () => 0],
  0x45: ['list', 0, () => []],
  0x50: ['ubyte', 1, (b, p) => b[p]],
  0x51: ['byte', 1, (b, p) => b.readInt8(p)],
  0x52: ['uint', 1, (b, p) => b[p]],
  0x53: ['ulong', 1, (b, p) => b[p]],
  0x54: ['int', 1, (b, p) => b.readInt8(p)],
  0x55: ['long', 1, (b, p) => b.readInt8(p)],
  0x56: ['boolean', 1, (b, p) => b[p] === 1],
  0x60: ['ushort', 2, (b, p) => b.readUInt16BE(p)],
  0x61: ['short', 2, (b, p) => b.readInt16BE(p)],
  0x70: ['uint', 4, (b, p) => b.readUInt32BE(p)],
  0x71: ['int', 4, (b, p) => b.readInt32BE(p)],
  0x72: ['float', 4, (b, p) => b.readFloatBE(p)],
  0x73: ['char', 4, (b, p) => String.fromCodePoint(b.readUInt32BE(p))],
  0x74: ['decimal32', 4, (b, p) => Buffer.from(b.subarray(p, p + 4))],
  0x80: ['ulong', 8, (b, p) => integer(b.readBigUInt64BE(p))],
  0x81: ['long', 8, (b, p) => integer(b.readBigInt64BE(p))],
  0x82: ['double', 8, (b, p) => b.readDoubleBE(p)],
  0x83: ['timestamp', 8, (b, p) => new Date(Number(b.readBigInt64BE(p)))],
  0x84: ['decimal64', 8, (b, p) => Buffer.from(b.subarray(p, p + 8))],
  0x94: ['decimal128', 16, (b, p) => Buffer.from(b.subarray(p, p + 16))],
  0x98: [
    'uuid',
    16,
    (b, p) =>
      [
        hex(b, p, p + 4),
        hex(b, p + 4, p + 6),
        hex(b, p + 6, p + 8),
        hex(b, p + 8, p + 10),
        hex(b, p + 10, p + 16),
      ].join('-'),
  ],
};

const variableTypes = { 0xa: ['binary', 'string', undefined, 'symbol'] };

/** A reader over bytes; `exact` keeps the AMQP type of every value (`Typed`), else values come as plain JavaScript. */
export class Reader {
  constructor(buffer, position = 0, end = buffer.length, exact = false) {
    this.buffer = buffer;
    this.position = position;
    this.end = end;
    this.exact = exact;
  }

  get done() {
    return this.position >= this.end;
  }

  value() {
    const code = this.byte();
    if (code !== 0) return this.ofCode(code);
    const descriptor = this.value();
    return new Described(descriptor, this.value());
  }

  ofCode(code) {
    const simple = fixedDecoders[code];
    if (simple) {
      const at = this.take(simple[1]);
      return this.result(simple[0], simple[2](this.buffer, at));
    }
    const high = code >> 4;
    const wide = high === 0xb || high === 0xd || high === 0xf;
    if (high === 0xa || high === 0xb) {
      const name = variableTypes[0xa][code & 0xf];
      const size = this.size(wide);
      const at = this.take(size);
      const bytes = this.buffer.subarray(at, at + size);
      if (name === 'binary') return this.result(name, Buffer.from(bytes));
      if (name === 'string') return this.result(name, bytes.toString('utf8'));
      if (name === 'symbol') return this.result(name, bytes.toString('latin1'));
    }
    if (high === 0xc || high === 0xd || high === 0xe || high === 0xf) {
      const size = this.size(wide);
      const end = this.position + size;
      const count = this.size(wide);
      // Of zero-width items there may be more than bytes, of anything else not.
      if (count > 1_000_000 || (high < 0xe && count > size)) throw new Error(`${count} items in ${size} bytes`);
      const inside = high >= 0xe ? this.items(count) : this.values(count);
      if (this.position !== end)
        throw new Error(`a compound value of ${size} bytes ends at ${this.position}, not at ${end}`);
      if (high >= 0xe) return this.result('array', inside);
      if ((code & 0xf) === 0) return this.result('list', inside);
      return this.result('map', this.entries(inside));
    }
    throw new Error(`unknown type code 0x${code.toString(16)} at ${this.position - 1}`);
  }

  values(count) {
    return Array.from({ length: count }, () => this.value());
  }

  items(count) {
    const code = this.byte();
    if (code === 0) {
      const descriptor = this.value();
      const inner = this.byte();
      return Array.from({ length: count }, () => new Described(descriptor, this.ofCode(inner)));
    }
    return Array.from({ length: count }, () => this.ofCode(code));
  }

  entries(flat) {
    if (this.exact || flat.some((key, index) => index % 2 === 0 && typeof key !== 'string')) {
      const result = new Map();
      for (let i = 0; i < flat.length; i += 2) result.set(flat[i], flat[i + 1]);
      return result;
    }
    const result = Object.create(null);
    for (let i = 0; i < flat.length; i += 2) result[flat[i]] = flat[i + 1];
    return { ...result };
  }

  result(name, value) {
    return this.exact ? new Typed(name, value) : value;
  }

  byte() {
    return this.buffer[this.take(1)];
  }

  size(wide) {
    const at = this.take(wide ? 4 : 1);
    return wide ? this.buffer.readUInt32BE(at) : this.buffer[at];
  }

  take(count) {
    const at = this.position;
    if (at + count > this.end) throw new Error(`${count} bytes wanted at ${at}, the value ends at ${this.end}`);
    this.position += count;
    return at;
  }
}

/** The first value in the bytes, as plain JavaScript. */
export function decode(buffer) {
  return new Reader(buffer).value();
}

/** The first value in the bytes with the type of each part. */
export function decodeExact(buffer) {
  return new Reader(buffer, 0, buffer.length, true).value();
}
