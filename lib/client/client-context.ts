// What every client made by a connection is given in its place.

import type { Secrets } from '../protocol/index.js';
import type { LinkSupervisor } from './link/link-owner.js';
import type { ResolvedTransactionOptions } from './transaction/transaction-options.js';
import type { Transaction } from './transaction/transaction.js';

/** Nest's `Logger` fits. Lines hold no secret and no message body. */
export interface AmqpLogger {
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  debug?(message: string): void;
}

/** One timer for all deadlines of a connection, so that a message costs none of its own. */
export interface DeadlineSweeper {
  /** `expired` is called once, up to 100 ms after `at` (milliseconds of `performance.now()`). The entry object itself is the key. */
  add(entry: DeadlineEntry): void;
  remove(entry: DeadlineEntry): void;
}

export interface DeadlineEntry {
  readonly deadlineAt: number;
  /** The sweeper's own note of where the entry stands. */
  sweepSlot?: number | undefined;
  expired(): void;
}

/** A client that its connection closes with itself. */
export interface Closable {
  /** What it has running may still use the other clients: it is closed before them. */
  readonly closesFirst?: boolean;
  close(options?: { timeoutMs?: number }): Promise<void>;
  /** Resolves when what was sent has its outcome, at the latest after `timeoutMs`. */
  flush?(options: { readonly timeoutMs: number }): Promise<void>;
}

/** What a peer tells about one of its queues. */
export interface QueueFacts {
  readonly type: 'classic' | 'quorum' | 'stream' | undefined;
  /** `false`: what is rejected is lost. `undefined`: not known. */
  readonly deadLetters: boolean | undefined;
}

/** Queues by their name, through whatever management the peer has. A receive client asks before it attaches. */
export interface QueueAccess {
  /** `undefined`: the peer has no means to tell, or no such queue. */
  inspect(queue: string, signal: AbortSignal): Promise<QueueFacts | undefined>;
  /** A durable queue of this name exists afterwards (a quorum queue on RabbitMQ 4). Rejects TopologyError. */
  declare(queue: string, signal: AbortSignal): Promise<void>;
}

/** Queues for replies, on peers that make none at an attach but have a management. */
export interface ReplyQueueAccess {
  /** A queue of this connection alone, which goes with it or with its last consumer. Rejects TopologyError. */
  declareExclusive(queue: string, signal: AbortSignal): Promise<void>;
}

/** Transactions, for what is done of itself within one. */
export interface TransactionAccess {
  run<T>(work: (transaction: Transaction) => Promise<T>, options: ResolvedTransactionOptions): Promise<T>;
  /** Which sessions' messages may be settled within one. Never rejects. */
  reach(signal: AbortSignal): Promise<'any' | 'own' | 'none'>;
}

export interface ClientContext<Observers = unknown, Codecs = unknown> {
  readonly links: LinkSupervisor;
  readonly deadlines: DeadlineSweeper;
  readonly logger: AmqpLogger;
  readonly observers: Observers;
  readonly codecs: Codecs;
  /** What the peer is told in confidence. Absent: nothing. */
  readonly secrets?: Secrets | undefined;
  /** Absent: no peer of this connection has the means. */
  readonly queues?: QueueAccess | undefined;
  /** Absent as `queues` is. */
  readonly replyQueues?: ReplyQueueAccess | undefined;
  /** Absent: there are none. */
  readonly transactions?: TransactionAccess | undefined;
  /** From creation on; the connection closes what is still registered. */
  register(client: Closable): void;
  unregister(client: Closable): void;
}
