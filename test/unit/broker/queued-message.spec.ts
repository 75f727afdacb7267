import { describe, expect, it } from '@jest/globals';
import { MessageContent } from '../../../lib/broker/message/message-content.js';
import { QueuedMessage } from '../../../lib/broker/message/queued-message.js';
import { encodeMessage } from '../../../lib/protocol/acceptor/index.js';

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
});
