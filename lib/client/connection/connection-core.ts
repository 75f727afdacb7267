// One connection without its clients: its life, its links, its topology, and what clients are given.

import { AmqpError, ConnectionError } from '../../protocol/index.js';
import type { AuthenticationStatus } from '../authentication/authentication-status.js';
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
import { MAX_TIMER_MS } from '../options/check.js';
import { backoffMs } from '../options/reconnect-policy.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import { Elsewhere } from '../redirect/elsewhere.js';
import { TopologyService } from '../topology/topology-service.js';
import { Transactions } from '../transaction/transactions.js';
import type { ConnectedPeer } from './connect-peer.js';
import { ConnectionAttempts } from './connection-attempts.js';
import { ConnectionClients } from './connection-clients.js';
import { ConnectionLife, type LifeHandlers } from './connection-life.js';
import { ConnectionLog } from './connection-log.js';
import { ConnectionOpening } from './connection-opening.js';
import type { Network } from './network.js';
import type { StatusEvent } from './status.js';

/** Of a close, this much is kept for the connection itself when its clients take long. */
const CLOSE_RESERVE_MS = 1_000;

export class ConnectionCore {
  readonly life: ConnectionLife;
  readonly links: Links;
  readonly topology: TopologyService;
  readonly transactions: Transactions;
  readonly context: MessagingContext;
  readonly #log: ConnectionLog;
  readonly #observers: Observers;
  readonly #clients = new ConnectionClients();
  readonly #attempts: ConnectionAttempts;
  readonly #opening: ConnectionOpening;
  readonly #elsewhere: Elsewhere;
  #lastPeer: ConnectedPeer | undefined;
  #closing: Promise<void> | undefined;

  /** @param random in [0, 1): the jitter */
  constructor(
    readonly options: ResolvedConnectionOptions,
    network: Network,
    private readonly onStatus: (event: StatusEvent) => void,
    random: () => number = Math.random,
  ) {
    const { logger, observers, codecs } = options;
    this.#log = new ConnectionLog(options);
    this.#attempts = new ConnectionAttempts(options, network, {
      random,
      declare: (peer, signal) => this.topology.declareOn(peer, options.topology, signal),
      authentication: (status) => this.#observers.authentication(status),
      authorized: () => this.links.authorized(),
    });
    const policy = policyOf(options, random);
    this.life = new ConnectionLife(policy, this.#lifeHandlers());
    // They may look at the connection at once.
    this.#observers = new Observers(
      observers,
      logger,
      observedConnection(options, () => this.lastPeer),
    );
    this.#opening = new ConnectionOpening(this.life, options.bootTimeoutMs, () => this.#attempts.count);
    this.#elsewhere = new Elsewhere({
      endTimeoutMs: options.closeTimeoutMs,
      connect: (peer, attempt) => this.#attempts.connectElsewhere(peer, attempt),
    });
    this.links = new Links({
      policy,
      logger,
      attachTimeoutMs: options.attachTimeoutMs,
      readyTimeoutMs: options.bootTimeoutMs,
      endTimeoutMs: options.closeTimeoutMs,
      connect: () => {
        if (this.#closing === undefined) this.#opening.forLinks();
      },
      unauthorized: () => this.#attempts.doubtToken(),
      redirects: options,
      elsewhere: this.#elsewhere,
    });
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
      secrets: this.#attempts.secrets,
      queues: this.topology.queues,
      replyQueues: this.topology.replyQueues,
      transactions: this.transactions,
      register: this.#clients.add,
      unregister: this.#clients.remove,
    };
  }

  /** The peer that is connected, or was last. */
  get lastPeer(): ConnectedPeer | undefined {
    return this.life.peer ?? this.#lastPeer;
  }

  /** `undefined` where the credentials are no tokens. */
  get authentication(): AuthenticationStatus | undefined {
    return this.#attempts.authentication;
  }

  observe(observer: Observer): () => void {
    return this.#observers.add(observer);
  }

  /** What works but ought not to be forgotten. */
  warnOfRisks(): void {
    this.#log.risks();
  }

  open(signal?: AbortSignal): Promise<void> {
    return this.#opening.open(signal);
  }

  /** Resolves when no client has a send pending, at the latest after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void> {
    return this.#clients.flush(timeoutMs);
  }

  /** Never rejects, so that what cannot be a time means the default; the same promise for all who ask. */
  close(timeoutMs: number | undefined): Promise<void> {
    const { closeTimeoutMs } = this.options;
    this.#closing ??= this.#close(isTimeout(timeoutMs) ? timeoutMs : closeTimeoutMs);
    return this.#closing;
  }

  /** @throws ClientClosedError after close() */
  assertUsable(): void {
    if (this.#closing !== undefined || this.life.isFinal)
      throw AmqpError.inOwnWords(new ClientClosedError('the connection is closed'));
  }

  /** What a new client is given. @throws ClientClosedError after close() */
  usableContext(): MessagingContext {
    this.assertUsable();
    return this.context;
  }

  async #close(timeoutMs: number): Promise<void> {
    const startedAt = performance.now();
    const clientsMs = Math.max(timeoutMs / 2, timeoutMs - CLOSE_RESERVE_MS);
    const enough = deadline(clientsMs, () => AmqpError.inOwnWords(new ClientClosedError('the connection was closed')));
    const closed = this.#clients.close(clientsMs);
    // Late clients are told below that their links are gone for good.
    await raceSignal(closed, enough.signal).catch(() => undefined);
    enough.done();
    const cause = AmqpError.inOwnWords(new ClientClosedError('the connection was closed'));
    this.links.givenUp(cause, true);
    const leftMs = Math.max(1, timeoutMs - (performance.now() - startedAt));
    await Promise.all([this.life.close(leftMs), this.#elsewhere.close(leftMs)]);
  }

  async #connected(): Promise<ConnectedPeer> {
    this.assertUsable();
    if (this.life.peer === undefined) await this.open();
    const { peer } = this.life;
    if (peer === undefined)
      throw AmqpError.inOwnWords(new ConnectionError('connection-lost', 'the connection was lost again'));
    return peer;
  }

  #lifeHandlers(): LifeHandlers {
    return {
      connect: (attempt) => this.#attempts.connect(attempt),
      redirected: (cause) => this.#attempts.redirected(cause),
      up: (peer) => {
        this.#attempts.succeeded();
        this.#lastPeer = peer;
        this.#log.up(peer);
        this.links.up(peer);
      },
      down: (cause) => {
        this.#log.down();
        this.links.down(cause);
      },
      waiting: (cause, failures, delayMs, refused) => {
        this.links.notUp(cause);
        this.#attempts.paused();
        this.#log.waiting(cause, failures, delayMs, refused);
      },
      givenUp: (cause) => {
        this.#log.givenUp(cause);
        this.links.givenUp(cause, false);
      },
      status: (event) => {
        this.#log.status(event);
        this.#observers.status(event);
        this.onStatus(event);
      },
    };
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

function isTimeout(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIMER_MS;
}
