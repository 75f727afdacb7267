// Runs what decideConnection() decides: dials, waits, tells. One event is handled to its end before the next one.

import { performance } from 'node:perf_hooks';
import { AmqpError, ConnectionError, ConnectionRedirectError, peerBlocked } from '../../protocol/index.js';
import {
  decideConnection,
  INITIAL_CONNECTION_STATE,
  statusOf,
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionPolicy,
  type ConnectionState,
} from '../connection-state.js';
import { asError } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import type { ConnectedPeer } from './connect-peer.js';
import { isRefusal } from './refusal.js';
import type { ConnectionStatus, LastStatus, StatusEvent } from './status.js';

/** What the connection gives to its life. None of the functions may throw. */
export interface LifeHandlers {
  /** One attempt. Rejects with whatever ended it, and leaves nothing open then. */
  connect(attempt: {
    readonly signal: AbortSignal;
    readonly onLost: (error: AmqpError) => void;
    readonly onBlocked: (blocked: boolean) => void;
  }): Promise<ConnectedPeer>;
  /** The peer sends us elsewhere: whether the next attempt goes there, and what is said of it. */
  redirected(cause: ConnectionRedirectError): { readonly followed: boolean; readonly cause: AmqpError };
  up(peer: ConnectedPeer): void;
  down(cause: AmqpError): void;
  /** The next attempt comes after this time; `failures` in a row, 0 after a connection that held. `refused`: the peer said no. */
  waiting(cause: AmqpError, failures: number, delayMs: number, refused: boolean): void;
  /** No further attempt comes by itself. */
  givenUp(cause: AmqpError): void;
  status(event: StatusEvent): void;
}

export class ConnectionLife {
  #state: ConnectionState = INITIAL_CONNECTION_STATE;
  #event: StatusEvent = { status: 'disconnected' };
  #at = Date.now();
  #since = this.#at;
  #lastError: { readonly lastError: AmqpError; readonly lastErrorAt: number } | undefined;
  #blocked = false;
  #peer: ConnectedPeer | undefined;
  /** Of the peer that is connected, or was last. */
  #profile: PeerProfile | undefined;
  #attempt: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #applying = false;
  readonly #events: ConnectionEvent[] = [];
  #opening: { resolve(): void; reject(error: Error): void }[] = [];

  constructor(
    private readonly policy: ConnectionPolicy,
    private readonly handlers: LifeHandlers,
  ) {}

  get status(): ConnectionStatus {
    return this.#event.status;
  }

  get lastStatus(): LastStatus {
    const state = this.#state;
    const isGivenUp = state.name === 'idle' && state.cause !== undefined;
    const awaitsUse = isGivenUp && state.isEnded !== true && this.#profile === undefined;
    return { ...this.#event, at: this.#at, since: this.#since, ...this.#lastError, isGivenUp, awaitsUse };
  }

  /** The peer, while the connection is open. */
  get peer(): ConnectedPeer | undefined {
    return this.#peer;
  }

  /** Why it is down, while it is. */
  get cause(): AmqpError | undefined {
    return 'cause' in this.#state ? this.#state.cause : undefined;
  }

  get isFinal(): boolean {
    return this.#state.name === 'closing' || this.#state.name === 'closed';
  }

  /** Open now, or as soon as it is. Rejects when nobody will try any more. */
  open(): Promise<void> {
    if (this.#state.name === 'open') return Promise.resolve();
    if (this.isFinal) return Promise.reject(AmqpError.inOwnWords(new ClientClosedError('the connection is closed')));
    return new Promise((resolve, reject) => {
      this.#opening.push({ resolve, reject });
      this.#apply({ type: 'open-requested' });
    });
  }

  /** Ends a boot that nobody waits for any more; nothing after a first success. */
  giveUpBoot(cause: AmqpError): void {
    this.#apply({ type: 'boot-given-up', cause });
  }

  /** Resolves when the connection is gone, within `timeoutMs`. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const peer = this.#peer;
    this.#apply({ type: 'close-requested' });
    await peer?.protocol.close({ timeoutMs });
    this.#apply({ type: 'closed' });
  }

  #apply(event: ConnectionEvent): void {
    this.#events.push(event);
    if (this.#applying) return;
    this.#applying = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const { state, effects } = decideConnection(this.#state, next, this.policy);
      const changed = state !== this.#state;
      this.#state = state;
      if (changed) this.#tellStatus();
      for (const effect of effects) this.#run(effect);
    }
    this.#applying = false;
  }

  #run(effect: ConnectionEffect): void {
    switch (effect.run) {
      case 'dial':
        this.#dial(effect.epoch);
        break;
      case 'wait':
        this.#wait(effect.epoch, effect.delayMs);
        if (this.#state.name === 'waiting')
          this.handlers.waiting(this.#state.cause, this.#state.failures, effect.delayMs, effect.refused);
        break;
      case 'abandon':
        this.#abandon(effect.cause);
        break;
      case 'links-up':
        if (this.#peer !== undefined) this.handlers.up(this.#peer);
        this.#settleOpening(undefined);
        break;
      case 'links-down':
        this.#peer = undefined;
        this.#blocked = false;
        this.handlers.down(effect.cause);
        break;
      case 'give-up':
        this.#settleOpening(effect.cause);
        this.handlers.givenUp(effect.cause);
        break;
      case 'hang-up': {
        const cause = AmqpError.inOwnWords(new ClientClosedError('the connection was closed'));
        this.#abandon(cause);
        this.#peer = undefined;
        this.#settleOpening(cause);
        break;
      }
    }
  }

  #dial(epoch: number): void {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#blocked = false;
    const lost = (thrown: unknown): void => this.#lost(epoch, thrown);
    const { signal } = attempt;
    const onBlocked = (blocked: boolean): void => this.#setBlocked(epoch, blocked);
    this.handlers.connect({ signal, onLost: lost, onBlocked }).then((peer) => {
      if (this.#state.epoch !== epoch || this.#state.name !== 'opening') {
        peer.protocol.destroy(AmqpError.inOwnWords(new ConnectionError('connection-lost', 'the attempt was given up')));
        return;
      }
      this.#peer = peer;
      this.#profile = peer.profile;
      this.#apply({ type: 'opened', epoch, at: performance.now() });
    }, lost);
  }

  #lost(epoch: number, thrown: unknown): void {
    const error =
      thrown instanceof AmqpError
        ? thrown
        : AmqpError.inOwnWords(
            new ConnectionError('connect-failed', 'the attempt to connect failed', { cause: asError(thrown) }),
          );
    // Of an attempt that was given up, or that has told its end before, nobody wants to hear where it was sent.
    const isCurrent = epoch === this.#state.epoch && (this.#state.name === 'opening' || this.#state.name === 'open');
    const { followed, cause } =
      isCurrent && error instanceof ConnectionRedirectError
        ? this.handlers.redirected(error)
        : { followed: false, cause: error };
    if (isCurrent && !followed) this.#lastError = { lastError: cause, lastErrorAt: Date.now() };
    const refused = !followed && isRefusal(cause, this.#profile);
    this.#apply({ type: 'lost', epoch, at: performance.now(), cause, refused, redirected: followed });
  }

  #wait(epoch: number, delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#apply({ type: 'delay-elapsed', epoch }), delayMs);
  }

  #abandon(cause: AmqpError): void {
    clearTimeout(this.#timer);
    this.#attempt?.abort(cause);
    this.#attempt = undefined;
  }

  #settleOpening(error: AmqpError | undefined): void {
    const opening = this.#opening;
    this.#opening = [];
    for (const place of opening) {
      if (error === undefined) place.resolve();
      else place.reject(error);
    }
  }

  #setBlocked(epoch: number, blocked: boolean): void {
    // Also of one that is not told of as open yet: tokens or the topology may have been put to it before.
    if (this.#state.epoch !== epoch || this.#blocked === blocked) return;
    this.#blocked = blocked;
    this.#tellStatus();
  }

  #tellStatus(): void {
    const status = statusOf(this.#state, this.#blocked);
    if (status === undefined || status === this.#event.status) return;
    const cause = status === 'blocked' ? peerBlocked() : this.cause;
    const wasUp = isUp(this.#event.status);
    this.#at = Date.now();
    if (isUp(status) !== wasUp) this.#since = this.#at;
    this.#event = {
      status,
      ...(cause === undefined || status === 'connecting' ? {} : { cause }),
      ...(this.#state.name === 'opening' ? { attempt: this.#state.failures + 1 } : {}),
    };
    this.handlers.status(this.#event);
  }
}

function isUp(status: ConnectionStatus): boolean {
  return status === 'connected' || status === 'blocked';
}
