import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { EncodeError } from '../../../../lib/client/errors.js';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import { decodeMessage, encodedSize, encodeMessage } from '../../../../lib/client/message/message-bytes.js';
import { bodyOf, headerOf } from '../../../../lib/client/message/message-parts.js';
import { MessageIds } from '../../../../lib/client/message/message-ids.js';
import { OutgoingMessages } from '../../../../lib/client/message/outgoing-message.js';
import { CodecRegistry } from '../../../../lib/client/codec/codec-registry.js';
import { amqp, DecodeError, Uuid, type AmqpMessage } from '../../../../lib/protocol/index.js';

const full = (): AmqpMessage =>
  createMessage({
    header: { durable: true, priority: 7, ttl: 5_000, firstAcquirer: true, deliveryCount: 2 },
    deliveryAnnotations: { 'x-opt-hop': 1 },
    messageAnnotations: { 'x-opt-key': 'k' },
    properties: {
      messageId: new Uuid('0f0e0d0c-0b0a-0908-0706-050403020100'),
      userId: Buffer.from('me'),
      to: 'a',
      subject: 's',
      replyTo: 'r',
      correlationId: 2n ** 63n,
      contentType: 'text/plain',
      contentEncoding: 'gzip',
      absoluteExpiryTime: new Date(1_000),
      creationTime: new Date(2_000),
      groupId: 'g',
      groupSequence: 3,
      replyToGroupId: 'rg',
    },
    applicationProperties: { text: 't', yes: true, count: 2 ** 40 },
    body: ['a', 1, null],
    bodyType: 'sequence',
    footer: { 'x-opt-sum': 'f' },
  });

/** Descriptor codes of the sections, in their order. */
function sectionsOf(bytes: Buffer): number[] {
  const codes: number[] = [];
  for (let at = 0; at < bytes.length;) {
    codes.push(bytes[at + 2] ?? 0);
    const size = bytes[at + 3] ?? 0;
    if (size === 0xc0) at += 5 + (bytes[at + 4] ?? 0);
    else if (size === 0xd0 || size === 0xd1) at += 8 + bytes.readUInt32BE(at + 4);
    else if (size === 0xc1) at += 5 + (bytes[at + 4] ?? 0);
    else throw new Error(`unforeseen type 0x${size.toString(16)}`);
  }
  return codes;
}

describe('a message as bytes', () => {
  it('has its sections in the order of the specification, and its size is that of the bytes', () => {
    const message = full();
    const bytes = encodeMessage(message);
    expect(sectionsOf(bytes)).toEqual([0x70, 0x71, 0x72, 0x73, 0x74, 0x76, 0x78]);
    expect(encodedSize(message)).toBe(bytes.length);
  });

  it.each<[string, Partial<AmqpMessage>]>([
    ['every section and a sequence', full()],
    ['data', { body: Buffer.from('d'), bodyType: 'data' }],
    ['a value', { body: { a: [1, 'x', null] }, bodyType: 'value' }],
    ['an empty sequence', { body: [], bodyType: 'sequence' }],
    ['an empty list as a value', { body: [] }],
  ])('comes back whole: %s', (_name, sections) => {
    const message = createMessage(sections);
    const copy = decodeMessage(encodeMessage(message));
    expect(copy).toEqual({ ...message });
    expect(copy).not.toBe(message);
    expect(encodeMessage(copy)).toEqual(encodeMessage(message));
  });

  it('has nothing added, and may be sent again any number of times', () => {
    const message = decodeMessage(encodeMessage(createMessage({ body: 'x' })));
    expect([message.header, message.properties]).toEqual([undefined, undefined]);
    const before = { ...message };
    const outgoing = new OutgoingMessages(new CodecRegistry(), new MessageIds());
    const ids = [1, 2].map(() => outgoing.make(message, undefined).properties?.messageId);
    expect(new Set(ids).size).toBe(2);
    expect({ ...message }).toEqual(before);
  });

  it('without a form in AMQP is an EncodeError that names the place', () => {
    const message = createMessage({ body: { deep: [Symbol('no')] } });
    expect(() => encodeMessage(message)).toThrow(EncodeError);
    expect(() => encodedSize(message)).toThrow(/body\.deep\[0\]/);
  });

  it.each<[string, unknown]>([
    ['no bytes', 'text'],
    ['nonsense', Buffer.from('nonsense')],
    ['a message cut short', encodeMessage(full()).subarray(0, -3)],
    ['sections out of order', Buffer.concat([encodeMessage(createMessage({ body: 'x' })), encodeMessage(full())])],
    ['a list that says it has 2^32 items', Buffer.from('005373d0fffffff0ffffffff', 'hex')],
  ])('hostile: %s is a DecodeError', (_name, bytes) => {
    expect(() => decodeMessage(bytes as Buffer)).toThrow(DecodeError);
  });

  it('at random never is anything but a DecodeError', () => {
    for (let round = 0; round < 500; round++) {
      const bytes = Buffer.concat([
        Buffer.from('0053', 'hex'),
        Buffer.from([0x70 + (round % 9)]),
        randomBytes(round % 40),
      ]);
      try {
        decodeMessage(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }
  });

  it('is read out of a Uint8Array that begins in the middle of its memory', () => {
    const bytes = encodeMessage(createMessage({ body: 'x' }));
    const memory = new Uint8Array(bytes.length + 8);
    memory.set(bytes, 5);
    expect(String(decodeMessage(memory.subarray(5, 5 + bytes.length)).body)).toBe('x');
  });
});

describe('the body of a message by its kind', () => {
  it.each<[Partial<AmqpMessage>, object]>([
    [{ body: 'text' }, { kind: 'data', data: [Buffer.from('text')] }],
    [{ body: [Buffer.from('a'), Buffer.from('b')] }, { kind: 'data', data: [Buffer.from('a'), Buffer.from('b')] }],
    [{ body: new Uint8Array([1, 2]) }, { kind: 'data', data: [Buffer.from([1, 2])] }],
    [{ body: { a: 0 } }, { kind: 'value', value: { a: 0 } }],
    [
      { body: '', bodyType: 'value' },
      { kind: 'value', value: '' },
    ],
    [
      { body: 0, bodyType: 'value' },
      { kind: 'value', value: 0 },
    ],
    [
      { body: [[1], 2], bodyType: 'sequence' },
      { kind: 'sequence', sequence: [[1], 2] },
    ],
    [{}, { kind: 'none' }],
  ])('of %j is %j', (sections, body) => {
    expect(bodyOf(createMessage(sections))).toEqual(body);
  });
});

describe('the header with its defaults', () => {
  it.each<[string, AmqpMessage['header'], object]>([
    ['no header', undefined, {}],
    ['an empty one', {}, {}],
    ['only a count', { deliveryCount: 3 }, { deliveryCount: 3 }],
    ['false as it is', { durable: false, firstAcquirer: false }, {}],
    [
      'all of it',
      { durable: true, priority: 0, ttl: 0, firstAcquirer: true },
      { durable: true, priority: 0, ttl: 0, firstAcquirer: true },
    ],
  ])('of %s', (_name, header, said) => {
    const message = decodeMessage(encodeMessage(createMessage({ body: 'x', ...(header && { header }) })));
    const defaults = { durable: false, priority: 4, ttl: undefined, firstAcquirer: false, deliveryCount: 0 };
    expect(headerOf(message)).toEqual({ ...defaults, ...said });
  });
});

describe('strings', () => {
  it('come back as strings and binaries as Buffers, in every section', () => {
    const message = decodeMessage(encodeMessage(full()));
    expect(message.properties).toMatchObject({ subject: 's', contentType: 'text/plain', userId: Buffer.from('me') });
    expect(message.applicationProperties).toEqual({ text: 't', yes: true, count: 2 ** 40 });
    expect(message.messageAnnotations).toEqual({ 'x-opt-key': 'k' });
    const mixed = createMessage({ body: ['text', Buffer.from('bytes'), amqp.symbol('word')], bodyType: 'sequence' });
    expect(decodeMessage(encodeMessage(mixed)).body).toEqual(['text', Buffer.from('bytes'), 'word']);
  });
});
