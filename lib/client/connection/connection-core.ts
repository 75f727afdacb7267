// One connection without its clients: its life, its links, its topology, and what clients are given.

import { AmqpError, ConnectionError, Secrets } from '../../protocol/index.js';
import { idleStatus, type AuthenticationStatus } from '../authentication/authentication-status.js';
import type { TokenKeeper } from '../authentication/token-keeper.js';
import type { Closable } from '../client-context.js';
import { CodecRegistry } from '../codec/codec-registry.js';
import type { ConnectionPolicy } from '../connection-state.js';
import { SlicedDeadlineSweeper } from '../deadline-sweeper.js';
import { deadline, raceSignal } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import { Links } from '../link/links.js';
import type { MessagingContext } from '../messaging-context.js';
import { observedConnection } from '../observer/observed-connection.js';
import type { Observer } from '../observer/observer.js';
import { Observers } from '../observer/observers.js';
import { isLoopback } from '../options/loopback.js';
import { backoffMs } from '../options/reconnect-policy.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import { isSafe } from '../options/resolve-peers.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import { Elsewhere } from '../redirect/elsewhere.js';
import { TopologyService } from '../topology/topology-service.js';
import { Transactions } from '../transaction/transactions.js';
import type { ConnectedPeer } from './connect-peer.js';
import { ConnectionRedirects } from './connection-redirects.js';
import { ConnectionLife, type LifeHandlers } from './connection-life.js';
import { establishPeer, type TokenHandlers } from './establish-peer.js';
import { peerOrder, type PeerOrder } from './failover.js';
import type { Network } from './network.js';
import type { StatusEvent } from './status.js';

/** Of a close, this much is kept for the connection itself when its clients take long. */
const CLOSE_RESERVE_MS = 1_000;
/** Of the time for the clients, this much is for running handlers. */
const HANDLERS_SHARE = 0.75;
/** While it cannot connect, a line is logged for the first failure and then for each tenth. */
const LOG_EVERY = 10;

export class ConnectionCore {
  readonly life: ConnectionLife;
  readonly links: Links;
  readonly topology: TopologyService;
  readonly transactions: Transactions;
  readonly context: MessagingContext;
  readonly #order: PeerOrder;
  readonly #observers: Observers;
  readonly #clients = new Set<Closable>();
  /** What peers are told in confidence, over all attempts. */
  readonly #secrets = new Secrets();
  readonly #tokens: TokenHandlers;
  readonly #redirects: ConnectionRedirects;
  readonly #elsewhere: Elsewhere;
  #lastPeer: ConnectedPeer | undefined;
  /** Of the latest attempt. */
  #keeper: TokenKeeper | undefined;
  #attempts = 0;
  #openers = 0;
  /** One of the openers is here for the links. */
  #isWantedByLinks = false;
  #wasUp = false;
  #wasBlocked = false;
  #established = false;
  #closing: Promise<void> | undefined;

  /** @param random in [0, 1): the jitter */
  constructor(
    readonly options: ResolvedConnectionOptions,
    private readonly network: Network,
    private readonly onStatus: (event: StatusEvent) => void,
    random: () => number = Math.random,
  ) {
    const { logger, observers, codecs } = options;
    this.#order = peerOrder(options, random);
    this.#observers = new Observers(
      observers,
      logger,
      observedConnection(options, () => this.lastPeer),
    );
    this.#redirects = new ConnectionRedirects(options);
    const policy = policyOf(options, random);
    this.life = new ConnectionLife(policy, this.#lifeHandlers());
    this.#elsewhere = new Elsewhere({
      endTimeoutMs: options.closeTimeoutMs,
      connect: (peer, attempt) => this.#connectElsewhere(peer, attempt),
    });
    this.links = new Links({
      policy,
      logger,
      attachTimeoutMs: options.attachTimeoutMs,
      readyTimeoutMs: options.bootTimeoutMs,
      endTimeoutMs: options.closeTimeoutMs,
      connect: () => this.#connectInBackground(),
      unauthorized: () => this.#keeper?.doubt(),
      redirects: options,
      elsewhere: this.#elsewhere,
    });
    this.#tokens = {
      random,
      kept: (keeper) => (this.#keeper = keeper),
      changed: (status) => this.#observers.authentication(status),
      renewed: () => this.links.authorized(),
    };
    this.topology = new TopologyService({
      connected: () => this.#connected(),
      timeoutMs: options.attachTimeoutMs,
      warn: (line) => logger.warn(line),
    });
    this.transactions = new Transactions({ links: this.links, dischargeTimeoutMs: options.attachTimeoutMs });
    this.#clients.add(this.transactions);
    this.context = {
      links: this.links,
      deadlines: new SlicedDeadlineSweeper(),
      logger,
      observers: this.#observers,
      codecs: new CodecRegistry(codecs),
      queues: this.topology.queues,
      replyQueues: this.topology.replyQueues,
      transactions: this.transactions,
      register: (client) => this.#clients.add(client),
      unregister: (client) => this.#clients.delete(client),
    };
  }

  /** The peer that is connected, or was last. */
  get lastPeer(): ConnectedPeer | undefined {
    return this.life.peer ?? this.#lastPeer;
  }

  /** `undefined` where the credentials are no tokens. */
  get authentication(): AuthenticationStatus | undefined {
    if (this.#keeper !== undefined) return this.#keeper.status;
    const tokens = this.options.peers[0]?.credentials.tokens;
    return tokens === undefined ? undefined : idleStatus(tokens.audiences);
  }

  observe(observer: Observer): () => void {
    return this.#observers.add(observer);
  }

  /** What works but ought not to be forgotten. */
  warnOfRisks(): void {
    const { logger, tls, peers, proxy } = this.options;
    if (tls.rejectUnauthorized === false)
      logger.warn('tls.rejectUnauthorized is false: whoever answers is taken for the peer');
    if (peers.some(({ uri, credentials }) => credentials.isSecret && !isSafe(uri, proxy)))
      logger.warn('allowInsecureCredentials is true: credentials are sent in the clear');
    if (proxy?.user !== undefined && !isLoopback(proxy.host))
      logger.warn('proxy: its user and password are sent to it in the clear');
  }

  async open(signal?: AbortSignal): Promise<void> {
    const { bootTimeoutMs } = this.options;
    signal?.throwIfAborted();
    const wait = deadline(bootTimeoutMs, () => this.#bootTimeout(), signal);
    this.#openers += 1;
    try {
      await raceSignal(this.life.open(), wait.signal);
    } finally {
      this.#openers -= 1;
      wait.done();
      if (wait.signal.aborted && this.#openers === 0) this.life.giveUpBoot(givenUp(wait.signal.reason));
    }
  }

  /** Resolves when no client has a send pending, at the latest after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#clients].map(async (client) => client.flush?.({ timeoutMs })));
  }

  /** Never rejects; the same promise for all who ask. */
  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  /** @throws ClientClosedError after close() */
  assertUsable(): void {
    if (this.#closing !== undefined || this.life.isFinal) throw new ClientClosedError('the connection is closed');
  }

  async #close(timeoutMs: number): Promise<void> {
    const startedAt = performance.now();
    const clientsMs = Math.max(timeoutMs / 2, timeoutMs - CLOSE_RESERVE_MS);
    const enough = deadline(clientsMs, () => new ClientClosedError('the connection was closed'));
    const closed = this.#closeClients(clientsMs);
    // Late clients are told below that their links are gone for good.
    await raceSignal(closed, enough.signal).catch(() => undefined);
    enough.done();
    const cause = new ClientClosedError('the connection was closed');
    this.links.givenUp(cause, true);
    const leftMs = Math.max(1, timeoutMs - (performance.now() - startedAt));
    await Promise.all([this.life.close(leftMs), this.#elsewhere.close(leftMs)]);
  }

  /** Handlers end first: what they send on their last steps still goes out. */
  async #closeClients(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const first = [...this.#clients].filter(({ closesFirst }) => closesFirst === true);
    await Promise.allSettled(first.map((client) => client.close({ timeoutMs: timeoutMs * HANDLERS_SHARE })));
    const left = Math.max(0, until - performance.now());
    await Promise.allSettled([...this.#clients].map((client) => client.close({ timeoutMs: left })));
  }

  async #connected(): Promise<ConnectedPeer> {
    this.assertUsable();
    if (this.life.peer === undefined) await this.open();
    const { peer } = this.life;
    if (peer === undefined) throw new ConnectionError('connection-lost', 'the connection was lost again');
    return peer;
  }

  /**
   * A first use opens the connection, and keeps an attempt alive that who asked for it gives up; whoever waits for its link hears of a
   * failure there.
   */
  #connectInBackground(): void {
    if (this.#closing !== undefined || this.#isWantedByLinks) return;
    this.#isWantedByLinks = true;
    const over = (): void => {
      this.#isWantedByLinks = false;
    };
    this.open().then(over, over);
  }

  #lifeHandlers(): LifeHandlers {
    const { logger } = this.options;
    return {
      connect: (attempt) => this.#connect(attempt),
      redirected: (cause) => this.#redirects.judge(cause),
      up: (peer) => {
        this.#attempts = 0;
        this.#established = true;
        this.#order.reached();
        this.#lastPeer = peer;
        this.#redirects.up();
        logger.log(
          `connected to ${peer.uri} (${peer.product ?? 'unknown product'} ${peer.version ?? ''}, profile ${peer.profile.name})`,
        );
        this.links.up(peer);
      },
      down: (cause) => {
        this.#wasUp = true;
        this.links.down(cause);
      },
      waiting: (cause, failures, delayMs) => {
        this.links.notUp(cause);
        this.#redirects.end();
        if (failures > 1 && failures % LOG_EVERY !== 0) return;
        const what = this.#wasUp ? 'connection lost' : 'cannot connect';
        logger.warn(`${what}: ${cause.message}; the next attempt is in ${delayMs} ms`);
        this.#wasUp = false;
      },
      givenUp: (cause) => {
        // Before the first success open() throws it; later there is nobody else to tell.
        if (this.#established) logger.error(`the connection is given up: ${cause.message}`);
        this.#established = false;
        this.#wasUp = false;
        this.links.givenUp(cause, false);
      },
      status: (event) => {
        this.#logBlocked(event);
        this.#observers.status(event);
        this.onStatus(event);
      },
    };
  }

  #logBlocked({ status, cause }: StatusEvent): void {
    const { logger } = this.options;
    if (status === 'blocked') logger.warn(cause?.message ?? 'the peer takes no messages now');
    else if (status === 'connected' && this.#wasBlocked) logger.log('the peer takes messages again');
    this.#wasBlocked = status === 'blocked';
  }

  async #connect(attempt: Parameters<LifeHandlers['connect']>[0]): Promise<ConnectedPeer> {
    this.#attempts += 1;
    const peer = await establishPeer(
      this.#redirects.take(() => this.#order.next()),
      this.options,
      this.network,
      { ...attempt, secrets: this.#secrets },
      this.#tokens,
    );
    await this.#declareTopology(peer, attempt.signal);
    return peer;
  }

  /** For links that were redirected: with the credentials of this connection, and without its topology. */
  #connectElsewhere(
    peer: ResolvedPeer,
    attempt: { readonly signal: AbortSignal; readonly onLost: (error: AmqpError) => void },
  ): Promise<ConnectedPeer> {
    const tokens = { ...this.#tokens, kept: () => undefined, changed: () => undefined, renewed: () => undefined };
    const handlers = { ...attempt, secrets: this.#secrets, onBlocked: () => undefined };
    return establishPeer(peer, this.options, this.network, handlers, tokens);
  }

  async #declareTopology(peer: ConnectedPeer, signal: AbortSignal): Promise<void> {
    try {
      await this.topology.declareOn(peer, this.options.topology, signal);
    } catch (error) {
      // An attempt that was given up waits for nobody.
      if (signal.aborted) peer.protocol.destroy(new ConnectionError('connection-lost', 'the attempt was given up'));
      else await peer.protocol.close({ timeoutMs: CLOSE_RESERVE_MS });
      throw error;
    }
  }

  #bootTimeout(): Error {
    const { cause } = this.life;
    const { bootTimeoutMs } = this.options;
    const after = `not connected within bootTimeoutMs (${bootTimeoutMs} ms)`;
    if (cause === undefined) return new ConnectionError('connect-timeout', after);
    const message = `${after}, ${this.#attempts} attempts; the last one: ${cause.message}`;
    return new ConnectionError('connect-failed', message, { cause, condition: cause.condition });
  }
}

function policyOf(options: ResolvedConnectionOptions, random: () => number): ConnectionPolicy {
  const { peers, reconnect, refusedRetryMs, onRefused } = options;
  return {
    // With several peers the delay grows once per round, so that the next one is soon tried.
    delayMs: (failures) => backoffMs(reconnect, Math.ceil(failures / peers.length), random()),
    maxAttempts: reconnect.maxAttempts,
    stableAfterMs: reconnect.stableAfterMs,
    refusedRetryMs,
    onRefused,
  };
}

function givenUp(reason: unknown): AmqpError {
  if (reason instanceof AmqpError) return reason;
  return new ConnectionError('connect-failed', 'open() was aborted', { cause: reason });
}
