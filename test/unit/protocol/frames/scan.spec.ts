import { describe, expect, it } from '@jest/globals';
import {
  descriptorCode,
  describedStart,
  FramingError,
  scanFrameBody,
  scanValue,
} from '../../../../lib/protocol/frames/scan.js';
import { wireValue } from '../../../fuzz/random-bytes.js';
import { randomOfCase, seedOfRun } from '../../../fuzz/seeded-random.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const scan = (bytes: Buffer): number => scanValue(bytes, 0, bytes.length);
const seed = seedOfRun();

const KNOWN = hex(
  '40 41 42 43 44 45 50 51 52 53 54 55 56 60 61 70 71 72 73 74 80 81 82 83 84 94 98 a0 a1 a3 b0 b1 b3 c0 c1 d0 d1 e0 f0',
);

describe('scanning a value', () => {
  it.each([
    ['nothing', ''],
    ['a string of 2^32 - 1 bytes', 'b1 ffffffff'],
    ['a binary one byte short', 'a0 02 00'],
    ['a list larger than the frame', 'd0 ffffffff 00000001 40'],
    ['a list of more items than bytes', 'd0 00000005 ffffffff 40'],
    ['a list shorter than its items', 'c0 02 02 40 40'],
    ['a list longer than its items', 'c0 03 01 40 40'],
    ['a list too small for its count', 'd0 00000003 000000'],
    ['a map of odd count', 'c1 02 01 40'],
    ['an array of more items than bytes', 'f0 00000009 10000000 70 00000001'],
    ['an array of 65 537 nulls', 'f0 00000005 00010001 40'],
    ['an array of 2^32 - 1 trues', 'f0 00000005 ffffffff 41'],
    ['an array of 2^32 - 1 empty lists', 'f0 00000005 ffffffff 45'],
    ['an array of arrays of 2^32 - 1 nulls', 'e0 0b 01 f0 00000005 ffffffff 40'],
    ['an array of an unknown type', 'e0 03 01 99 00'],
    ['an array of the type described', 'e0 05 01 00 5301 00'],
    ['a descriptor that is a list', '00 45 40'],
    ['a descriptor that is described', '00 00 5301 40 40'],
    ['a descriptor that is a string', '00 a10161 40'],
    ['a descriptor without a value', '00 5301'],
  ])('refuses %s', (_, bytes) => {
    expect(() => scan(hex(bytes))).toThrow(FramingError);
    expect(() => scan(hex(bytes))).toThrow(expect.objectContaining({ condition: 'amqp:decode-error' }));
  });

  it('knows exactly the type codes of the specification', () => {
    for (let code = 1; code < 256; code++) {
      // Known codes may well be refused for what follows them here.
      let reason = '';
      try {
        scan(Buffer.concat([Buffer.from([code]), Buffer.alloc(40)]));
      } catch (error) {
        reason = String(error);
      }
      expect({ code, unknown: reason.includes('is no type code') }).toEqual({ code, unknown: !KNOWN.includes(code) });
    }
  });

  it('takes 32 levels and no more, of lists, arrays and descriptors', () => {
    const lists = (depth: number): Buffer => {
      let bytes = hex('40');
      for (let i = 0; i < depth; i++) {
        const head = hex('d0 00000000 00000001');
        head.writeUInt32BE(bytes.length + 4, 1);
        bytes = Buffer.concat([head, bytes]);
      }
      return bytes;
    };
    const descriptors = (depth: number): Buffer =>
      Buffer.concat([...Array.from({ length: depth }, () => hex('005301')), hex('40')]);
    for (const nested of [lists, descriptors]) {
      expect(scan(nested(32))).toBe(nested(32).length);
      expect(() => scan(nested(33))).toThrow('more than 32 deep');
      expect(() => scan(nested(5_000))).toThrow('more than 32 deep');
    }
  });

  it('takes 100 000 values and no more', () => {
    const list = (count: number): Buffer => {
      const bytes = Buffer.alloc(9 + count, 0x40);
      bytes[0] = 0xd0;
      bytes.writeUInt32BE(count + 4, 1);
      bytes.writeUInt32BE(count, 5);
      return bytes;
    };
    expect(scan(list(99_999))).toBe(9 + 99_999);
    expect(() => scan(list(100_000))).toThrow('more than 100000 values');
  });

  it('takes nested arrays of nothing only up to as many values', () => {
    const inner = hex('f0 00000005 00010000 40');
    const outer = Buffer.concat([hex('c0 1f 03'), inner, inner, inner]);
    outer[1] = outer.length - 2;
    expect(() => scan(outer)).toThrow('more than 100000 values');
  });

  it('refuses a frame of a few hundred bytes that asks for arrays of arrays of nothing, at once', () => {
    // 40 times 2^31 slots, were they made before the bytes are looked at.
    const bomb = Buffer.concat([
      hex('d0 00000000 00000028'),
      ...Array.from({ length: 40 }, () => hex('d0 00000004 7fffffff')),
    ]);
    bomb.writeUInt32BE(bomb.length - 5, 1);
    expect(() => scan(bomb)).toThrow('more items than bytes');
  });

  it(`ends where the value ends, and refuses it cut at any byte (seed ${seed})`, () => {
    for (let index = 0; index < 300; index++) {
      const bytes = wireValue(randomOfCase(seed, index));
      expect(scan(bytes)).toBe(bytes.length);
      expect(scanValue(Buffer.concat([hex('ffff'), bytes, hex('ff')]), 2, bytes.length + 3)).toBe(bytes.length + 2);
      for (let length = 0; length < Math.min(bytes.length, 60); length++) {
        expect(() => scanValue(bytes, 0, length)).toThrow(FramingError);
      }
    }
  });
});

describe('the descriptor of a frame body', () => {
  it.each([
    ['short', '005314 45', 0x14],
    ['wide', '0080 0000000000000014 45', 0x14],
  ])('is read in its %s form', (_, bytes, code) => {
    const body = hex(bytes);
    expect(descriptorCode(body, 0, body.length)).toBe(code);
    expect(body[describedStart(body, 0)]).toBe(0x45);
    expect(() => scanFrameBody(body, 0, body.length)).not.toThrow();
  });

  it.each([
    ['is not there', '45'],
    ['is nothing', ''],
    ['is cut', '0053'],
    ['is cut in its wide form', '0080 00000000000000'],
    ['is a list', '00 45 45'],
    ['is a symbol', '00 a30f 616d71703a6f70656e3a6c697374 45'],
    ['is __proto__', '00 a309 5f5f70726f746f5f5f 45'],
    ['is described', '00 00 5314 45 45'],
    ['is 2^32 + 0x14', '0080 0000000100000014 45'],
    ['is 256', '0080 0000000000000100 45'],
  ])('is refused when it %s', (_, bytes) => {
    const body = hex(bytes);
    expect(() => descriptorCode(body, 0, body.length)).toThrow(FramingError);
    expect(() => scanFrameBody(body, 0, body.length)).toThrow(FramingError);
  });

  it('is followed by one value and nothing else', () => {
    const body = hex('005310 45 45');
    expect(() => scanFrameBody(body, 0, body.length)).toThrow('bytes follow the performative');
  });
});
