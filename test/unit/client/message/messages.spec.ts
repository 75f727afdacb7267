import { describe, expect, it } from '@jest/globals';
import { CodecRegistry } from '../../../../lib/client/codec/codec-registry.js';
import { bytesOf } from '../../../../lib/client/message/body-bytes.js';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import { MessageIds } from '../../../../lib/client/message/message-ids.js';
import { isAmqpMessage } from '../../../../lib/client/message/message.js';
import { OutgoingMessages } from '../../../../lib/client/message/outgoing-message.js';
import { checkSendOptions, mergeSendOptions } from '../../../../lib/client/message/send-options.js';
import { InvalidOptionsError, Uuid, type AmqpMessage } from '../../../../lib/protocol/index.js';

const outgoing = new OutgoingMessages(new CodecRegistry(), new MessageIds());

describe('message ids', () => {
  it('are random UUIDs of version 4, all different', () => {
    const ids = new MessageIds();
    const all = Array.from({ length: 10_000 }, () => ids.next());
    expect(new Set(all).size).toBe(10_000);
    for (const id of all) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('createMessage', () => {
  it.each<[string, unknown, string]>([
    ['a section that does not exist', { heading: {} }, 'message.heading'],
    ['a typing mistake, with a suggestion', { bodytype: 'data' }, "did you mean 'bodyType'"],
    ['a section that is no map', { properties: 'x' }, 'message.properties'],
    ['a kind of body that does not exist', { bodyType: 'json' }, 'message.bodyType'],
    ['a sequence that is no array', { bodyType: 'sequence', body: 'x' }, 'message.body'],
    ['data that is no bytes', { bodyType: 'data', body: { a: 1 } }, 'message.body'],
    ['nothing at all', null, 'message'],
    ['a property that does not exist', { properties: { mesageId: 'm' } }, 'message.properties.mesageId'],
    ['a subject that is no text', { properties: { subject: 1 } }, 'message.properties.subject must be a string'],
    ['a message id of a type that AMQP has not', { properties: { messageId: 7 } }, 'message.properties.messageId'],
    ['a user id that is no bytes', { properties: { userId: 'me' } }, 'message.properties.userId must be a Buffer'],
    ['a time that is none', { properties: { creationTime: new Date('x') } }, 'message.properties.creationTime'],
    [
      'a sequence number over its range',
      { properties: { groupSequence: 2 ** 32 } },
      'message.properties.groupSequence',
    ],
    ['a header field that does not exist', { header: { time_to_live: 5 } }, 'message.header.time_to_live'],
    [
      'a priority over 255',
      { header: { priority: 256 } },
      'message.header.priority must be a whole number from 0 to 255',
    ],
    ['a format that is no uint', { messageFormat: -1 }, 'message.messageFormat'],
    ['annotations that are no map', { messageAnnotations: ['x-a'] }, 'message.messageAnnotations'],
    ['application properties that are no map', { applicationProperties: 'a' }, 'message.applicationProperties'],
  ])('refuses %s', (_name, sections, words) => {
    expect(() => createMessage(sections as Partial<AmqpMessage>)).toThrow(InvalidOptionsError);
    expect(() => createMessage(sections as Partial<AmqpMessage>)).toThrow(words);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'none'],
    ['a Buffer', Buffer.from('x'), 'data'],
    ['a string', 'x', 'data'],
    ['a list of Buffers', [Buffer.from('x')], 'data'],
    ['an empty list', [], 'value'],
    ['null', null, 'value'],
    ['an object', { a: 1 }, 'value'],
  ])('chooses the kind of body for %s', (_name, body, bodyType) => {
    expect(createMessage({ body }).bodyType).toBe(bodyType);
  });

  it('makes what is known as a message, and nothing else is', () => {
    expect(isAmqpMessage(createMessage({ body: 1 }))).toBe(true);
    expect(isAmqpMessage({ body: 1, bodyType: 'value' })).toBe(false);
    expect(isAmqpMessage(null)).toBe(false);
  });
});

describe('a message of a value', () => {
  it('is durable and has a random id and its content type', () => {
    const { header, properties, body, bodyType } = outgoing.make({ a: 1 }, undefined);
    expect(header?.durable).toBe(true);
    expect(properties?.messageId).toMatch(/^[0-9a-f-]{36}$/);
    expect(properties?.contentType).toBe('application/json');
    expect(properties?.creationTime).toBeUndefined();
    expect([body, bodyType]).toEqual(['{"a":1}', 'data']);
  });

  it('has each option in the section where the specification has it', () => {
    const creationTime = new Date(5);
    const message = outgoing.make('x', {
      messageId: 7n,
      to: 'a',
      subject: 'b',
      replyTo: 'c',
      correlationId: 'd',
      contentType: 'text/plain',
      contentEncoding: 'e',
      groupId: 'f',
      groupSequence: 1,
      userId: 'g',
      creationTime,
      ttlMs: 9,
      priority: 3,
      durable: false,
      applicationProperties: { p: 1 },
      messageAnnotations: { m: 2 },
      deliveryAnnotations: { d: 3 },
      footer: { f: 4 },
    });
    expect({ ...message }).toEqual({
      header: { durable: false, priority: 3, ttl: 9 },
      properties: {
        messageId: 7n,
        to: 'a',
        subject: 'b',
        replyTo: 'c',
        correlationId: 'd',
        contentType: 'text/plain',
        contentEncoding: 'e',
        groupId: 'f',
        groupSequence: 1,
        userId: Buffer.from('g'),
        creationTime,
      },
      applicationProperties: { p: 1 },
      messageAnnotations: { m: 2 },
      deliveryAnnotations: { d: 3 },
      footer: { f: 4 },
      body: 'x',
      bodyType: 'data',
    });
  });

  it('goes without a codec as a value or sequence', () => {
    expect(outgoing.make({ a: 1n }, { bodyType: 'value' })).toMatchObject({ body: { a: 1n }, bodyType: 'value' });
    expect(outgoing.make([1, 2], { bodyType: 'sequence' })).toMatchObject({ body: [1, 2], bodyType: 'sequence' });
    expect(() => outgoing.make(1, { bodyType: 'sequence' })).toThrow('must be an array');
  });
});

describe('a message made by createMessage', () => {
  const given = createMessage({
    header: { priority: 2, ttl: 50, deliveryCount: 4 },
    properties: { subject: 's' },
    body: { a: 1 },
  });

  it('keeps its sections, gets an id and durability, and stays itself unchanged', () => {
    const before = JSON.stringify(given);
    const first = outgoing.make(given, undefined);
    const second = outgoing.make(given, undefined);
    expect(first.header).toEqual({ durable: true, priority: 2, ttl: 50 });
    expect(first.properties?.subject).toBe('s');
    expect(first.properties?.messageId).not.toBe(second.properties?.messageId);
    expect([first.body, first.bodyType]).toEqual([{ a: 1 }, 'value']);
    expect(JSON.stringify(given)).toBe(before);
  });

  it('has the options over its sections', () => {
    const options = { subject: 't', ttlMs: 1, contentType: 'a/b', applicationProperties: { x: 1 } };
    const { header, properties, applicationProperties } = outgoing.make(given, options);
    expect(header?.ttl).toBe(1);
    expect(properties).toMatchObject({ subject: 't', contentType: 'a/b' });
    expect(applicationProperties).toEqual({ x: 1 });
  });
});

describe('send options', () => {
  it.each<[string, unknown]>([
    ['messageId', 5],
    ['messageId', -1n],
    ['messageId', 2n ** 64n],
    ['correlationId', {}],
    ['to', 1],
    ['subject', Symbol.iterator],
    ['groupSequence', -1],
    ['groupSequence', 2 ** 32],
    ['userId', Buffer.from('x')],
    ['creationTime', new Date(Number.NaN)],
    ['creationTime', 5],
    ['ttlMs', -1],
    ['ttlMs', 1.5],
    ['ttlMs', 2 ** 32],
    ['priority', 256],
    ['durable', 'yes'],
    ['delayMs', -5],
    ['applicationProperties', []],
    ['messageAnnotations', 'x'],
    ['deliveryAnnotations', null],
    ['footer', Buffer.from('x')],
    ['bodyType', 'json'],
    ['mandatory', 1],
    ['timeoutMs', 0],
    ['timeoutMs', Infinity],
    ['signal', {}],
    ['compress', 'zip'],
    ['immediate', true],
    ['transaction', 'tx'],
    ['persistent', true],
  ])('refuse %s = %p by name', (name, value) => {
    expect(() => checkSendOptions({ [name]: value }, 'defaults')).toThrow(`defaults.${name}`);
  });

  it('may all be undefined, and take everything that AMQP has as an id', () => {
    expect(() => checkSendOptions({ subject: undefined, nonsense: undefined }, '')).not.toThrow();
    for (const messageId of ['x', 0n, Buffer.from('x'), new Uuid(Buffer.alloc(16))])
      expect(() => checkSendOptions({ messageId }, '')).not.toThrow();
  });

  it('of the call win over those of the client, maps are joined', () => {
    const defaults = { subject: 'a', priority: 1, applicationProperties: { x: 1, y: 1 } };
    const options = { subject: 'b', priority: undefined, applicationProperties: { y: 2 } };
    expect(mergeSendOptions(defaults, options)).toEqual({
      subject: 'b',
      priority: 1,
      applicationProperties: { x: 1, y: 2 },
    });
  });
});

it.each<[string, Partial<AmqpMessage>, number]>([
  ['bytes of a string, not its characters', { body: 'grüß', bodyType: 'data' }, 6],
  ['bytes', { body: Buffer.alloc(10), bodyType: 'data' }, 10],
  ['all parts', { body: [Buffer.alloc(10), Buffer.alloc(5)], bodyType: 'data' }, 15],
  ['texts in values', { body: { key: 'value', list: ['ab'] }, bodyType: 'value' }, 14],
  ['application properties', { bodyType: 'none', applicationProperties: { key: 'value' } }, 8],
])('the size of a message counts %s', (_name, message, bytes) => {
  expect(bytesOf({ body: undefined, bodyType: 'none', ...message })).toBe(bytes);
});
