import { describe, expect, it } from '@jest/globals';
import { DecodeError } from '../../../../lib/protocol/errors.js';
import { decodeValue } from '../../../../lib/protocol/types/decode.js';
import { Decimal, Described, Typed } from '../../../../lib/protocol/types/typed.js';
import { Uuid } from '../../../../lib/protocol/types/uuid.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const uuid = '00112233445566778899aabbccddeeff';

/** One value of every type code. */
const CODES: readonly (readonly [name: string, bytes: string, value: unknown])[] = [
  ['null', '40', null],
  ['true', '41', true],
  ['false', '42', false],
  ['uint0', '43', 0],
  ['ulong0', '44', 0],
  ['list0', '45', []],
  ['ubyte', '50 ff', 255],
  ['byte', '51 80', -128],
  ['smalluint', '52 ff', 255],
  ['smallulong', '53 ff', 255],
  ['smallint', '54 ff', -1],
  ['smalllong', '55 80', -128],
  ['boolean true', '56 01', true],
  ['boolean false', '56 00', false],
  ['ushort', '60 ffff', 65_535],
  ['short', '61 8000', -32_768],
  ['uint', '70 ffffffff', 4_294_967_295],
  ['int', '71 80000000', -2_147_483_648],
  ['float', '72 3fc00000', 1.5],
  ['float NaN', '72 7fc00000', Number.NaN],
  ['char', '73 0001f49a', '💚'],
  ['decimal32', '74 22400001', new Decimal(hex('22400001'))],
  ['ulong', '80 0000000100000000', 4_294_967_296],
  ['the last safe ulong', '80 001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['a ulong beyond', '80 0020000000000000', 2n ** 53n],
  ['the last ulong', '80 ffffffffffffffff', 2n ** 64n - 1n],
  ['long', '81 ffffffffffffffff', -1],
  ['the first safe long', '81 ffe0000000000001', Number.MIN_SAFE_INTEGER],
  ['a long before', '81 ffe0000000000000', -(2n ** 53n)],
  ['the first long', '81 8000000000000000', -(2n ** 63n)],
  ['double', '82 3fb999999999999a', 0.1],
  ['timestamp', '83 0000018bcfe56800', new Date(1_700_000_000_000)],
  ['timestamp before 1970', '83 ffffffffffffffff', new Date(-1)],
  ['a timestamp beyond a Date', '83 7fffffffffffffff', new Typed('timestamp', 2n ** 63n - 1n)],
  ['decimal64', '84 2238000000000001', new Decimal(hex('2238000000000001'))],
  ['decimal128', `94 ${uuid}`, new Decimal(hex(uuid))],
  ['uuid', `98 ${uuid}`, new Uuid(hex(uuid))],
  ['vbin8', 'a0 02 0102', hex('0102')],
  ['vbin32', 'b0 00000002 0102', hex('0102')],
  ['str8', 'a1 03 e282ac', '€'],
  ['str32', 'b1 00000003 e282ac', '€'],
  ['str8 with U+FFFD itself', 'a1 03 efbfbd', '\uFFFD'],
  ['sym8', 'a3 02 6162', 'ab'],
  ['sym32', 'b3 00000002 6162', 'ab'],
  ['list8', 'c0 03 02 41 42', [true, false]],
  ['list32', 'd0 00000006 00000002 41 42', [true, false]],
  ['map8', 'c1 05 02 a1 01 61 41', { a: true }],
  ['map32', 'd1 00000008 00000002 a3 01 61 41', { a: true }],
  ['array8', 'e0 04 02 50 01 02', [1, 2]],
  ['array32', 'f0 00000007 00000002 50 01 02', [1, 2]],
  ['an array of nulls', 'e0 02 03 40', [null, null, null]],
  ['an array of arrays', 'e0 06 01 e0 03 01 50 07', [[7]]],
  ['an array of described', 'e0 06 02 00 53 05 50 01 02', undefined],
  ['described by a ulong', '00 53 24 45', new Described(0x24, [])],
  ['described by a wide ulong', '00 80 ffffffffffffffff 40', new Described(2n ** 64n - 1n, null)],
  ['described by a symbol', '00 a3 01 61 40', new Described('a', null)],
  ['described twice', '00 53 01 00 53 02 40', new Described(1, new Described(2, null))],
  [
    'a map with keys of any type',
    'c1 06 04 54 01 41 40 42',
    new Map<unknown, unknown>([
      [1, true],
      [null, false],
    ]),
  ],
];

describe('decoding a value', () => {
  const wellFormed = CODES.filter(([, , value]) => value !== undefined);

  it.each(wellFormed)('reads %s', (_, bytes, value) => {
    expect(decodeValue(hex(bytes))).toStrictEqual(value);
  });

  it.each(wellFormed)('reads %s inside a larger buffer', (_, bytes, value) => {
    const inner = hex(bytes);
    const outer = Buffer.concat([Buffer.alloc(3, 0xff), inner, Buffer.alloc(3, 0xff)]);
    expect(decodeValue(outer, 3, 3 + inner.length)).toStrictEqual(value);
  });

  it.each(wellFormed)('refuses %s cut at any byte', (_, bytes) => {
    const whole = hex(bytes);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeValue(whole.subarray(0, length))).toThrow(DecodeError);
      // The rest of the value is in the memory behind, and must not be read.
      expect(() => decodeValue(whole, 0, length)).toThrow(DecodeError);
    }
  });

  it.each(wellFormed)('refuses bytes after %s', (_, bytes) => {
    expect(() => decodeValue(Buffer.concat([hex(bytes), hex('40')]))).toThrow('bytes follow the value');
  });

  it('reads an array of described values, each with the descriptor', () => {
    expect(decodeValue(hex('e0 07 02 00 53 05 50 01 02'))).toStrictEqual([new Described(5, 1), new Described(5, 2)]);
  });

  it('knows exactly the type codes of the specification', () => {
    const known = new Set(CODES.map(([, bytes]) => hex(bytes)[0]));
    for (let code = 0; code < 256; code++) {
      if (known.has(code)) continue;
      expect(() => decodeValue(Buffer.concat([Buffer.from([code]), Buffer.alloc(40)]))).toThrow(
        `found type code 0x${code.toString(16).padStart(2, '0')}`,
      );
    }
  });

  it.each([
    ['a boolean of 2', '56 02'],
    ['a string that is not UTF-8', 'a1 01 ff'],
    ['a string cut inside a character', 'a1 02 e282'],
    ['half of a surrogate pair', 'a1 03 eda080'],
    ['an overlong form', 'a1 02 c080'],
    ['half of a surrogate pair behind a true U+FFFD', 'a1 06 efbfbd eda080'],
    ['a symbol that is not UTF-8', 'a3 01 80'],
    ['a char beyond Unicode', '73 00110000'],
    ['a char that is half of a pair', '73 0000d800'],
    ['a binary of 2^32 - 1 bytes', 'b0 ffffffff 00'],
    ['a string of 2^32 - 1 bytes', 'b1 ffffffff 00'],
    ['a symbol of 2^32 - 1 bytes', 'b3 ffffffff 00'],
    ['a list of more items than bytes', 'd0 00000005 ffffffff 40'],
    ['a list larger than the buffer', 'd0 ffffffff 00000000'],
    ['a list smaller than its content', 'c0 02 02 40 40'],
    ['a list larger than its content', 'c0 04 01 40 40 40'],
    ['a list whose size leaves no room for its count', 'd0 00000003 00000000'],
    ['a map of odd count', 'c1 04 03 40 40 40'],
    ['a map of more items than bytes', 'd1 00000006 fffffffe 40 40'],
    ['an array of more items than bytes', 'f0 00000006 7fffffff 50 01'],
    ['an array of 2^32 - 1 nulls', 'f0 00000005 ffffffff 40'],
    ['an array of 65 537 nulls', 'f0 00000005 00010001 40'],
    ['an array of 65 537 empty lists', 'f0 00000005 00010001 45'],
    ['an array without a type code', 'e0 01 00'],
    ['an array of an unknown type', 'e0 02 00 e1 ff'],
    ['a descriptor that is a list', '00 45 40'],
    ['a descriptor that is described', '00 00 53 01 40 40'],
    ['a descriptor that is null', '00 40 40'],
    ['a descriptor that is a string', '00 a1 01 61 40'],
    ['a descriptor alone', '00 53 01'],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeValue(hex(bytes))).toThrow(DecodeError);
  });

  it.each([
    ['a list smaller than its content', 'c0 04 02 5001 5002', 'not as long as it says'],
    ['a list larger than its content', 'c0 04 01 40 40 40', 'not as long as it says'],
    ['an array larger than its content', 'e0 04 01 50 01 02', 'not as long as it says'],
    ['a map of odd count', 'c1 04 03 40 40 40', 'a key without a value'],
    ['a map larger than its content', 'c1 04 02 40 40 40', 'not as long as it says'],
    ['a list of more items than bytes', 'd0 00000005 000fffff 40', 'more items than bytes'],
    ['a list larger than the buffer', 'd0 00000005 00000000', 'the bytes end in the middle'],
  ])('says what is wrong with %s', (_, bytes, reason) => {
    expect(() => decodeValue(hex(bytes))).toThrow(reason);
  });

  it('bounds what nested arrays without content may become', () => {
    const inner = hex('f0 00000005 00010000 40');
    const lists = Array.from({ length: 40 }, () => inner);
    const content = Buffer.concat(lists);
    const bomb = Buffer.concat([hex('d0'), Buffer.alloc(8), content]);
    bomb.writeUInt32BE(content.length + 4, 1);
    bomb.writeUInt32BE(lists.length, 5);
    expect(() => decodeValue(bomb)).toThrow('more than 1000000 values');
  });

  it.each([32, 33, 1_000, 100_000])('reads lists nested 32 deep and no deeper: %i', (depth) => {
    const closing = (level: number): Buffer => {
      const bytes = Buffer.alloc(9 * level + 1, 0x40);
      for (let i = 0; i < level; i++) {
        bytes[9 * i] = 0xd0;
        bytes.writeUInt32BE(4 + 9 * (level - i - 1) + 1, 9 * i + 1);
        bytes.writeUInt32BE(1, 9 * i + 5);
      }
      return bytes;
    };
    if (depth <= 32)
      expect(JSON.stringify(decodeValue(closing(depth)))).toBe('['.repeat(depth) + 'null' + ']'.repeat(depth));
    else expect(() => decodeValue(closing(depth))).toThrow('more than 32 deep');
  });

  it('reads descriptors nested 32 deep and no deeper', () => {
    const nested = (depth: number): Buffer =>
      Buffer.concat([Buffer.alloc(depth, hex('005301')).subarray(0), hex('40')]);
    expect(decodeValue(nested(32 * 3))).toBeInstanceOf(Described);
    expect(() => decodeValue(nested(33 * 3))).toThrow('more than 32 deep');
  });

  it('drops __proto__ wherever it stands, and constructor when it holds a prototype', () => {
    const polluted = hex(
      'c1 3a 08' +
        'a109 5f5f70726f746f5f5f c1 05 02 a1 01 61 41' + // __proto__: { a: true }
        'a10b 636f6e7374727563746f72 c1 0d 02 a1 09 70726f746f74797065 41' + // constructor: { prototype: true }
        'a101 62 c1 0d 02 a1 09 5f5f70726f746f5f5f 41' + // b: { __proto__: true }
        'a101 63 41',
    );
    polluted[1] = polluted.length - 2;
    const value = decodeValue(polluted) as Record<string, unknown>;
    expect(value).toStrictEqual({ b: {}, c: true });
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Reflect.get({}, 'a')).toBeUndefined();
  });

  it('drops a constructor that holds a prototype beside keys that are no text', () => {
    // { constructor: Map { 1 => true, 'prototype' => true }, k: true }
    const bytes = hex('c1 00 04 a10b 636f6e7374727563746f72 c1 10 04 5401 41 a109 70726f746f74797065 41 a1016b 41');
    bytes[1] = bytes.length - 2;
    expect(decodeValue(bytes)).toStrictEqual({ k: true });
  });

  it('keeps a harmless constructor, and names of inherited methods as own keys', () => {
    const bytes = hex('c1 1a 04 a10b 636f6e7374727563746f72 41 a108 746f537472696e67 42');
    bytes[1] = bytes.length - 2;
    const value = decodeValue(bytes) as object;
    expect(Object.entries(value)).toEqual([
      ['constructor', true],
      ['toString', false],
    ]);
  });

  it('gives the last of two equal keys', () => {
    expect(decodeValue(hex('c1 09 04 a101 61 41 a101 61 42'))).toStrictEqual({ a: false });
  });

  it('copies binaries, so that they do not change with the buffer they came in', () => {
    const buffer = hex('a0 02 0102');
    const value = decodeValue(buffer) as Buffer;
    buffer.fill(0);
    expect(value).toEqual(hex('0102'));
  });

  it.each([
    [4096, 4101, 'copied'],
    [4097, 4102, 'shared'],
    [40_000, 65_536, 'shared'],
    [40_000, 80_000, 'shared'],
    [40_000, 80_001, 'copied'],
    [4097, 65_536, 'copied'],
  ])('gives a binary of %i bytes in a chunk of %i bytes %s', (size, chunkSize, expected) => {
    const chunk = Buffer.allocUnsafeSlow(chunkSize);
    chunk[0] = 0xb0;
    chunk.writeUInt32BE(size, 1);
    const value = decodeValue(chunk, 0, size + 5) as Buffer;
    expect(value.length).toBe(size);
    expect(value.buffer === chunk.buffer ? 'shared' : 'copied').toBe(expected);
  });
});
