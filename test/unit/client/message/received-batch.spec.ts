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
