import { describe, expect, it } from '@jest/globals';
import { DecodeError } from '../../../../lib/protocol/errors.js';
import type { AmqpMessage } from '../../../../lib/protocol/message/amqp-message.js';
import { decodeDataSections, decodeMessageInto } from '../../../../lib/protocol/message/decode-message.js';
import { encodeMessage } from '../../../../lib/protocol/message/encode-message.js';
import { encodeValue } from '../../../../lib/protocol/types/encode.js';
import { Described } from '../../../../lib/protocol/types/typed.js';
import { Uuid } from '../../../../lib/protocol/types/uuid.js';
import { randomMessage } from '../../../fuzz/random-value.js';
import { randomOfCase, seedOfRun } from '../../../fuzz/seeded-random.js';
import { decodeMessage } from '../../../fuzz/targets.js';
import { collectGarbage } from '../../../support/garbage.js';

const seed = seedOfRun();
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const HEADER = '005370 45';
const DELIVERY = '005371 c10100';
const ANNOTATIONS = '005372 c10100';
const PROPERTIES = '005373 45';
const APPLICATION = '005374 c10100';
const DATA = '005375 a00101';
const SEQUENCE = '005376 c0020141';
const VALUE = '005377 41';
const FOOTER = '005378 c10100';

describe('decoding a message', () => {
  it.each([
    ['was read', `${HEADER} ${DATA}`],
    ['was refused', `${DATA} ${HEADER}`],
  ])('keeps no hold of the memory of one that %s', async (_what, sections) => {
    const read = (): WeakRef<Buffer> => {
      const memory = Buffer.alloc(10_000);
      const end = hex(sections).copy(memory);
      const decode = (): void => decodeMessageInto({ body: undefined, bodyType: 'none' }, memory, 0, end);
      if (sections.startsWith(HEADER)) decode();
      else expect(decode).toThrow(DecodeError);
      return new WeakRef(memory);
    };
    const memory = read();
    await collectGarbage();
    expect(memory.deref()).toBeUndefined();
  });

  it.each([
    ['a section twice', `${HEADER} ${HEADER} ${DATA}`, /repeated or out of order/],
    ['properties twice', `${PROPERTIES} ${PROPERTIES} ${DATA}`, /repeated/],
    ['a header behind properties', `${PROPERTIES} ${HEADER} ${DATA}`, /out of order/],
    ['a header behind the body', `${DATA} ${HEADER}`, /out of order/],
    ['two values', `${VALUE} ${VALUE}`, /repeated/],
    ['data behind a value', `${VALUE} ${DATA}`, /out of order/],
    ['a value behind data', `${DATA} ${VALUE}`, /bodies of two kinds/],
    ['a sequence behind data', `${DATA} ${SEQUENCE}`, /bodies of two kinds/],
    ['a value behind a sequence', `${SEQUENCE} ${VALUE}`, /bodies of two kinds/],
    ['a body behind the footer', `${FOOTER} ${DATA}`, /out of order/],
    ['two footers', `${DATA} ${FOOTER} ${FOOTER}`, /repeated/],
    ['a section 0x6f', `00536f 45`, /no section/],
    ['a section 0x79', `${DATA} 005379 45`, /no section/],
    ['a performative as a section', '005314 45', /no section/],
    ['a section of a large descriptor', '0080 ffffffffffffffff 45', /does not define/],
    ['a section named __proto__', '00a3095f5f70726f746f5f5f 45', /does not define/],
    ['a value that is no section', '41', /no section/],
    ['bytes behind the last section', `${DATA} ff`, /no section/],
    ['data that is a list', '005375 45', /expected a binary/],
    ['data that is null', '005375 40', /null/],
    ['a sequence that is text', '005376 a10161', /no list/],
    ['a header that is a map', '005370 c10100', /expected a list/],
    ['a header of six fields', '005370 c00706 404040404040', /more than 5/],
    ['a durable that is a number', '005370 c0030152 01', /expected a boolean/],
    ['a priority of 256', '005370 c00602 40 60 0100', /./],
    ['a priority of 65 535', '005370 c00502 40 60 ffff', /priority/],
    ['a ttl of text', '005370 c00603 40 40 a10131', /unsigned integer/],
    ['a ttl of 2^32', '005370 c00c03 40 40 80 0000000100000000', /over 2\^32 - 1/],
    ['a header longer than it says', '005370 c00201 41 41', /./],
    ['properties of fourteen fields', `005373 c00f0e ${'40'.repeat(14)}`, /more than 13/],
    ['an id that is a boolean', '005373 c0020141', /message id/],
    ['an id that is a list', '005373 c0020145', /message id/],
    ['an id that is a negative int', '005373 c0030154ff', /message id/],
    ['a subject that is a number', '005373 c00604 40 40 40 5201', /expected a symbol/],
    ['a user id that is text', '005373 c00502 40 a10161', /expected a binary/],
    ['a creation time that is a long', '005373 c00c0a 404040404040404040 5501', /timestamp/],
    ['a time beyond a Date', '005373 c0120a 404040404040404040 837fffffffffffffff', /beyond what a Date/],
    ['application properties that are a list', '005374 45', /expected a map/],
    ['application properties of odd count', '005374 c1030140 40', /./],
    ['an application property under a number', '005374 c10402 5201 41', /neither a string nor a symbol/],
    ['annotations under a list', '005372 c10302 45 41', /neither a string nor a symbol/],
    ['a footer that is text', `${DATA} 005378 a10161`, /expected a map/],
  ])('refuses %s', (_, bytes, reason) => {
    expect(() => decodeMessage(hex(bytes))).toThrow(DecodeError);
    expect(() => decodeMessage(hex(bytes))).toThrow(reason);
  });

  it(`refuses a message cut at any byte but those between sections (seed ${seed})`, () => {
    const message = randomMessage(randomOfCase(seed, 3));
    const whole = encodeMessage({ ...message, body: { a: 1 }, bodyType: 'value', footer: undefined });
    const ends = new Set(sectionEnds(whole));
    for (let length = 0; length < whole.length; length++) {
      // The rest stands right behind in memory.
      const cut = (): void => decodeMessageInto({ body: undefined, bodyType: 'none' }, whole, 0, length);
      if (ends.has(length)) expect(cut).not.toThrow();
      else expect(cut).toThrow(DecodeError);
    }
  });

  it.each([
    ['data', '005375 a003 010203'],
    ['long data', '005375 b000000003 010203'],
    ['a value', '005377 a103 616263'],
    ['an id', '005373 c00601 a103 616263'],
  ])('does not read %s on into what stands behind the message', (_, bytes) => {
    const whole = hex(bytes);
    for (let length = 1; length < whole.length; length++) {
      expect(() => decodeMessageInto({ body: undefined, bodyType: 'none' }, whole, 0, length)).toThrow(DecodeError);
    }
  });

  it('reads every section', () => {
    const message = decodeMessage(hex([HEADER, DELIVERY, ANNOTATIONS, PROPERTIES, APPLICATION, DATA, FOOTER].join('')));
    expect(message).toMatchObject({
      header: {},
      deliveryAnnotations: {},
      messageAnnotations: {},
      properties: {},
      applicationProperties: {},
      footer: {},
      body: Buffer.from([1]),
      bodyType: 'data',
    });
  });

  it('leaves what the header does not say undefined', () => {
    expect(decodeMessage(hex(`${HEADER} ${DATA}`)).header).toStrictEqual({
      durable: undefined,
      priority: undefined,
      ttl: undefined,
      firstAcquirer: undefined,
      deliveryCount: undefined,
    });
  });

  it('says none when there is no body, and when there is nothing at all', () => {
    expect(decodeMessage(hex(HEADER))).toMatchObject({ bodyType: 'none', body: undefined });
    expect(decodeMessage(Buffer.alloc(0))).toMatchObject({ bodyType: 'none', header: undefined });
  });

  it.each([
    ['several data sections', `${DATA} 005375 a000 005375 a0020203`, 'data', Buffer.from([1, 2, 3])],
    ['an empty data section', '005375 a000', 'data', Buffer.alloc(0)],
    ['several sequences', `${SEQUENCE} ${SEQUENCE} 005376 45`, 'sequence', [true, true]],
    ['a null value', '005377 40', 'value', null],
    ['a described value', '005377 005301 41', 'value', new Described(1, true)],
    ['sections named by symbols', '00a310616d71703a646174613a62696e617279 a00101', 'data', Buffer.from([1])],
    ['wide descriptors', '00 80 0000000000000075 a00101', 'data', Buffer.from([1])],
  ])('reads %s', (_, bytes, bodyType, body) => {
    expect(decodeMessage(hex(bytes))).toMatchObject({ bodyType, body });
  });

  it.each<[string, string, unknown]>([
    ['text', 'a10161', 'a'],
    ['a ulong', '5305', 5n],
    ['a wide ulong', '80ffffffffffffffff', 2n ** 64n - 1n],
    ['ulong 0', '44', 0n],
    ['a binary', 'a00101', Buffer.from([1])],
    ['a uuid', `98${'01'.repeat(16)}`, new Uuid(Buffer.alloc(16, 1))],
    ['null', '40', undefined],
  ])('reads an id of %s', (_, bytes, id) => {
    const field = hex(bytes);
    const list = Buffer.concat([hex('005373 c0'), Buffer.from([field.length + 1, 1]), field]);
    expect(decodeMessage(list).properties?.messageId).toStrictEqual(id);
  });

  it('takes strings for symbols and symbols for strings, as some peers send them', () => {
    const bytes = hex('005373 c01207 a3016d 40 a30171 a30173 40 40 a103612f62');
    bytes[4] = bytes.length - 5;
    expect(decodeMessage(bytes).properties).toMatchObject({
      messageId: 'm',
      to: 'q',
      subject: 's',
      contentType: 'a/b',
    });
  });

  it('gives numbers as keys of annotations as their digits', () => {
    expect(decodeMessage(hex('005372 c10804 5305 41 a30161 42')).messageAnnotations).toStrictEqual({
      5: true,
      a: false,
    });
  });

  it.each(['005371', '005372', '005374', '005378'])('drops __proto__ in section %s', (section) => {
    const map = encodeValue(
      new Map([
        ['__proto__', new Map([['admin', true]])],
        ['kept', new Map()],
      ]),
    );
    const message = decodeMessage(Buffer.concat([hex(section), map]));
    const record =
      message.deliveryAnnotations ??
      message.messageAnnotations ??
      message.applicationProperties ??
      message.footer ??
      {};
    expect(Object.keys(record)).toEqual(['kept']);
    expect(Reflect.get(record, 'admin')).toBeUndefined();
  });

  it('reads 100 000 application properties', () => {
    const record = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`key${index}`, index]));
    const message: AmqpMessage = { applicationProperties: record, body: undefined, bodyType: 'none' };
    expect(decodeMessage(encodeMessage(message)).applicationProperties).toEqual(record);
  });

  it('refuses more values than a message may have before it builds them', () => {
    const list = Buffer.alloc(9 + 1_000_001, 0x45);
    list[0] = 0xd0;
    list.writeUInt32BE(list.length - 5, 1);
    list.writeUInt32BE(1_000_001, 5);
    expect(() => decodeMessage(Buffer.concat([hex('005377'), list]))).toThrow('more than 1000000 values');
  });

  it.each([
    ['data', '005375 a000'],
    ['sequence', '005376 45'],
  ])('refuses more empty %s sections than a message may have values', (_kind, section) => {
    const bytes = Buffer.alloc(hex(section).length * 1_000_001, hex(section));
    expect(() => decodeMessage(bytes)).toThrow('more than 1000000 values');
    expect(() => decodeDataSections(bytes, 0, bytes.length)).toThrow('more than 1000000 values');
  });

  it('leaves absent sections of the target alone', () => {
    const header = { durable: true };
    const target: AmqpMessage = { header, body: 1, bodyType: 'value' };
    const bytes = hex(DATA);
    decodeMessageInto(target, bytes, 0, bytes.length);
    expect(target).toEqual({ header, body: Buffer.from([1]), bodyType: 'data' });
  });

  it.each([
    [100, 65_536, false],
    [4096, 4200, false],
    [40_000, 65_536, true],
    [20_000, 65_536, false],
  ])('a body of %i bytes in a chunk of %i bytes refers to it: %p', (size, chunkSize, shares) => {
    const chunk = Buffer.alloc(chunkSize);
    const bytes = encodeMessage({ body: Buffer.alloc(size, 7), bodyType: 'data' });
    bytes.copy(chunk, 10);
    const target: AmqpMessage = { body: undefined, bodyType: 'none' };
    decodeMessageInto(target, chunk, 10, 10 + bytes.length);
    const body = target.body as Buffer;
    expect(body.equals(Buffer.alloc(size, 7))).toBe(true);
    expect(body.buffer === chunk.buffer).toBe(shares);
    if (!shares) {
      chunk.fill(0);
      expect(body.equals(Buffer.alloc(size, 7))).toBe(true);
    }
  });
});

describe('the data sections of a batch', () => {
  it('come one by one, other sections skipped', () => {
    const inner = [
      encodeMessage({ body: Buffer.from('a'), bodyType: 'data' }),
      encodeMessage({ body: 1, bodyType: 'value' }),
    ];
    const batch = encodeMessage({
      header: { durable: true },
      messageAnnotations: { k: 1 },
      body: inner,
      bodyType: 'data',
    });
    const outer = Buffer.concat([Buffer.alloc(5), batch, Buffer.alloc(5)]);
    expect(decodeDataSections(outer, 5, 5 + batch.length)).toEqual(inner);
  });

  it.each([
    ['null', '005375 40'],
    ['a section cut short', '005375 a005 01'],
    ['an unknown section', '005390 45'],
    ['no section', '41'],
  ])('refuse %s', (_, bytes) => {
    const input = hex(bytes);
    expect(() => decodeDataSections(input, 0, input.length)).toThrow(DecodeError);
  });
});

/** Where sections end: a message may be cut there. Written down from the shape of what our encoder makes. */
function sectionEnds(bytes: Buffer): number[] {
  const ends = [0];
  let at = 0;
  while (at < bytes.length) {
    const code = bytes.readUInt8(at + 3);
    at += code === 0xc0 ? 5 + bytes.readUInt8(at + 4) : 8 + bytes.readUInt32BE(at + 4);
    ends.push(at);
  }
  return ends;
}
