import { dial, openConnection } from '../protocol/index.js';
import type { Source, Target } from './address/address.js';
import { checkSource, checkTarget } from './address/check-address.js';
import type { AuthenticationStatus } from './authentication/authentication-status.js';
import { ConnectionCore } from './connection/connection-core.js';
import type { Network } from './connection/network.js';
import { describePeer, type PeerDescription } from './connection/peer-description.js';
import type { ConnectionStatus, LastStatus, StatusEvent } from './connection/status.js';
import { StatusListeners } from './connection/status-listeners.js';
import type { LinkStatus } from './link/link-status.js';
import { ManagementClient } from './management/management-client.js';
import {
  resolveManagementClientOptions,
  type ManagementClientOptions,
} from './management/management-client-options.js';
import { checkGivenFunction } from './options/check.js';
import { checkObserver } from './observer/check-observers.js';
import type { Observer } from './observer/observer.js';
import type { ConnectionOptions } from './options/connection-options.js';
import { resolveConnectionOptions } from './options/resolve-connection-options.js';
import { resolveRedriveOptions, type RedriveOptions } from './redrive/redrive-options.js';
import { Redrive } from './redrive/redrive.js';
import { RequestClient } from './request/request-client.js';
import { resolveRequestClientOptions, type RequestClientOptions } from './request/request-client-options.js';
import { ReceiveClient } from './receive/receive-client.js';
import { resolveReceiveClientOptions, type ReceiveClientOptions } from './receive/receive-client-options.js';
import { retrying } from './retry/retrying.js';
import { resolveRetryingOptions, type RetriedAttempt, type RetryingOptions } from './retry/retrying-options.js';
import { SendClient } from './send/send-client.js';
import { replyClientOptions, resolveSendClientOptions, type SendClientOptions } from './send/send-client-options.js';
import type { TopologyClient } from './topology/topology.js';
import { resolveTransactionOptions, type TransactionOptions } from './transaction/transaction-options.js';
import type { Transaction } from './transaction/transaction.js';

const NETWORK: Network = { dial, openConnection };

/**
 * A connection that stays: it dials, reconnects, and brings its clients' links back. Made closed; `open()` opens it, as does the
 * first use of a client.
 */
export class AmqpConnection {
  readonly #core: ConnectionCore;
  readonly #listeners: StatusListeners;

  /** @throws InvalidOptionsError at once, naming the first option that cannot work */
  constructor(options: string | readonly string[] | ConnectionOptions);
  /** @internal With a network of a test. */
  constructor(options: string | readonly string[] | ConnectionOptions, network?: Network);
  constructor(options: string | readonly string[] | ConnectionOptions, network: Network = NETWORK) {
    const resolved = resolveConnectionOptions(options);
    this.#listeners = new StatusListeners(resolved.logger);
    this.#core = new ConnectionCore(resolved, network, this.#listeners.tell);
    this.#core.warnOfRisks();
  }

  /** `disconnected` before `open()`, `closed` for ever after `close()`. */
  get status(): ConnectionStatus {
    return this.#core.life.status;
  }

  /** The status with its time and its reasons. While it is closing it is what it was before. */
  get lastStatus(): LastStatus {
    return this.#core.life.lastStatus;
  }

  /**
   * The links of this connection's clients as they are now. A client's link is among them from its first use until it is closed, also
   * when it failed. Empty after `close()`.
   */
  get links(): readonly LinkStatus[] {
    return this.#core.links.statuses;
  }

  /** The peer that is connected, or was last; `undefined` before the first time. */
  get peer(): PeerDescription | undefined {
    const { lastPeer } = this.#core;
    return lastPeer === undefined ? undefined : describePeer(lastPeer);
  }

  /** Where the tokens of `sasToken()` or `jwtToken()` stand; `undefined` with any other credentials. An observer hears of each change. */
  get authentication(): AuthenticationStatus | undefined {
    return this.#core.authentication;
  }

  /** Declares, checks and deletes queues, exchanges and bindings, where the peer can. */
  get topology(): TopologyClient {
    return this.#core.topology;
  }

  /** Calls `listener` at each change of the status. What it throws is logged and otherwise ignored. */
  on(event: 'status', listener: (event: StatusEvent) => void): this {
    if (event === 'status') this.#listeners.add(listener);
    return this;
  }

  /** A listener that is not there is no error. */
  off(event: 'status', listener: (event: StatusEvent) => void): this {
    if (event === 'status') this.#listeners.remove(listener);
    return this;
  }

  /**
   * Adds a listener to those of the option `observer`, also while the connection is open. Of sends and deliveries that have begun it
   * hears nothing. The function takes it away again; harmless twice.
   *
   * @throws InvalidOptionsError for what is no observer
   */
  observe(observer: Observer): () => void {
    return this.#core.observe(checkObserver(observer, 'observer'));
  }

  /**
   * Resolves when the connection is open; at once when it is. Called again, it waits for the same.
   *
   * @throws ConnectionError when no attempt succeeded within `bootTimeoutMs`; nobody dials any more then
   * @throws AuthenticationError at once when the peer refuses the credentials
   * @throws ClientClosedError after `close()`
   * @throws the signal's reason when it is aborted first
   */
  async open(options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    this.#core.assertUsable();
    await this.#core.open(options?.signal);
  }

  /**
   * Closes all clients, then the connection; everything that waits is told. Never rejects; twice is harmless.
   *
   * @param options `timeoutMs`: at most this long in all; by default the connection's `closeTimeoutMs`
   */
  async close(options?: { readonly timeoutMs?: number | undefined }): Promise<void> {
    await this.#core.close(options?.timeoutMs);
  }

  /** `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal Resolves when no send is pending, at the latest after `timeoutMs`; for a shutdown in several steps. */
  async flush(options: { readonly timeoutMs: number }): Promise<void> {
    await this.#core.flush(options.timeoutMs);
  }

  /**
   * A client that sends to one place. Attaches on first use.
   *
   * @throws InvalidOptionsError, ClientClosedError
   */
  createSendClient(target: Target, options?: SendClientOptions): SendClient {
    const checked = checkTarget(target, 'target');
    const resolved = resolveSendClientOptions(options);
    return new SendClient(this.#core.usableContext(), checked, resolved);
  }

  /** @internal A client for replies to a stranger's address: its link shares a session with its kind at most. */
  createReplyClient(target: Target): SendClient {
    const checked = checkTarget(target, 'target');
    return new SendClient(this.#core.usableContext(), checked, replyClientOptions());
  }

  /**
   * A client that receives from one place. Attaches on first use.
   *
   * @throws InvalidOptionsError, ClientClosedError
   */
  createReceiveClient(source: Source, options?: ReceiveClientOptions): ReceiveClient {
    const checked = checkSource(source, 'source');
    const maxMessageBytes = options?.maxMessageBytes ?? this.#core.options.maxMessageBytes;
    const resolved = resolveReceiveClientOptions({ ...options, maxMessageBytes });
    return new ReceiveClient(this.#core.usableContext(), checked, resolved);
  }

  /**
   * A client that sends requests to one place and gives back their replies. Attaches on first use.
   *
   * @throws InvalidOptionsError, ClientClosedError
   */
  createRequestClient(target: Target, options?: RequestClientOptions): RequestClient {
    const checked = checkTarget(target, 'target');
    const resolved = resolveRequestClientOptions(options);
    return new RequestClient(this.#core.usableContext(), checked, resolved, this.#core.options.maxMessageBytes);
  }

  /**
   * A client for a management node, `$management` unless the options name another. Attaches on first use.
   *
   * @throws InvalidOptionsError, ClientClosedError
   */
  createManagementClient(options?: ManagementClientOptions): ManagementClient {
    const resolved = resolveManagementClientOptions(options);
    return new ManagementClient(this.#core.usableContext(), resolved, this.#core.options.maxMessageBytes);
  }

  /**
   * Sends and settles within one transaction of the peer, all or nothing. It commits when `work` resolves and every send in it has its
   * outcome; what `work` throws rolls it back and is rethrown as it is. A send in it that failed, also one that nobody waited for, and
   * a settlement that could not be made let it roll back too.
   *
   * Nothing is settled before the commit. After a rollback a message that was settled in it is what it was before: the policy of its
   * handler decides, a fetched one goes back to the peer, which counts the delivery. Two transactions know nothing of each other,
   * also when one is begun in the work of another.
   *
   * @throws TransactionError `unsupported`: this peer has none. `rolled-back`: it was not committed, nothing of it happened.
   * `in-doubt`: the connection was lost, or the peer was silent, between the commit and its answer; nobody knows which
   * @throws LinkError, ConnectionError, AmqpTimeoutError when it could not even be begun; `work` was not called
   * @throws InvalidOptionsError, ClientClosedError, the signal's reason, whatever `work` throws
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    const checked = checkGivenFunction<typeof work>(work, 'work');
    const resolved = resolveTransactionOptions(options);
    this.#core.assertUsable();
    return this.#core.transactions.run(checked, resolved);
  }

  /**
   * Moves dead letters back. Each is sent, and accepted only when the peer has confirmed it: whatever ends this half-way, nothing is
   * lost, at worst a message is there twice with one message-id. What is not moved stays where it was; the log says why.
   *
   * Resolves to how many were moved. A message that dies again meanwhile is not moved a second time.
   *
   * @throws LinkError, ConnectionError when the link to the dead letters cannot be had or is lost; some may have been moved then
   * @throws the first failure when there were messages to move and none could be: SendError, or InvalidOptionsError for `to` when
   * nothing says where a message came from
   * @throws InvalidOptionsError, ClientClosedError, AmqpTimeoutError, whatever the filter throws
   */
  async redrive(options: RedriveOptions): Promise<number> {
    const resolved = resolveRedriveOptions(options);
    return new Redrive(this.#core.usableContext(), resolved, this.#core.options.maxMessageBytes).run();
  }

  /**
   * Does work on an open connection, and does it again when it fails with something that may pass: kombu's `ensure`. Sends need it not:
   * they have an `errorPolicy` and a time-out of their own. Work that may be done twice asks `attempt.mayRepeat`.
   *
   * @throws what the last attempt failed with, as it is
   * @throws AmqpTimeoutError after `timeoutMs`, also in the middle of a pause; the signal's reason when it is aborted
   * @throws InvalidOptionsError, ClientClosedError
   */
  async retrying<Result>(
    work: (attempt: RetriedAttempt) => Promise<Result>,
    options?: RetryingOptions,
  ): Promise<Result> {
    const checked = checkGivenFunction<typeof work>(work, 'work');
    const resolved = resolveRetryingOptions(options);
    this.#core.assertUsable();
    return retrying((signal) => this.open({ signal }), checked, resolved);
  }
}
