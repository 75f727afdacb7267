import { AmqpError, type Outcome } from '../../protocol/index.js';
import { TransactionError } from '../errors.js';
import type { IncomingMessage, TransactionalHost } from '../message/incoming-message.js';
import { LocalTransaction } from '../transaction/local-transaction.js';
import type { Transaction } from '../transaction/transaction.js';
import type { Receiver } from './receiver.js';

/** How the messages of one receiver are settled within transactions. */
export class TransactionalSettling implements TransactionalHost {
  /** @param undone a settlement came to nothing with its transaction */
  constructor(
    private readonly receiver: Receiver,
    private readonly undone: (message: IncomingMessage) => void,
  ) {}

  settlesIn(transaction: Transaction): LocalTransaction {
    const { context, options, address } = this.receiver;
    const own = LocalTransaction.of(transaction, context.links);
    own.assertTakesParts();
    if (options.transactional || own.spansSessions) return own;
    const why = 'transactions of this peer do not span sessions; make the receive client with transactional: true';
    const error = AmqpError.inOwnWords(
      new TransactionError('unsupported', `"${address}" cannot settle in a transaction: ${why}`),
    );
    own.fail(error);
    throw error;
  }

  writesWithin(outcome: Outcome): boolean {
    return outcome.kind === 'accepted' || this.receiver.context.links.profile?.outcomesInTransactions !== 'accepted';
  }

  rolledBack(message: IncomingMessage): void {
    this.undone(message);
  }

  flush(): void {
    this.receiver.flush();
  }
}
