import { describe, expect, it } from '@jest/globals';
import { BATCH_MESSAGE_FORMAT, splitBatch } from '../../../lib/broker/message/batch-message.js';
import { MessageContent } from '../../../lib/broker/message/message-content.js';
import { DecodeError, encodeMessage } from '../../../lib/protocol/acceptor/index.js';
import { content } from './support/fake-nodes.js';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('what the broker refuses to take for a message', () => {
  it.each<[string, string]>([
    ['no described value', '45'],
    ['a descriptor that is no section', '005379 45'],
    ['a performative', '005314 45'],
    ['a symbolic descriptor', '00a30161 45'],
    ['a header that is no list', '005370 c10100'],
    ['properties that are a string', '005373 a10161'],
    ['annotations that are a list', '005372 45'],
    ['application properties with a key without a value', '005374 c1040141 41'],
    ['sections out of order', '005373 45 005370 45'],
    ['properties twice', '005373 45 005373 45'],
    ['two amqp-value sections', '005377 40 005377 40'],
    ['a section that is cut short', '005375 a005 6162'],
    ['a size beyond the end', '005375 b0ffffffff 61'],
    ['a list that says it has more than it holds', '005373 c003ff4040'],
    ['nothing after the descriptor', '005375'],
    ['a value nested too deep in annotations', `005372 d10000010400000002 a10161 ${'c0ff01'.repeat(85)}00`],
  ])('%s', (_name, hex) => {
    expect(() => new MessageContent(bytes(hex))).toThrow(DecodeError);
  });
});

describe('a message at the broker', () => {
  it('is taken without any section, and without a body', () => {
    expect(new MessageContent(Buffer.alloc(0)).bareMessage).toHaveLength(0);
    expect(new MessageContent(bytes('005373 45')).to).toBeUndefined();
  });

  it('keeps a body that nobody could decode: that is for its receiver to find', () => {
    const poison = new MessageContent(bytes('005373 45 005377 c10500ffffff01'));
    expect(() => poison.decode()).toThrow(DecodeError);
    expect(poison.bareMessage.toString('hex')).toBe('00537345005377c10500ffffff01');
  });

  it('knows the fields of the properties that it routes by', () => {
    const expiry = new Date(1_800_000_000_000);
    const sent = content({
      properties: {
        messageId: 'm',
        to: 'q',
        subject: 's',
        replyTo: 'r',
        correlationId: 'c',
        absoluteExpiryTime: expiry,
      },
      applicationProperties: { kind: 'order', count: 3 },
      messageAnnotations: { 'x-a': 'b' },
    });
    expect(sent).toMatchObject({ messageId: 'm', to: 'q', subject: 's', replyTo: 'r', correlationId: 'c' });
    expect(sent.absoluteExpiryTime).toBe(expiry.getTime());
    expect(sent.applicationProperties).toEqual({ kind: 'order', count: 3 });
    expect(sent.annotations).toEqual({ 'x-a': 'b' });
  });

  it('takes header fields of the wrong type for absent', () => {
    const { header } = new MessageContent(bytes('005370 c00a05 a10178 a10179 41 40 40'));
    expect(header).toEqual({ durable: false, priority: 4, ttl: undefined, firstAcquirer: false, deliveryCount: 0 });
  });

  it('does not share memory with the bytes it was copied from', () => {
    const payload = encodeMessage({ body: Buffer.from('abc'), bodyType: 'data' });
    const copy = MessageContent.copyOf(payload, 0, payload.length, 0);
    payload.fill(0);
    expect(copy.decode().body).toEqual(Buffer.from('abc'));
  });
});

describe('a batch in one transfer', () => {
  const one = (body: string): Buffer => encodeMessage({ body, bodyType: 'value', properties: { messageId: body } });

  it('is split into its messages, whatever stands before them', () => {
    const batch = encodeMessage({
      body: [one('a'), one('b'.repeat(400))],
      bodyType: 'data',
      properties: { messageId: 'batch' },
      messageAnnotations: { 'x-p': 1 },
    });
    const parts = splitBatch(new MessageContent(batch, BATCH_MESSAGE_FORMAT));
    expect(parts.map((part) => part.messageId)).toEqual(['a', 'b'.repeat(400)]);
    expect(parts.every((part) => part.messageFormat === 0)).toBe(true);
  });

  it.each<[string, Buffer]>([
    ['nothing', encodeMessage({ body: undefined, bodyType: 'none' })],
    ['a value', encodeMessage({ body: 'x', bodyType: 'value' })],
    ['data that are no message', encodeMessage({ body: Buffer.from('garbage'), bodyType: 'data' })],
  ])('that holds %s is refused', (_name, batch) => {
    expect(() => splitBatch(new MessageContent(batch))).toThrow(DecodeError);
  });
});
