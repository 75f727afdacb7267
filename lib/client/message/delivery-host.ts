// A message arriving: what its client is to it.

import type { AmqpMessage, Outcome } from '../../protocol/index.js';
import type { CodecRegistry } from '../codec/codec-registry.js';
import type { ObservedNode } from '../observer/observed-node.js';
import type { Observers } from '../observer/observers.js';
import type { LocalTransaction } from '../transaction/local-transaction.js';
import type { Transaction } from '../transaction/transaction.js';
import type { IncomingMessage } from './incoming-message.js';
import type { MessageRoute } from './received-message.js';

/** The receiving client, as its messages see it. */
export interface DeliveryHost {
  readonly address: string;
  /** For observers. */
  readonly node: ObservedNode;
  readonly maxMessageBytes: number;
  readonly codecs: CodecRegistry;
  readonly observers: Observers;
  /** What observers are told of who consumes; absent: nobody that has a name. */
  readonly consumerName?: string | undefined;
  /** The outcome as this peer understands it. */
  outcomeFor(outcome: Outcome): Outcome;
  /** The way it came, as this peer tells it. */
  routeOf?(message: AmqpMessage): MessageRoute;
  /** Absent: its messages are not settled within transactions. */
  readonly transactional?: TransactionalHost | undefined;
}

/** The same, for messages that are settled within transactions. */
export interface TransactionalHost {
  /** The transaction, when its messages may be settled in it. @throws TransactionError, InvalidOptionsError */
  settlesIn(transaction: Transaction): LocalTransaction;
  /** Whether this peer takes the outcome within one; where it does not, it is written right after the commit. */
  writesWithin(outcome: Outcome): boolean;
  /** Writes what was settled. */
  flush(): void;
  /** A settlement was undone with its transaction; the message is in hand again. */
  rolledBack(message: IncomingMessage): void;
}
