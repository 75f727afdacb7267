import { describe, expect, it } from '@jest/globals';
import { MessageContent } from '../../../lib/broker/message/message-content.js';
import { QueuedMessage } from '../../../lib/broker/message/queued-message.js';
import { amqp, encodeMessage } from '../../../lib/protocol/acceptor/index.js';

describe('a queued message whose annotations changed', () => {
  it('is delivered as a well-formed message: the new annotations, then the sections that came', () => {
    const bytes = encodeMessage({
      messageAnnotations: { 'x-opt-old': 1 },
      properties: { messageId: 'm' },
      applicationProperties: { tenant: 'a' },
      body: Buffer.from('{}'),
      bodyType: 'data',
    });
    const queued = new QueuedMessage(new MessageContent(bytes), 1, 4, undefined, {
      annotations: { 'x-opt-death-reason': 'rejected', 'x-opt-death-count': 2 },
    });
    expect(new MessageContent(queued.encode(0)).decode()).toMatchObject({
      messageAnnotations: { 'x-opt-death-reason': 'rejected', 'x-opt-death-count': 2 },
      properties: { messageId: 'm' },
      applicationProperties: { tenant: 'a' },
      body: Buffer.from('{}'),
      bodyType: 'data',
    });
  });

  it('keeps the bytes, and so the types, of those that nobody changed', () => {
    const messageAnnotations = { 'x-long': amqp.long(1), 'x-short': amqp.short(2), 'x-changed': amqp.long(3) };
    const content = new MessageContent(encodeMessage({ messageAnnotations, body: 'a', bodyType: 'value' }));
    const { annotations } = content;
    const queued = new QueuedMessage(content, 1, 4, undefined, {
      annotations: { ...annotations, 'x-changed': 4, 'x-new': true },
    });
    const entries = new Map(new MessageContent(queued.encode(0)).annotationEntries);
    const codeOf = (name: string): number | undefined => entries.get(name)?.at(2 + name.length);
    // smalllong, short, then whatever a number of ours is
    expect([codeOf('x-long'), codeOf('x-short')]).toEqual([0x55, 0x61]);
    expect(new MessageContent(queued.encode(0)).annotations).toEqual({ ...annotations, 'x-changed': 4, 'x-new': true });
  });
});
