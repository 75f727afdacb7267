import { TransactionError } from '../errors.js';
import type { Transaction } from './transaction.js';

/** The id that goes on the wire. @throws TransactionError when it is no longer active */
export function transactionId(transaction: Transaction): Buffer {
  const { state } = transaction;
  if (state === 'active') return transaction.id;
  const code = state === 'in-doubt' ? 'in-doubt' : 'rolled-back';
  throw new TransactionError(code, `the transaction is ${state}: nothing can be done within it any more`);
}
