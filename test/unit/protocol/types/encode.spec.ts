import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { EncodingFailure } from '../../../../lib/protocol/errors.js';
import { amqp } from '../../../../lib/protocol/types/amqp.js';
import { decodeValue } from '../../../../lib/protocol/types/decode.js';
import { encodeValue } from '../../../../lib/protocol/types/encode.js';
import { Decimal, Described } from '../../../../lib/protocol/types/typed.js';
import { Uuid } from '../../../../lib/protocol/types/uuid.js';
import { plainValue, WRAPPED } from '../../../fuzz/random-value.js';
import { randomOfCase, seedOfRun } from '../../../fuzz/seeded-random.js';

const failureOf = (value: unknown): EncodingFailure => {
  try {
    encodeValue(value);
  } catch (error) {
    if (error instanceof EncodingFailure) return error;
    throw error;
  }
  throw new Error('it was encoded');
};

class Order {
  total = 1;
}

const circular: Record<string, unknown> = { lines: [] };
circular['lines'] = [circular];

const seed = seedOfRun();

describe('encoding a value', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['a function', () => 1, '', /a function has no form/],
    ['a JavaScript symbol', Symbol('x'), '', /a symbol has no form/],
    ['an instance of a class', { order: new Order() }, 'order', /class Order/],
    ['an error', [new Error('secret')], '[0]', /class Error/],
    ['a regular expression', /x/, '', /class RegExp/],
    ['a Boolean object', new Boolean(true), '', /class Boolean/],
    ['a promise', { a: [Promise.resolve()] }, 'a[0]', /class Promise/],
    ['a set', new Set(), '', /class Set/],
    ['a circular structure', circular, 'lines[0]', /circular/],
    ['an invalid date', { at: new Date(Number.NaN) }, 'at', /invalid Date/],
    ['a bigint over 2^64 - 1', [2n ** 64n], '[0]', /ulong goes from 0 to 18446744073709551615/],
    ['a bigint below -2^63', -(2n ** 63n) - 1n, '', /long goes from -9223372036854775808 to 9223372036854775807/],
    ['a lone surrogate', { text: 'a\uD800' }, 'text', /surrogate/],
    ['a lone surrogate in a key', { '\uDC00': 1 }, '\uDC00', /surrogate/],
    ['a long text with a lone surrogate', '\uD800'.padEnd(500, 'x'), '', /surrogate/],
    ['a decimal of 5 bytes', new Decimal(Buffer.alloc(5)), '', /4, 8 or 16 bytes/],
    ['a symbol that is not ASCII', amqp.symbol('téxt'), '', /ASCII/],
    ['a descriptor that is not ASCII', new Described('ü', 1), '', /ASCII/],
    ['a descriptor below 0', new Described(-1, 1), '', /ulong goes from 0/],
    ['a described value of no form', new Described(1, { a: Symbol('x') }), 'value.a', /no form/],
    ['a value in a Map', new Map([['k', [Symbol('x')]]]), 'k[0]', /no form/],
    ['a key of no form', new Map([[Symbol('x'), 1]]), 'key', /no form/],
    ['a ubyte of 256', amqp.ubyte(256), '', /ubyte goes from 0 to 255/],
    ['a ubyte of -1', amqp.ubyte(-1), '', /ubyte goes from/],
    ['a ubyte of 1.5', amqp.ubyte(1.5), '', /not an integer is no ubyte/],
    ['a ubyte of text', amqp.ubyte('1'), '', /a string is no ubyte/],
    ['a ushort of 65 536', amqp.ushort(65_536), '', /ushort goes/],
    ['a uint of 2^32', amqp.uint(2 ** 32), '', /uint goes/],
    ['a uint of a large bigint', amqp.uint(2n ** 70n), '', /uint goes/],
    ['a uint of NaN', amqp.uint(Number.NaN), '', /is no uint/],
    ['a ulong of -1', amqp.ulong(-1), '', /ulong goes/],
    ['a ulong of 2^64', amqp.ulong(2n ** 64n), '', /ulong goes/],
    ['a ulong of a number beyond 2^53', amqp.ulong(2 ** 53), '', /given as a bigint/],
    ['a ulong of null', amqp.ulong(null), '', /null is no ulong/],
    ['a byte of 128', amqp.byte(128), '', /byte goes/],
    ['a short of 32 768', amqp.short(32_768), '', /short goes/],
    ['an int of 2^31', amqp.int(2 ** 31), '', /int goes/],
    ['a long of -2^63 - 1', amqp.long(-(2n ** 63n) - 1n), '', /long goes/],
    ['a float beyond its range', amqp.float(1e39), '', /beyond float/],
    ['a float of a bigint', amqp.float(1n), '', /a bigint is no float/],
    ['a double of text', amqp.double('1'), '', /is no double/],
    ['a symbol of a number', amqp.symbol(1), '', /an integer is no symbol/],
    ['a char of two', amqp.char('ab'), '', /exactly one/],
    ['a char of none', amqp.char(''), '', /exactly one/],
    ['a char of half a pair', amqp.char('\uD800'), '', /exactly one/],
    ['a timestamp of text', amqp.timestamp('now'), '', /is no timestamp/],
    ['a uuid of text', amqp.uuid('x'), '', /36 characters/],
    ['a uuid of 15 bytes', amqp.uuid(Buffer.alloc(15)), '', /16 bytes/],
    ['a uuid of a number', amqp.uuid(1), '', /an integer is no uuid/],
    ['a list of a text', amqp.list('ab'), '', /a string is no list/],
    ['a map of an array', amqp.map([1]), '', /an array is no map/],
    ['a map of an instance', amqp.map(new Order()), '', /is no map/],
    ['an array of a number', amqp.array(1), '', /is no array/],
    ['an array of two types', amqp.array(['a', 1]), '[1]', /an array of string holds a int too/],
    ['an array of two wrappers', amqp.array([amqp.uint(1), amqp.ulong(1)]), '[1]', /array of uint holds a ulong/],
    ['an array with a null', amqp.array([1, null]), '[1]', /array of int holds a null/],
    ['an array with a hole', amqp.array(Array.from({ length: 2 }, (_, i) => (i === 0 ? 1 : undefined))), '[1]', /null/],
    ['an array with a function', amqp.array([() => 1]), '[0]', /no form/],
    ['an array item out of range', amqp.array([amqp.ubyte(1), amqp.ubyte(300)]), '[1]', /ubyte goes/],
    ['an array of maps and others', amqp.array([{ a: 1 }, new Order()]), '[1]', /no map/],
    ['an array of two descriptors', amqp.array([new Described(1, 1), new Described(2, 1)]), '[1]', /one descriptor/],
    ['an array of too many nulls', amqp.array(Array.from({ length: 65_537 }, () => null)), '', /65536 at most/],
  ])('refuses %s and says where it stands', (_, value, path, reason) => {
    const failure = failureOf(value);
    expect(failure.reason).toMatch(reason);
    expect(failure.path).toBe(path);
    expect(failure.message).toBe(path === '' ? failure.reason : `${path}: ${failure.reason}`);
  });

  it('never says the value itself', () => {
    const secrets = [
      'hunter2-ü',
      { x: Symbol('hunter2') },
      amqp.symbol('hunter2ü'),
      amqp.uuid('hunter2'),
      amqp.char('hunter2'),
    ];
    for (const value of secrets.slice(1)) expect(failureOf(value).message).not.toContain('hunter2');
  });

  it('turns what a getter throws into a failure with its cause', () => {
    const cause = new TypeError('mine');
    const value = {
      get a(): unknown {
        throw cause;
      },
    };
    expect(failureOf(value)).toMatchObject({ path: '', cause });
    expect(failureOf({ list: [value] })).toMatchObject({ path: 'list[0]', cause });
  });

  it('takes 32 levels and no more', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    expect(decodeValue(encodeValue(nested(32)))).toEqual(nested(32));
    expect(failureOf(nested(33)).reason).toMatch(/more than 32 deep/);
  });

  it('takes an object twice that is not inside itself', () => {
    const shared = { a: 1 };
    expect(decodeValue(encodeValue([shared, { shared }]))).toEqual([shared, { shared }]);
  });

  it.each<[string, unknown, string]>([
    ['null', null, '40'],
    ['undefined', undefined, '40'],
    ['true', true, '41'],
    ['a small int', -1, '54ff'],
    ['an int', 128, '7100000080'],
    ['the last int', 2 ** 31 - 1, '717fffffff'],
    ['a long', 2 ** 31, '810000000080000000'],
    ['a safe negative long', -(2 ** 31) - 1, '81ffffffff7fffffff'],
    ['a number beyond the safe ones', 2 ** 53, '824340000000000000'],
    ['a fraction', 0.5, '823fe0000000000000'],
    ['minus zero', -0, '828000000000000000'],
    ['NaN', Number.NaN, '827ff8000000000000'],
    ['Infinity', Infinity, '827ff0000000000000'],
    ['a bigint', 5n, '5505'],
    ['a bigint that a double would round', 2n ** 63n - 1n, '817fffffffffffffff'],
    ['a bigint that no long holds', 2n ** 63n + 1n, '808000000000000001'],
    ['an array of those', amqp.array([2n ** 63n]), 'f00000000d00000001 80 8000000000000000'],
    ['text', 'ü', 'a102c3bc'],
    ['a Buffer', Buffer.from([1]), 'a00101'],
    ['a Uint8Array', new Uint8Array([1]), 'a00101'],
    ['a Date', new Date(-1), '83ffffffffffffffff'],
    ['a Uuid', new Uuid(Buffer.alloc(16, 1)), `98${'01'.repeat(16)}`],
    ['an empty array', [], '45'],
    ['an array', [undefined], 'd00000000500000001 40'],
    ['an object', { a: undefined }, 'd10000000800000002 a10161 40'],
    ['an object without a prototype', Object.assign(Object.create(null), { a: true }), 'd10000000800000002 a10161 41'],
    ['an object of another realm', runInNewContext('({ a: true })'), 'd10000000800000002 a10161 41'],
    ['a date of another realm', runInNewContext('new Date(-1)'), '83ffffffffffffffff'],
    ['a Map of another realm', runInNewContext('new Map([["a", true]])'), 'd10000000800000002 a10161 41'],
    ['a symbol array', amqp.array([amqp.symbol('a')]), 'f00000000a00000001 b3 0000000161'],
  ])('writes %s', (_, value, bytes) => {
    expect(encodeValue(value).toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  it.each(WRAPPED)('writes the wrapper %p so that it reads as %p', (value, decoded) => {
    expect(decodeValue(encodeValue(value))).toStrictEqual(decoded);
  });

  it.each([0, 32, 33, 85, 86, 255, 256, 257])('writes texts of %i characters of any width', (length) => {
    for (const unit of ['x', 'é', '€']) {
      const text = unit.repeat(length);
      expect(decodeValue(encodeValue([text, amqp.array([text])]))).toEqual([text, [text]]);
    }
  });

  it('keeps the bytes of what it cannot say: decimals and far timestamps', () => {
    for (const bytes of ['7422400001', '837fffffffffffffff', '838000000000000000']) {
      expect(encodeValue(decodeValue(Buffer.from(bytes, 'hex'))).toString('hex')).toBe(bytes.replaceAll(' ', ''));
    }
  });

  it(`reads what it wrote (seed ${seed}; FUZZ_SEED repeats it)`, () => {
    for (let index = 0; index < 3_000; index++) {
      const value = plainValue(randomOfCase(seed, index));
      const same = isDeepStrictEqual(decodeValue(encodeValue(value)), value);
      if (!same) expect(decodeValue(encodeValue(value))).toStrictEqual(value);
      expect({ index, same }).toEqual({ index, same: true });
    }
  });

  it('takes values made by another copy of this package', () => {
    const brand = Symbol.for('nestjs-amqp10:value');
    class OtherUuid {
      readonly bytes = Buffer.alloc(16, 1);
      get [brand](): string {
        return 'Uuid';
      }
    }
    const other = new OtherUuid();
    expect(other instanceof Uuid).toBe(true);
    expect(encodeValue(other)).toEqual(encodeValue(new Uuid(Buffer.alloc(16, 1))));
  });
});
