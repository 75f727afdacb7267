import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { EncodingFailure } from '../../../../lib/protocol/errors.js';
import type { AmqpMessage } from '../../../../lib/protocol/message/amqp-message.js';
import {
  encodeBeforeBody,
  encodedSizeBound,
  encodeMessage,
  encodeMessageInto,
} from '../../../../lib/protocol/message/encode-message.js';
import { amqp } from '../../../../lib/protocol/types/amqp.js';
import { Decimal, Described } from '../../../../lib/protocol/types/typed.js';
import { Uuid } from '../../../../lib/protocol/types/uuid.js';
import { plainRecord, randomMessage, randomText } from '../../../fuzz/random-value.js';
import { randomOfCase, seedOfRun, type SeededRandom } from '../../../fuzz/seeded-random.js';
import { decodeMessage } from '../../../fuzz/targets.js';

const NONE: AmqpMessage = { body: undefined, bodyType: 'none' };
const seed = seedOfRun();

/** What JavaScript hands over without a compiler. */
const untyped = (sections: object): AmqpMessage => ({ ...NONE, ...sections });

describe('encoding a message', () => {
  it.each<[string, object, string, RegExp]>([
    ['a priority of 256', { header: { priority: 256 } }, 'header.priority', /0 to 255/],
    ['a priority of 1.5', { header: { priority: 1.5 } }, 'header.priority', /integer/],
    ['a ttl of 2^32', { header: { ttl: 2 ** 32 } }, 'header.ttl', /0 to 4294967295/],
    ['a ttl below 0', { header: { ttl: -1 } }, 'header.ttl', /0 to/],
    ['a ttl of text', { header: { ttl: '5' } }, 'header.ttl', /integer/],
    ['a delivery count of NaN', { header: { deliveryCount: Number.NaN } }, 'header.deliveryCount', /integer/],
    ['a subject of a number', { properties: { subject: 5 } }, 'properties.subject', /an integer is no string/],
    ['a subject with half a pair', { properties: { subject: '\uD800' } }, 'properties.subject', /surrogate/],
    [
      'a long subject with half a pair',
      { properties: { subject: 'é'.repeat(90) + '\uD800' } },
      'properties.subject',
      /surrogate/,
    ],
    ['a content type that is not ASCII', { properties: { contentType: 'téxt' } }, 'properties.contentType', /ASCII/],
    ['a long one', { properties: { contentEncoding: 'ü'.repeat(90) } }, 'properties.contentEncoding', /ASCII/],
    ['an id of a number', { properties: { messageId: 5 } }, 'properties.messageId', /an integer is no id/],
    ['an id below 0', { properties: { messageId: -1n } }, 'properties.messageId', /0 to 2\^64 - 1/],
    ['an id of 2^64', { properties: { correlationId: 2n ** 64n } }, 'properties.correlationId', /0 to 2\^64 - 1/],
    ['a user id of text', { properties: { userId: 'guest' } }, 'properties.userId', /a string is no binary/],
    [
      'an invalid date',
      { properties: { creationTime: new Date(Number.NaN) } },
      'properties.creationTime',
      /valid Date/,
    ],
    ['a date of a number', { properties: { absoluteExpiryTime: 5 } }, 'properties.absoluteExpiryTime', /valid Date/],
    ['a group sequence of -1', { properties: { groupSequence: -1 } }, 'properties.groupSequence', /0 to/],
    ['a nested property', { applicationProperties: { a: { b: 1 } } }, 'applicationProperties.a', /simple values only/],
    ['a list property', { applicationProperties: { a: [] } }, 'applicationProperties.a', /simple values only/],
    ['a typed list property', { applicationProperties: { a: amqp.array([1]) } }, 'applicationProperties.a', /simple/],
    [
      'a described property',
      { applicationProperties: { a: new Described(1, 1) } },
      'applicationProperties.a',
      /simple/,
    ],
    ['a property of a symbol', { applicationProperties: { a: Symbol('x') } }, 'applicationProperties.a', /no form/],
    ['a property out of range', { applicationProperties: { a: amqp.ubyte(256) } }, 'applicationProperties.a', /ubyte/],
    [
      'a property key with half a pair',
      { applicationProperties: { '\uD800': 1 } },
      'applicationProperties.\uD800',
      /surrogate/,
    ],
    ['properties in a Map', { applicationProperties: new Map() }, 'applicationProperties', /is no map/],
    ['an annotation of no form', { messageAnnotations: { a: [() => 1] } }, 'messageAnnotations.a[0]', /no form/],
    ['an annotation key not ASCII', { deliveryAnnotations: { ä: 1 } }, 'deliveryAnnotations.ä', /ASCII/],
    ['a footer in an array', { footer: [1] }, 'footer', /an array is no map/],
    ['data of an object', { bodyType: 'data', body: {} }, 'body', /an object is no data/],
    ['data of undefined', { bodyType: 'data' }, 'body', /undefined is no data/],
    ['data with half a pair', { bodyType: 'data', body: 'x\uDFFF' }, 'body', /surrogate/],
    [
      'a data section of a number',
      { bodyType: 'data', body: [Buffer.alloc(1), 5] },
      'body[1]',
      /an integer is no data/,
    ],
    ['a value of no form', { bodyType: 'value', body: { a: Symbol('x') } }, 'body.a', /no form/],
    ['a sequence of text', { bodyType: 'sequence', body: 'ab' }, 'body', /a string is no sequence/],
    ['a sequence of no form', { bodyType: 'sequence', body: [1, Symbol('x')] }, 'body[1]', /no form/],
    ['a body type that is none', { bodyType: 'json', body: 1 }, 'bodyType', /'data', 'value'/],
  ])('refuses %s and says where it stands', (_, sections, path, reason) => {
    const encode = (): Buffer => encodeMessage(untyped(sections));
    expect(encode).toThrow(EncodingFailure);
    expect(encode).toThrow(expect.objectContaining({ path, reason: expect.stringMatching(reason) }));
  });

  it('writes the usual message byte by byte as the specification has it', () => {
    const bytes = encodeMessage({
      header: { durable: true, priority: 4 },
      properties: { messageId: 'm', to: 'q', contentType: 'a/b' },
      applicationProperties: { k: 1, s: 'v', t: true, n: null, big: 300, huge: 2 ** 40, half: 0.5 },
      body: Buffer.from('hi'),
      bodyType: 'data',
    });
    const expected = [
      '005370 c0 04 02 41 5004',
      '005373 d0 00000013 00000007 a1016d 40 a10171 40 40 40 a303612f62',
      '005374 d1 0000003f 0000000e a1016b 5401 a10173 a10176 a10174 41 a1016e 40 a103626967 710000012c a10468756765 810000010000000000 a10468616c66 823fe0000000000000',
      '005375 a0026869',
    ];
    expect(bytes.toString('hex')).toBe(expected.join('').replaceAll(' ', ''));
  });

  it.each<[string, object, string]>([
    ['no body as a null value', {}, '005377 40'],
    ['an empty header', { header: {} }, '005370 c00100 005377 40'],
    [
      'a full header',
      { header: { durable: false, priority: 0, ttl: 1, firstAcquirer: true, deliveryCount: 2 } },
      '005370 c00f05 42 5000 7000000001 41 7000000002 005377 40',
    ],
    ['a delivery count alone', { header: { deliveryCount: 1 } }, '005370 c00a05 40404040 7000000001 005377 40'],
    ['empty properties', { properties: {} }, '005373 d00000000400000000 005377 40'],
    [
      'a bigint id as a ulong',
      { properties: { messageId: 5n } },
      '005373 d00000000d00000001 800000000000000005 005377 40',
    ],
    ['text as UTF-8 data', { bodyType: 'data', body: 'ü' }, '005375 b000000002c3bc'],
    ['a Uint8Array', { bodyType: 'data', body: new Uint8Array([1]) }, '005375 a00101'],
    [
      'several data sections',
      { bodyType: 'data', body: [Buffer.from([1]), Buffer.alloc(0)] },
      '005375 a00101 005375 a000',
    ],
    [
      'annotations under symbols',
      { messageAnnotations: { 17: 1 } },
      '005372 d10000000a00000002 a3023137 5401 005377 40',
    ],
    ['a footer last', { footer: {}, bodyType: 'sequence', body: [] }, '005376 45 005378 d10000000400000000'],
    [
      'null sections as absent',
      { header: null, properties: { to: null }, footer: null, messageAnnotations: null },
      '005373 d00000000400000000 005377 40',
    ],
    ['null header fields as absent', { header: { durable: null, ttl: null } }, '005370 c00100 005377 40'],
  ])('writes %s', (_, sections, bytes) => {
    expect(encodeMessage(untyped(sections)).toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  it.each([0, 1, 31, 32, 33, 84, 85, 86, 255, 256, 257, 1_000, 70_000])(
    'writes texts of %i characters of any width',
    (length) => {
      for (const unit of ['x', 'é', '€', '\uFFFD']) {
        const text = unit.repeat(length);
        const message: AmqpMessage = {
          ...NONE,
          properties: { subject: text },
          applicationProperties: { [text]: text },
          body: text,
          bodyType: 'data',
        };
        expect(encodeMessage(message).length).toBeLessThanOrEqual(encodedSizeBound(message));
        const decoded = decodeMessage(encodeMessage(message));
        expect(decoded.properties?.subject === text).toBe(true);
        expect(Object.entries(decoded.applicationProperties ?? {})).toStrictEqual([[text, text]]);
        expect((decoded.body as Buffer).equals(Buffer.from(text))).toBe(true);
      }
    },
  );

  it('writes into the room it was given and nowhere else', () => {
    const message = randomMessage(randomOfCase(seed, 1));
    const bound = encodedSizeBound(message);
    const buffer = Buffer.alloc(bound + 200, 0xee);
    const end = encodeMessageInto(buffer, 100, message);
    expect(buffer.subarray(0, 100)).toEqual(Buffer.alloc(100, 0xee));
    expect(buffer.subarray(100 + bound)).toEqual(Buffer.alloc(100, 0xee));
    expect(buffer.subarray(100, end)).toEqual(encodeMessage(message));
  });

  it('notices a body that grows between two looks at it', () => {
    let looks = 0;
    const message = {
      bodyType: 'data' as const,
      get body(): Buffer {
        looks++;
        return Buffer.alloc(looks * 1_000);
      },
    };
    expect(() => encodeMessage(message)).toThrow(EncodingFailure);
  });

  it.each([9, 300, 5_000])('notices properties that grow by %i bytes before a body that is not copied', (more) => {
    let looks = 0;
    const body = Buffer.alloc(20_000);
    const message = {
      body,
      bodyType: 'data' as const,
      applicationProperties: {
        get a(): string {
          return looks++ === 0 ? '' : 'x'.repeat(more);
        },
      },
    };
    expect(() => encodeBeforeBody(message, body.length)).toThrow(EncodingFailure);
  });

  it(`reads what it wrote, within the bound (seed ${seed}; FUZZ_SEED repeats it)`, () => {
    for (let index = 0; index < 1_500; index++) {
      const message = randomMessage(randomOfCase(seed, index));
      const bytes = encodeMessage(message);
      expect(bytes.length).toBeLessThanOrEqual(encodedSizeBound(message));
      const same = isDeepStrictEqual(decodeMessage(bytes), message);
      if (!same) expect(decodeMessage(bytes)).toStrictEqual(message);
      expect({ index, same }).toEqual({ index, same: true });
    }
  });

  it(`never needs more than the bound, whatever users put in (seed ${seed})`, () => {
    for (let index = 0; index < 1_500; index++) {
      const message = wildMessage(randomOfCase(seed, index));
      const bound = encodedSizeBound(message);
      expect(encodeMessageInto(Buffer.allocUnsafe(bound), 0, message)).toBeLessThanOrEqual(bound);
    }
  });
});

/** Wrappers, long texts and arrays in every place that takes them. */
function wildMessage(random: SeededRandom): AmqpMessage {
  const scalar = (): unknown =>
    random.pick<() => unknown>([
      () => amqp.symbol('s'.repeat(random.below(600))),
      () => amqp.char('💚'),
      () => amqp.uuid('00112233-4455-6677-8899-aabbccddeeff'),
      () => amqp.ulong(2n ** 64n - 1n),
      () => amqp.timestamp(-1),
      () => new Decimal(random.bytes(16)),
      () => new Uuid(random.bytes(16)),
      () => random.bytes(random.below(600)),
      () => randomText(random),
      () => new Date(random.uint32()),
      () => 2n ** 62n,
      () => 1e300,
    ])();
  const value = (): unknown =>
    random.oneIn(3) ? amqp.array([amqp.symbol('s'.repeat(random.below(50))), amqp.symbol('')]) : plainRecord(random);
  const scalars = (): Record<string, unknown> => ({
    [randomText(random)]: scalar(),
    ['k'.repeat(random.below(600))]: scalar(),
  });
  const kinds: AmqpMessage[] = [
    { body: scalar(), bodyType: 'value' },
    { body: value(), bodyType: 'value' },
    { body: [value(), scalar()], bodyType: 'sequence' },
    { body: randomText(random).repeat(5), bodyType: 'data' },
    { body: [random.bytes(random.below(400)), randomText(random)], bodyType: 'data' },
    { body: undefined, bodyType: 'none' },
  ];
  return {
    ...random.pick(kinds),
    header: random.oneIn(2)
      ? { deliveryCount: 2 ** 32 - 1, ttl: 2 ** 32 - 1, priority: 255, durable: true, firstAcquirer: true }
      : undefined,
    applicationProperties: scalars(),
    messageAnnotations: { x: value(), y: scalar() },
    footer: random.oneIn(2) ? { z: value() } : undefined,
    properties: {
      messageId: 2n ** 64n - 1n,
      subject: randomText(random).repeat(3),
      userId: random.bytes(random.below(600)),
    },
  };
}
