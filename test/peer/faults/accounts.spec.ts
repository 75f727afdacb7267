import { describe, expect, it } from '@jest/globals';
import { SendError, type ReceivedMessage, type SendResult } from '../../../lib/client/index.js';
import { Accounts, bodyOf } from './accounts.js';

const ok: SendResult & { ok: true } = { ok: true, messageId: 'x', routed: true, attempts: 1 };
const failed = (delivered: 'no' | 'unknown'): SendError =>
  new SendError('connection-lost', 'lost', { address: 'orders', delivered, attempts: 1 });
// Only what Accounts reads of a message.
const message = (id: string, redelivered = false, body: unknown = bodyOf(id)): ReceivedMessage =>
  ({ properties: { messageId: id }, redelivered, deliveryCount: 0, body }) as unknown as ReceivedMessage;

async function booksOf(fates: Record<string, Promise<SendResult>>, handled: ReceivedMessage[]): Promise<Accounts> {
  const accounts = new Accounts();
  for (const [id, sending] of Object.entries(fates)) accounts.follow(id, sending);
  for (const one of handled) accounts.end(accounts.begin(one));
  await new Promise((resolve) => setImmediate(resolve));
  return accounts;
}

describe('the books of a run', () => {
  it.each([
    ['a message that was accepted and never handled', { a: Promise.resolve(ok) }, [], { a: 1 }, 'lost: a'],
    ['a message that the peer never took', { a: Promise.resolve(ok) }, [message('a')], {}, 'the peer never took it'],
    ['a message that nobody sent', {}, [message('b')], { b: 1 }, 'unexpected: b'],
    ['a message said not to be delivered', { a: Promise.reject(failed('no')) }, [], { a: 1 }, 'not to be delivered'],
    ['a duplicate without a flag', { a: Promise.resolve(ok) }, [message('a'), message('a')], { a: 1 }, '2 times'],
    ['another body', { a: Promise.resolve(ok) }, [message('a', false, { id: 'a' })], { a: 1 }, 'body of a'],
    ['an error of another kind', { a: Promise.reject(new Error('x')) }, [], {}, 'no SendError'],
    ['a send that is never told anything', { a: new Promise<SendResult>(() => undefined) }, [], {}, 'never told'],
  ] satisfies [string, Record<string, Promise<SendResult>>, ReceivedMessage[], Record<string, number>, string][])(
    'find %s',
    async (_what, fates, handled, copies, fault) => {
      const accounts = await booksOf(fates, handled);
      expect(accounts.faults(new Map(Object.entries(copies)))).toEqual(
        expect.arrayContaining([expect.stringContaining(fault)]),
      );
    },
  );

  it('balance when duplicates say so, or were sent twice', async () => {
    const fates = { a: Promise.resolve(ok), b: Promise.resolve(ok), c: Promise.reject(failed('unknown')) };
    const handled = [message('a'), message('a', true), message('b'), message('b'), message('c')];
    const accounts = await booksOf(fates, handled);
    expect(accounts.faults(new Map(Object.entries({ a: 1, b: 2, c: 1 })))).toEqual([]);
  });
});
