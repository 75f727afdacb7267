import type { ConnectionStatus, LinkRole, LinkStatus, Subscription } from '../client/index.js';

/** What the dashboard shows, at one moment. No bodies, no credentials, no texts of a handler's errors. Every time is in epoch milliseconds. */
export interface AmqpDashboardSnapshot {
  readonly at: number;
  readonly connections: readonly DashboardConnection[];
  readonly consumers: readonly DashboardConsumer[];
  readonly senders: readonly DashboardSender[];
  /** The latest, newest first. */
  readonly failures: readonly DashboardFailure[];
  readonly rates: DashboardRates;
}

/** Messages in the last minutes, over all connections: counts for each `bucketMs`, the oldest first; the last bucket is still running. */
export interface DashboardRates {
  readonly bucketMs: number;
  /** Handled, or fetched. */
  readonly received: readonly number[];
  /** Sends that succeeded. */
  readonly sent: readonly number[];
  /** Handler calls and sends that failed. */
  readonly failed: readonly number[];
}

/** One connection of the application. */
export interface DashboardConnection {
  readonly name: string;
  readonly status: ConnectionStatus;
  /** Since when it can be used, or cannot: attempts to connect do not change it. */
  readonly since: number;
  /** No attempt comes by itself any more. */
  readonly isGivenUp: boolean;
  readonly peer?: DashboardPeer | undefined;
  /** Why it was lost, or could not be had, the last time. */
  readonly lastCause?: DashboardCause | undefined;
  /** How often it was connected again after the first time. */
  readonly reconnects: number;
  /** At most 500; `linkCount` says how many there are. */
  readonly links: readonly DashboardLink[];
  readonly linkCount: number;
}

/** One link of a client. */
export interface DashboardLink {
  readonly role: LinkRole;
  readonly address: string;
  readonly state: LinkStatus['state'];
  /** Why it is not attached. */
  readonly error?: DashboardLinkError | undefined;
}

/** Why a link is not there. Its text is the library's own, with what the peer said. */
export interface DashboardLinkError {
  readonly name: string;
  readonly code: string;
  readonly condition?: string | undefined;
  readonly message: string;
}

/** Who the other side says it is. */
export interface DashboardPeer {
  readonly product?: string | undefined;
  readonly version?: string | undefined;
  readonly profile: string;
  /** Without user info. */
  readonly uri: string;
}

/** What an error was, without its text, which may quote what it was about. */
export interface DashboardError {
  /** Name of its class. */
  readonly name: string;
  readonly code?: string | undefined;
  readonly at: number;
}

/** Why a connection is not there. Its text is the library's own and holds no secrets. */
export interface DashboardCause extends DashboardError {
  readonly message: string;
}

/** A consumer of `@AmqpSubscribe`, a named subscription, or all that is received from one address without a name. */
export interface DashboardConsumer {
  /** The consumer's name, or the address; `(others)` for all beyond `maxAddresses`, `(temporary)` for dynamic and reply addresses. */
  readonly name: string;
  readonly connection: string;
  /** Where it receives from, as far as that is known. */
  readonly addresses: readonly string[];
  /** Of consumers in `AmqpConsumers` alone; so are the next three. */
  readonly state?: Subscription['state'] | undefined;
  /** Unsettled messages here. */
  readonly inHand?: number | undefined;
  /** Of each address. */
  readonly prefetch?: number | undefined;
  /** Of each address. */
  readonly concurrency?: number | undefined;
  /** Calls of the handler that have ended, well or badly; messages that could not be read count as calls that failed. */
  readonly handled: number;
  /** Messages fetched without a handler. */
  readonly fetched: number;
  readonly failed: number;
  /** Calls that have not ended. */
  readonly running: number;
  /** Calls that ended and messages fetched, a second: the mean of the last minute. */
  readonly perSecond: number;
  /** The same for each bucket of `rates.bucketMs`, as counts. */
  readonly history: readonly number[];
  readonly outcomes: Readonly<Record<'accepted' | 'rejected' | 'released' | 'modified', number>>;
  /** What the policy has said of failures. */
  readonly decisions: Readonly<Record<'retry' | 'settle' | 'redeliver' | 'dead-letter' | 'pause' | 'stop', number>>;
  /** Estimates for the latest calls, off by less than a factor of two. */
  readonly durations?: { readonly p50Ms: number; readonly p95Ms: number } | undefined;
  /** At most five, the newest first. */
  readonly lastErrors: readonly DashboardError[];
}

/** All that is sent to one address over one connection. */
export interface DashboardSender {
  /** `(others)` for all beyond `maxAddresses`, `(temporary)` for dynamic and reply addresses. */
  readonly address: string;
  readonly connection: string;
  readonly sent: number;
  /** By the code of the SendError. */
  readonly failed: Readonly<Record<string, number>>;
  /** Sends without a result. */
  readonly pending: number;
  /** Successful sends a second: the mean of the last minute. */
  readonly perSecond: number;
  readonly history: readonly number[];
}

/** A handler's call or a send that failed. */
export interface DashboardFailure {
  readonly at: number;
  readonly kind: 'consumer' | 'sender';
  readonly connection: string;
  /** Name of the consumer; for a sender, or a consumer without a name, the address. */
  readonly name: string;
  readonly address: string;
  readonly error: DashboardError;
  /** What the policy decided, or whether the peer has the message that could not be sent; `none`: the handler had settled or answered it. */
  readonly decision: string;
}
