import { describe, expect, it } from '@jest/globals';
import {
  LocalTransaction,
  type TransactionalSettlement,
} from '../../../../lib/client/transaction/local-transaction.js';

/** What happens to the settlements of one transaction, in order. */
function settlements(...how: ('written' | 'gone' | 'broken')[]): { events: string[]; all: TransactionalSettlement[] } {
  const events: string[] = [];
  const all = how.map((kind, index) => ({
    isWritable: kind !== 'gone',
    writeWithin: () => {
      if (kind === 'broken') throw new TypeError('it has no form');
      events.push(`write ${index}`);
      return kind === 'written';
    },
    flush: () => void events.push(`flush ${index}`),
    committed: () => void events.push(`committed ${index}`),
    undo: () => void events.push(`undo ${index}`),
  }));
  return { events, all };
}

describe('the settlements of a transaction', () => {
  it('are written together right before the commit', () => {
    const transaction = new LocalTransaction(Buffer.from('tx'), {}, true);
    const { events, all } = settlements('written', 'written');
    for (const settlement of all) transaction.settle(settlement);
    expect(transaction.writeSettlements()).toBe(true);
    expect(events).toEqual(['write 0', 'write 1', 'flush 0', 'flush 1']);
  });

  it('are not written at all when the link of one is gone', () => {
    const transaction = new LocalTransaction(Buffer.from('tx'), {}, true);
    const { events, all } = settlements('written', 'gone');
    for (const settlement of all) transaction.settle(settlement);
    expect(transaction.writeSettlements()).toBe(false);
    transaction.ended('rolled-back', new Error('the link is gone'));
    expect(events).toEqual(['undo 0', 'undo 1']);
  });

  it('are before the rollback on the wire, where one has no form and others are written', () => {
    const transaction = new LocalTransaction(Buffer.from('tx'), {}, true);
    const { events, all } = settlements('written', 'broken');
    for (const settlement of all) transaction.settle(settlement);
    expect(() => transaction.writeSettlements()).toThrow('it has no form');
    expect(events.slice(0, 2)).toEqual(['write 0', 'flush 0']);
  });
});
