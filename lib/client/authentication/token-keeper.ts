// Runs what decideToken() decides for one open connection: asks for tokens, puts them, waits for their end. One event is handled to its
// end before the next one.

import { AuthenticationError, type ProtocolConnection } from '../../protocol/index.js';
import type { AmqpLogger } from '../client-context.js';
import { deadline, raceSignal } from '../deadline.js';
import { MAX_TIMER_MS } from '../options/check.js';
import { statusOf, type AuthenticationStatus } from './authentication-status.js';
import { TokenPutter, type PutterSurroundings } from './token-putter.js';
import {
  decideToken,
  INITIAL_TOKEN_STATE,
  type TokenEffect,
  type TokenEvent,
  type TokenPolicy,
  type TokenState,
} from './token-state.js';
import { TokenWords } from './token-words.js';

const RETRY_MS = { initial: 1_000, max: 30_000 };

/** What a keeper is given by its connection. None of the functions may throw. */
export interface KeeperSurroundings extends PutterSurroundings {
  /** One round: asking for the token, the links to the node, the answers. */
  readonly timeoutMs: number;
  readonly doubtMs: number;
  readonly logger: AmqpLogger;
  /** In [0, 1): the jitter. */
  readonly random: () => number;
  readonly changed: (status: AuthenticationStatus) => void;
  /** The peer has a new token. */
  readonly renewed: () => void;
  /** There is no good token any more; the connection is to end. */
  readonly expired: (error: AuthenticationError) => void;
}

export class TokenKeeper {
  #state: TokenState = INITIAL_TOKEN_STATE;
  #refreshes = 0;
  #round: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #applying = false;
  #first: { resolve(): void; reject(error: Error): void } | undefined;
  readonly #events: TokenEvent[] = [];
  readonly #policy: TokenPolicy;
  readonly #words: TokenWords;
  readonly #putter: TokenPutter;

  constructor(private readonly surroundings: KeeperSurroundings) {
    const { source, peerName, doubtMs, random } = surroundings;
    this.#words = new TokenWords(peerName, source);
    this.#putter = new TokenPutter(surroundings, this.#words);
    this.#policy = {
      refreshBeforeMs: source.refreshBeforeMs,
      isRenewable: source.isRenewable,
      doubtMs,
      delayMs: (failures) => Math.min(RETRY_MS.max, RETRY_MS.initial * 2 ** (failures - 1)) * (0.5 + random() / 2),
    };
  }

  get status(): AuthenticationStatus {
    return statusOf(this.#state, this.surroundings.source.audiences, this.#refreshes);
  }

  /**
   * Resolves when the peer has taken the first token for every audience.
   *
   * @throws AuthenticationError, or the signal's reason
   */
  async start(protocol: ProtocolConnection, signal: AbortSignal): Promise<void> {
    this.#putter.protocol = protocol;
    const first = new Promise<void>((resolve, reject) => {
      this.#first = { resolve, reject };
    });
    this.#apply({ type: 'started' });
    try {
      await raceSignal(first, signal);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /**
   * A link was refused for want of a good token: a new one is put, unless that was done just now.
   *
   * @returns whether it is not to be taken for the peer's last word: a new token is on its way, or the connection ends for want of one
   */
  doubt(): boolean {
    this.#apply({ type: 'doubted', at: this.surroundings.now() });
    return this.#state.name !== 'good';
  }

  /** The connection is over; whoever waits for the first token is told why. Twice is harmless. */
  stop(cause: Error = new AuthenticationError('the connection is over', undefined)): void {
    this.#apply({ type: 'stopped' });
    this.#first?.reject(cause);
  }

  #apply(event: TokenEvent): void {
    this.#events.push(event);
    if (this.#applying) return;
    this.#applying = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const before = this.#state;
      const { state, effects } = decideToken(before, next, this.#policy);
      this.#state = state;
      for (const effect of effects) this.#run(effect);
      if (state !== before) this.surroundings.changed(this.status);
    }
    this.#applying = false;
  }

  #run(effect: TokenEffect): void {
    switch (effect.run) {
      case 'put':
        void this.#put(effect.epoch);
        break;
      case 'abandon':
        this.#round?.abort(new AuthenticationError('the attempt to put a token was given up', undefined));
        break;
      case 'forget':
        this.#putter.forget();
        break;
      case 'wake': {
        clearTimeout(this.#timer);
        const { now } = this.surroundings;
        const delayMs = Math.min(MAX_TIMER_MS, Math.max(1, effect.at - now()));
        this.#timer = setTimeout(() => this.#apply({ type: 'woken', at: now() }), delayMs);
        break;
      }
      case 'sleep':
        clearTimeout(this.#timer);
        break;
      case 'tell-put':
        this.#tellPut(effect.renewed);
        break;
      case 'tell-failed':
        this.surroundings.logger.warn(
          this.#words.notRenewed(effect.cause, effect.retryAt - this.surroundings.now(), this.status.expiresAt),
        );
        break;
      case 'give-up':
        if (effect.why === 'expired') this.surroundings.expired(this.#words.expired(effect.cause));
        else this.#first?.reject(effect.cause ?? new AuthenticationError('the token was not taken', undefined));
        break;
    }
  }

  async #put(epoch: number): Promise<void> {
    const { timeoutMs, now } = this.surroundings;
    const stop = new AbortController();
    this.#round = stop;
    const round = deadline(timeoutMs, () => this.#words.late(timeoutMs), stop.signal);
    try {
      const expiresAt = await this.#putter.put(round.signal);
      this.#apply({ type: 'put', epoch, at: now(), expiresAt });
    } catch (thrown) {
      const cause = this.#words.notTaken(round.signal.aborted ? round.signal.reason : thrown);
      this.#apply({ type: 'failed', epoch, at: now(), cause });
    } finally {
      round.done();
    }
  }

  #tellPut(renewed: boolean): void {
    const { expiresAt, refreshAt } = this.status;
    this.surroundings.logger.log(this.#words.put(renewed, expiresAt, refreshAt));
    if (renewed) {
      this.#refreshes += 1;
      this.surroundings.renewed();
    } else {
      this.#first?.resolve();
    }
  }
}
