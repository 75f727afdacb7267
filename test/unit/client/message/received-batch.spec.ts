import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { CodecRegistry } from '../../../../lib/client/codec/codec-registry.js';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import { IncomingMessage, type DeliveryHost } from '../../../../lib/client/message/incoming-message.js';
import { encodeMessage } from '../../../../lib/client/message/message-bytes.js';
import { MessageIds } from '../../../../lib/client/message/message-ids.js';
import { OutgoingMessages } from '../../../../lib/client/message/outgoing-message.js';
import { Observers } from '../../../../lib/client/observer/observers.js';
import { BATCH_FORMAT, DecodeError, type AmqpMessage } from '../../../../lib/protocol/index.js';
import { FakeDelivery, FakeReceiverLink } from '../../../support/client/fake-links.js';

const log = { log: () => undefined, warn: () => undefined, error: () => undefined };
const outgoing = new OutgoingMessages(new CodecRegistry(), new MessageIds());

function receive(message: AmqpMessage): IncomingMessage {
  const host: DeliveryHost = {
    address: 'orders',
    node: { kind: 'named' },
    maxMessageBytes: 10_000,
    codecs: new CodecRegistry(),
    observers: new Observers([], log),
    outcomeFor: (outcome) => outcome,
  };
  const link = new FakeReceiverLink({
    name: 'l',
    source: {},
    target: {},
    settleMode: 'unsettled',
    maxMessageBytes: 10_000,
    signal: new AbortController().signal,
    onClosed: () => undefined,
    onDelivery: () => undefined,
  });
  const delivery = Object.assign(new FakeDelivery(link, false, false), { messageFormat: message.messageFormat ?? 0 });
  const received = new IncomingMessage(host, delivery);
  const bytes = encodeMessage(message);
  const borrowed = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]);
  received.read(borrowed, 6, 6 + bytes.length);
  // The bytes are lent for the call only.
  borrowed.fill(0);
  return received;
}

const compressed = (body: Buffer, contentEncoding: string | undefined, contentType = 'application/json'): Buffer =>
  encodeMessage(createMessage({ properties: { contentType, contentEncoding }, body, bodyType: 'data' }));

const batch = (...parts: Buffer[]): AmqpMessage =>
  createMessage({
    messageFormat: BATCH_FORMAT,
    messageAnnotations: { 'x-opt-key': 'k' },
    body: parts,
    bodyType: 'data',
  });

describe('a received batch', () => {
  it('is read whole: each message with its sections and its body decoded', () => {
    const parts = [{ a: 1 }, 'text', Buffer.from('bytes')].map((value, index) =>
      encodeMessage(outgoing.make(value, { messageId: `m${index}`, applicationProperties: { index } })),
    );
    const received = receive(batch(...parts));
    expect([received.messageFormat, received.body]).toEqual([BATCH_FORMAT, parts]);
    expect(received.messageAnnotations).toEqual({ 'x-opt-key': 'k' });
    const messages = received.unbatch();
    expect(messages.map(({ body }) => body)).toEqual([{ a: 1 }, 'text', Buffer.from('bytes')]);
    expect(messages.map(({ properties }) => properties?.messageId)).toEqual(['m0', 'm1', 'm2']);
    expect(messages.map(({ applicationProperties }) => applicationProperties?.['index'])).toEqual([0, 1, 2]);
  });

  it('with one that cannot be read says which', () => {
    const received = receive(batch(encodeMessage(createMessage({ body: 'a' })), Buffer.from('nonsense')));
    expect(received.failure).toBeUndefined();
    expect(() => received.unbatch()).toThrow(DecodeError);
    expect(() => received.unbatch()).toThrow('message 2 of 2 in a batch from "orders" cannot be read');
  });

  it('has the bodies of its messages decompressed, each as its encoding says, and sent on they go as they came', () => {
    const bodies = [gzipSync('{"a":1}'), deflateSync('{"a":2}'), brotliCompressSync('{"a":3}')];
    const parts = bodies.map((body, index) => compressed(body, ['gzip', 'deflate', 'br'][index]));
    const messages = receive(batch(...parts)).unbatch();
    expect(messages.map(({ body }) => body)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
    expect(messages.map((message) => outgoing.make(message, undefined).body)).toEqual(bodies);
  });

  it.each<[string, Buffer, string, string]>([
    ['decompressed', Buffer.from('no such thing'), 'decode', 'cannot be read'],
    [
      'kept',
      gzipSync(Buffer.alloc(10_001)),
      'message-too-large',
      'larger than maxMessageBytes once it is decompressed',
    ],
  ])('with a body that cannot be %s says which message it is', (_how, body, code, words) => {
    const received = receive(batch(encodeMessage(createMessage({ body: 'a' })), compressed(body, 'gzip')));
    expect(() => received.unbatch()).toThrow(expect.objectContaining({ name: 'DecodeError', code }));
    expect(() => received.unbatch()).toThrow('message 2 of 2 in a batch from "orders"');
    expect(() => received.unbatch()).toThrow(words);
  });

  it('is never larger than maxMessageBytes in all once its messages are decompressed', () => {
    const half = compressed(gzipSync(Buffer.alloc(5_000)), 'gzip', 'application/octet-stream');
    expect(receive(batch(half, half)).unbatch()).toHaveLength(2);
    const received = receive(batch(half, half, compressed(gzipSync('x'), 'gzip')));
    expect(() => received.unbatch()).toThrow('message 3 of 3');
  });

  it('goes on as a batch when it is sent, and each of its messages as it came', () => {
    const inner = encodeMessage(outgoing.make({ a: 1 }, { messageId: 'm' }));
    const received = receive(batch(inner));
    const whole = outgoing.make(received, undefined);
    expect([whole.messageFormat, whole.body]).toEqual([BATCH_FORMAT, [inner]]);
    const [message] = received.unbatch();
    const single = outgoing.make(message, undefined);
    expect([single.messageFormat, String(single.body), single.properties?.messageId]).toEqual([
      undefined,
      '{"a":1}',
      'm',
    ]);
  });

  it('with an empty section has a message without a body there', () => {
    const received = receive(createMessage({ messageFormat: BATCH_FORMAT, body: Buffer.alloc(0) }));
    expect(received.unbatch()).toMatchObject([{ bodyType: 'none', body: undefined }]);
  });
});

it('any other message is a batch of itself', () => {
  const received = receive(createMessage({ body: [Buffer.from('a'), Buffer.from('b')] }));
  expect(received.messageFormat).toBe(0);
  expect(received.unbatch()).toEqual([received]);
  expect(String(received.body)).toBe('ab');
});
