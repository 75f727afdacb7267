import { describe, expect, it } from '@jest/globals';
import {
  amqp,
  cloudEvent,
  cloudEventOf,
  createMessage,
  decodeMessage,
  DecodeError,
  encodeMessage,
  InvalidOptionsError,
  isCloudEvent,
  type AmqpMessage,
  type CloudEvent,
  type CloudEventOptions,
} from '../../../../lib/client/index.js';
import { CodecRegistry } from '../../../../lib/client/codec/codec-registry.js';
import { MessageIds } from '../../../../lib/client/message/message-ids.js';
import { OutgoingMessages } from '../../../../lib/client/message/outgoing-message.js';

const codecs = new CodecRegistry();
const outgoing = new OutgoingMessages(codecs, new MessageIds());
const BASE = { source: '/shop', type: 'order.placed' };

/** As a receiver sees it: over the bytes, and through the codecs. */
function arrived(event: CloudEvent, options?: CloudEventOptions): AmqpMessage {
  const message = decodeMessage(encodeMessage(outgoing.make(...cloudEvent(event, options))));
  return { ...message, body: codecs.decode(message) };
}

const binaryOf = (applicationProperties: Record<string, unknown>): AmqpMessage =>
  createMessage({
    applicationProperties: {
      'cloudEvents:specversion': '1.0',
      'cloudEvents:id': '1',
      'cloudEvents:source': '/s',
      'cloudEvents:type': 't',
      ...applicationProperties,
    },
  });

function structuredOf(body: unknown, contentType = 'application/cloudevents+json'): AmqpMessage {
  return { ...createMessage({ properties: { contentType } }), body, bodyType: 'data' };
}
const EVENT = { specversion: '1.0', id: '1', source: '/s', type: 't' };

describe('a CloudEvent', () => {
  const full: CloudEvent = {
    ...BASE,
    id: 'e-1',
    subject: 'order/7',
    time: new Date(1_700_000_000_123),
    dataschema: 'https://example.com/order',
    datacontenttype: 'application/json; charset=utf-8',
    tenant: 'acme',
    vip: true,
    tries: -3,
    data: { id: 7, name: 'Ångström' },
  };

  it.each<[string, CloudEventOptions | undefined]>([
    ['in binary mode', undefined],
    ['in binary mode with the older separator', { separator: ':' }],
    ['in structured mode', { mode: 'structured' }],
  ])('arrives as it was sent %s', (_mode, options) => {
    const message = arrived(full, options);
    expect(isCloudEvent(message)).toBe(true);
    expect(cloudEventOf(message)).toEqual({ ...full, specversion: '1.0', time: '2023-11-14T22:13:20.123Z' });
  });

  it.each<[string, unknown]>([
    ['an object', { a: [1] }],
    ['bytes', Buffer.from([0, 255])],
    ['a text', 'grüße'],
    ['null', null],
    ['nothing', undefined],
  ])('carries %s in both modes', (_what, data) => {
    for (const mode of ['binary', 'structured'] as const)
      expect(cloudEventOf(arrived({ ...BASE, data }, { mode })).data).toEqual(data);
    expect('data' in cloudEventOf(arrived({ ...BASE, data }))).toBe(data !== undefined);
  });

  it.each(['binary', 'structured'] as const)('has no data in %s mode where it has but a content type', (mode) => {
    const event = { ...BASE, datacontenttype: 'application/json' };
    expect(cloudEventOf(arrived(event, { mode }))).not.toHaveProperty('data');
    const { body, bodyType } = createMessage({ body: null, bodyType: 'value' });
    const withNull = { ...arrived(event, { mode: 'binary' }), body, bodyType };
    expect(cloudEventOf(withNull)).not.toHaveProperty('data'); // what is on the wire in place of no body
  });

  it('is in binary mode a message like any other, with typed attributes beside it', () => {
    const [value, options] = cloudEvent(full);
    expect(value).toBe(full.data);
    expect(options).toEqual({
      contentType: 'application/json; charset=utf-8',
      applicationProperties: {
        cloudEvents_specversion: '1.0',
        cloudEvents_id: 'e-1',
        cloudEvents_source: '/shop',
        cloudEvents_type: 'order.placed',
        cloudEvents_subject: 'order/7',
        cloudEvents_time: full.time,
        cloudEvents_dataschema: 'https://example.com/order',
        cloudEvents_tenant: 'acme',
        cloudEvents_vip: true,
        cloudEvents_tries: amqp.long(-3),
      },
    });
  });

  it('is in structured mode one JSON body with the content type of the specification', () => {
    const [value, options] = cloudEvent({ ...BASE, id: '1', data: Buffer.from('hi') }, { mode: 'structured' });
    expect(value).toEqual({ ...BASE, id: '1', specversion: '1.0', data_base64: 'aGk=' });
    expect(options).toEqual({ contentType: 'application/cloudevents+json; charset=utf-8' });
  });

  it('gets an id of its own where none is given', () => {
    const ids = [1, 2].map(() => cloudEventOf(arrived(BASE)).id);
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each<[string, unknown, string]>([
    ['no source', { type: 't' }, 'event.source'],
    ['an empty type', { ...BASE, type: '' }, 'event.type'],
    ['another version', { ...BASE, specversion: '0.3' }, 'event.specversion'],
    ['a time that is none', { ...BASE, time: 'yesterday' }, 'event.time'],
    ['a time that no calendar has', { ...BASE, time: '2024-13-45T99:99:99Z' }, 'event.time'],
    ['whole events as its data', { ...BASE, datacontenttype: 'application/cloudevents+json' }, 'event.datacontenttype'],
    ['an extension whose name none can have', { ...BASE, traceParent: 'x' }, 'event.traceParent'],
    ['an extension that is an object', { ...BASE, extra: {} }, 'event.extra'],
    ['an extension beyond 32 bits', { ...BASE, extra: 2 ** 31 }, 'event.extra'],
    ['nothing at all', null, 'event'],
  ])('is refused with %s', (_what, event, option) => {
    expect(() => cloudEvent(event as CloudEvent)).toThrow(InvalidOptionsError);
    expect(() => cloudEvent(event as CloudEvent)).toThrow(`${option} must be`);
  });

  it('is refused with options that there are not', () => {
    expect(() => cloudEvent(BASE, { mode: 'batch' } as unknown as CloudEventOptions)).toThrow('options.mode');
    expect(() => cloudEvent(BASE, { seperator: ':' } as CloudEventOptions)).toThrow("did you mean 'separator'");
  });
});

describe('a message', () => {
  it('may have the attributes of others in any form that the specification knows', () => {
    const event = cloudEventOf(
      binaryOf({ 'cloudEvents:time': '2024-01-01t00:00:00.123456+01:00', 'cloudEvents:count': 2n ** 60n, other: 1 }),
    );
    expect(event).toEqual({ ...EVENT, time: '2024-01-01t00:00:00.123456+01:00', count: 2n ** 60n });
  });

  it('gives nothing but attributes to the event: not what stands for null, nor names that none can have', () => {
    const strange = JSON.parse(
      '{ "__proto__": { "polluted": true }, "upperCase": 1, "gone": null, "data": 1 }',
    ) as object;
    const event = cloudEventOf(structuredOf({ ...EVENT, ...strange, ['__proto__']: { polluted: true } }));
    expect(event).toEqual({ ...EVENT, data: 1 });
    expect(Reflect.get(event, 'polluted')).toBeUndefined();
    expect(cloudEventOf(binaryOf({ 'cloudEvents:data': 'x', cloudEvents_datacontenttype: 'x' }))).toEqual(EVENT);
  });

  it.each<[string, AmqpMessage]>([
    ['without attributes', createMessage({ body: 'x' })],
    ['without a type', binaryOf({ 'cloudEvents:type': null })],
    ['of another version', binaryOf({ 'cloudEvents:specversion': '0.3' })],
    ['with an id that is no text', binaryOf({ 'cloudEvents:id': 7 })],
    ['with a time that is none', binaryOf({ 'cloudEvents:time': 'soon' })],
    ['in a format that nobody knows here', structuredOf(Buffer.from('x'), 'application/cloudevents+avro')],
    ['that is a batch', structuredOf([EVENT], 'application/cloudevents-batch+json')],
    ['whose body is a list', structuredOf([EVENT])],
    ['with data twice', structuredOf({ ...EVENT, data: 1, data_base64: 'aGk=' })],
    ['with base64 that is no text', structuredOf({ ...EVENT, data_base64: 7 })],
  ])('carries none %s', (_what, message) => {
    expect(() => cloudEventOf(message)).toThrow(DecodeError);
    expect(() => cloudEventOf(message)).toThrow(expect.objectContaining({ condition: 'amqp:decode-error' }));
  });

  it('says that it carries one by its content type, or by all that every event has', () => {
    expect(isCloudEvent(createMessage({ body: 'x' }))).toBe(false);
    expect(isCloudEvent(binaryOf({ 'cloudEvents:type': null }))).toBe(false);
    expect(isCloudEvent(binaryOf({}))).toBe(true);
    expect(isCloudEvent(structuredOf({}))).toBe(true);
  });
});
