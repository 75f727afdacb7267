import { describe, expect, it } from '@jest/globals';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import { takeBytesOfText } from '../../../../lib/client/message/text-bytes.js';

const LARGE = 'é'.repeat(20_000);

describe('a large text that is to be sent', () => {
  it('is kept as bytes', () => {
    const message = createMessage({ body: LARGE });
    const bytes = takeBytesOfText(message);
    expect(bytes).toEqual(Buffer.from(LARGE));
    expect(message.body).toBe(bytes);
  });

  it.each([
    ['a small text', createMessage({ body: 'small' })],
    ['a text that is a value', createMessage({ body: LARGE, bodyType: 'value' })],
    ['bytes of the caller, who may write into them', createMessage({ body: Buffer.from(LARGE) })],
    ['a text with half of a surrogate pair', createMessage({ body: `${LARGE}\ud800` })],
  ])('is not: %s', (_name, message) => {
    const { body } = message;
    expect(takeBytesOfText(message)).toBeUndefined();
    expect(message.body).toBe(body);
  });
});
