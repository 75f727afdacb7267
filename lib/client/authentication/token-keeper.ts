// Runs what decideToken() decides for one open connection: asks for tokens, puts them, waits for their end. One event is handled to its
// end before the next one.

import {
  AmqpError,
  AuthenticationError,
  type ProtocolConnection,
  type ProtocolSession,
  type Secrets,
} from '../../protocol/index.js';
import type { AmqpLogger } from '../client-context.js';
import type { Token, TokenSource } from '../credentials/token-source.js';
import { asError, deadline, raceSignal } from '../deadline.js';
import { MAX_TIMER_MS } from '../options/check.js';
import type { AuthenticationStatus } from './authentication-status.js';
import { ClaimsLink } from './claims-link.js';
import {
  decideToken,
  INITIAL_TOKEN_STATE,
  type TokenEffect,
  type TokenEvent,
  type TokenPolicy,
  type TokenState,
} from './token-state.js';

const RETRY_MS = { initial: 1_000, max: 30_000 };
const END_SESSION_MS = 1_000;

/** What a keeper is given by its connection. None of the functions may throw. */
export interface KeeperSurroundings {
  readonly source: TokenSource;
  /** For messages: the URI without user info. */
  readonly peerName: string;
  /** One round: asking for the token, the links to the node, the answers. */
  readonly timeoutMs: number;
  readonly doubtMs: number;
  /** Is told each token before it goes out. */
  readonly secrets: Secrets;
  readonly logger: AmqpLogger;
  /** In [0, 1): the jitter. */
  readonly random: () => number;
  /** Milliseconds of the epoch. */
  readonly now: () => number;
  readonly changed: (status: AuthenticationStatus) => void;
  /** The peer has a new token. */
  readonly renewed: () => void;
  /** There is no good token any more; the connection is to end. */
  readonly expired: (error: AuthenticationError) => void;
}

export class TokenKeeper {
  #state: TokenState = INITIAL_TOKEN_STATE;
  #refreshes = 0;
  #protocol: ProtocolConnection | undefined;
  #held: { readonly session: ProtocolSession; readonly link: ClaimsLink } | undefined;
  #round: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #applying = false;
  #first: { resolve(): void; reject(error: Error): void } | undefined;
  readonly #events: TokenEvent[] = [];
  readonly #policy: TokenPolicy;
  /** Audience to the end of the token that the peer took for it. */
  readonly #taken = new Map<string, number>();

  constructor(private readonly surroundings: KeeperSurroundings) {
    const { source, doubtMs, random } = surroundings;
    this.#policy = {
      refreshBeforeMs: source.refreshBeforeMs,
      isRenewable: source.isRenewable,
      doubtMs,
      delayMs: (failures) => Math.min(RETRY_MS.max, RETRY_MS.initial * 2 ** (failures - 1)) * (0.5 + random() / 2),
    };
  }

  get status(): AuthenticationStatus {
    const state = this.#state;
    const life = 'life' in state ? state.life : undefined;
    const error = 'cause' in state ? state.cause : undefined;
    return {
      state: nameOf(state),
      audiences: this.surroundings.source.audiences,
      ...(life === undefined ? {} : { expiresAt: life.expiresAt }),
      ...(life === undefined || life.refreshAt === Infinity ? {} : { refreshAt: life.refreshAt }),
      refreshes: this.#refreshes,
      failures: 'failures' in state ? state.failures : 0,
      ...(error === undefined ? {} : { error }),
    };
  }

  /**
   * Resolves when the peer has taken the first token for every audience.
   *
   * @throws AuthenticationError, or the signal's reason
   */
  async start(protocol: ProtocolConnection, signal: AbortSignal): Promise<void> {
    this.#protocol = protocol;
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

  /** A link was refused for want of a good token: a new one is put, unless that was done just now. */
  doubt(): void {
    this.#apply({ type: 'doubted', at: this.surroundings.now() });
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
        this.#taken.clear();
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
        this.#tellFailed(effect.cause, effect.retryAt);
        break;
      case 'give-up':
        if (effect.why === 'expired') this.surroundings.expired(this.#expired(effect.cause));
        else this.#first?.reject(effect.cause ?? new AuthenticationError('the token was not taken', undefined));
        break;
    }
  }

  async #put(epoch: number): Promise<void> {
    const { timeoutMs, now, peerName } = this.surroundings;
    const stop = new AbortController();
    this.#round = stop;
    const late = (): Error =>
      new AuthenticationError(`${peerName}: no token was taken for ${this.#names} within ${timeoutMs} ms`, undefined, {
        retryable: true,
      });
    const round = deadline(timeoutMs, late, stop.signal);
    try {
      const expiresAt = await this.#putEverywhere(round.signal);
      this.#apply({ type: 'put', epoch, at: now(), expiresAt });
    } catch (thrown) {
      const cause = this.#toAmqpError(round.signal.aborted ? round.signal.reason : thrown);
      this.#apply({ type: 'failed', epoch, at: now(), cause });
    } finally {
      round.done();
    }
  }

  /** Asks for a token and puts it for each audience that has not got it. Resolves to the token's end. */
  async #putEverywhere(signal: AbortSignal): Promise<number> {
    const { source, peerName, secrets } = this.surroundings;
    const token = await raceSignal(source.get(), signal);
    secrets.add(token.token);
    this.#assertGood(token);
    const without = source.audiences.filter((audience) => (this.#taken.get(audience) ?? 0) < token.expiresAt);
    if (without.length === 0)
      throw new AuthenticationError(
        `${peerName}: there is no newer token for ${this.#names} than the one that the peer has`,
        undefined,
        { retryable: true },
      );
    const link = await this.#openLink(signal);
    const puts = await Promise.allSettled(
      without.map(async (audience) => {
        await link.put({ ...token, audience, type: source.type }, signal);
        this.#taken.set(audience, token.expiresAt);
      }),
    );
    const failed = puts.find((put) => put.status === 'rejected');
    if (failed !== undefined) throw asError(failed.reason);
    return token.expiresAt;
  }

  #assertGood({ expiresAt }: Token): void {
    const { source, now, peerName } = this.surroundings;
    if (expiresAt > now()) return;
    throw new AuthenticationError(
      `${peerName}: the token for ${this.#names} has expired at ${iso(expiresAt)}`,
      undefined,
      { retryable: source.isRenewable },
    );
  }

  /** On a session of its own; again where the peer ended it. */
  async #openLink(signal: AbortSignal): Promise<ClaimsLink> {
    if (this.#held?.link.isOpen === true) return this.#held.link;
    const protocol = this.#protocol;
    if (protocol === undefined) throw new AuthenticationError('there is no connection to put a token on', undefined);
    const old = this.#held?.session;
    this.#held = undefined;
    if (old?.isOpen === true) await old.end({ timeoutMs: END_SESSION_MS });
    const session = await protocol.beginSession({ signal });
    const { peerName, source, secrets } = this.surroundings;
    try {
      const link = await ClaimsLink.attach(session, { peerName, node: source.node, secrets }, signal);
      this.#held = { session, link };
      return link;
    } catch (error) {
      if (session.isOpen) void session.end({ timeoutMs: END_SESSION_MS });
      throw error;
    }
  }

  #tellPut(renewed: boolean): void {
    const { logger, peerName } = this.surroundings;
    const { expiresAt, refreshAt } = this.status;
    const next = refreshAt === undefined ? '; nothing renews it' : `, the next one is asked for at ${iso(refreshAt)}`;
    const what = renewed ? 'renewed' : 'put';
    logger.log(`${peerName}: the token for ${this.#names} was ${what}, good until ${iso(expiresAt)}${next}`);
    if (renewed) {
      this.#refreshes += 1;
      this.surroundings.renewed();
    } else {
      this.#first?.resolve();
    }
  }

  #tellFailed(cause: AmqpError, retryAt: number): void {
    const { logger, peerName, now } = this.surroundings;
    const { expiresAt } = this.status;
    const next = `the next attempt is in ${Math.round(retryAt - now())} ms, the token is good until ${iso(expiresAt)}`;
    logger.warn(`${peerName}: the token for ${this.#names} was not renewed: ${cause.message}; ${next}`);
  }

  #expired(cause: AmqpError | undefined): AuthenticationError {
    const { source, peerName } = this.surroundings;
    const { statusCode, description } = cause instanceof AuthenticationError ? cause : {};
    const failed = cause === undefined ? ' before there was another' : ` and was not renewed: ${cause.message}`;
    const why = source.isRenewable ? failed : ', and it was given ready-made: nothing renews it';
    return new AuthenticationError(`${peerName}: the token for ${this.#names} has expired${why}`, undefined, {
      retryable: cause?.retryable ?? source.isRenewable,
      condition: cause?.condition,
      statusCode,
      description,
      cause,
    });
  }

  #toAmqpError(thrown: unknown): AmqpError {
    if (thrown instanceof AuthenticationError) return thrown;
    const cause = asError(thrown);
    const known = cause instanceof AmqpError ? cause : undefined;
    const why = known?.message ?? 'it could not be put';
    return new AuthenticationError(
      `${this.surroundings.peerName}: no token was taken for ${this.#names}: ${why}`,
      undefined,
      { cause, condition: known?.condition, retryable: known?.retryable ?? true },
    );
  }

  get #names(): string {
    return this.surroundings.source.audiences.map((audience) => `"${audience}"`).join(', ');
  }
}

function nameOf(state: TokenState): AuthenticationStatus['state'] {
  switch (state.name) {
    case 'idle':
      return 'idle';
    case 'putting':
      return state.life === undefined ? 'in-progress' : 'refresh-required';
    case 'good':
      return 'ok';
    case 'waiting':
      return 'refresh-required';
    case 'over':
      return state.why === 'expired' ? 'expired' : state.why === 'refused' ? 'failed' : 'idle';
  }
}

/** A time that no calendar has is written as what it is. */
function iso(at: number | undefined): string {
  const date = new Date(at ?? NaN);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
