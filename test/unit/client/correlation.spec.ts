import { describe, expect, it } from '@jest/globals';
import { findById, keyOf } from '../../../lib/client/correlation.js';
import { Uuid, type MessageId } from '../../../lib/protocol/index.js';

const TEXT = '0b61f0e4-6ba8-4e7a-9f5e-2f3c1d0e9a77';

describe('an answer', () => {
  it.each<[string, MessageId, MessageId]>([
    ['a text as a UUID', TEXT, new Uuid(TEXT)],
    ['a UUID as a text', new Uuid(TEXT), TEXT],
    ['a UUID as a text in capitals', new Uuid(TEXT), TEXT.toUpperCase()],
    ['a number as a text', 7n, '7'],
    ['a text as a number', '7', 7n],
    ['bytes as a text', Buffer.from('id'), 'id'],
    ['a text as bytes', 'id', Buffer.from('id')],
  ])('that gives %s back belongs to its request', (_what, asked, answered) => {
    expect(findById(new Map([[keyOf(asked), 'mine']]), answered)).toBe('mine');
  });

  it('belongs to the request with an id of its own type, where there is one', () => {
    const requests = new Map([
      [keyOf('7'), 'text'],
      [keyOf(7n), 'number'],
    ]);
    expect([findById(requests, '7'), findById(requests, 7n)]).toEqual(['text', 'number']);
  });

  it.each([[undefined], ['8'], [8n], [new Uuid(TEXT)]])('with the id %p of nobody belongs to nobody', (id) => {
    expect(findById(new Map([[keyOf('7'), 'mine']]), id)).toBeUndefined();
  });
});
