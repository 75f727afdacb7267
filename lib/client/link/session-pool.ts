// Which session a link gets: its own while channels are plenty, else a place on a shared one.

import { AmqpError, ConnectionError, type ProtocolConnection, type ProtocolSession } from '../../protocol/index.js';
import { raceSignal } from '../deadline.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';

/** A place on a session. `release` gives it back once; the session ends with its last place. Never rejects. */
export interface SessionPlace {
  readonly session: ProtocolSession;
  /** Others may stand on it too: its end says nothing about this link. */
  readonly isShared: boolean;
  /** On a further connection beside this peer's, which outlives a loss of the first one. */
  readonly besides?: ResolvedPeer;
  release(): Promise<void>;
}

/** `transactional`: the one session of the coordinator and of the links beside it. */
export type SessionWish = 'alone' | 'own' | 'shared' | 'requester' | 'replies' | 'transactional';

/** Every session that the peer allows on the connection is taken, with all its places that such a link may have. */
export class NoPlaceError extends ConnectionError {
  constructor(why: string) {
    super('connect-failed', `no session is left for another link: ${why}`, {
      condition: 'amqp:resource-limit-exceeded',
    });
  }
}

interface Entry {
  readonly session: ProtocolSession;
  readonly kind: SessionWish;
  places: number;
  everShared: boolean;
  /** The attach under way: on a peer that ends the session at a refusal, only one at a time, so that the right one is blamed. */
  attaching: Promise<unknown>;
}

export interface SessionPoolOptions {
  readonly oneAttachAtATime: boolean;
  readonly endTimeoutMs: number;
}

/** The sessions of one open connection. */
export class SessionPool {
  readonly #entries = new Set<Entry>();
  #beginning = 0;
  #beginningShared = 0;
  /** Called at the end of the next begin under way, whatever came of it. */
  #lookers: (() => void)[] = [];
  /** Takes of the transactional session, one after another: there is one of it at a time. */
  #transactional: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly protocol: ProtocolConnection,
    private readonly options: SessionPoolOptions,
  ) {}

  /**
   * Takes a place and attaches on it; when that fails the place is given back.
   *
   * @param wish `alone`: never shared. `own`: not shared while there is a channel. `shared`: shared where channels are short.
   * `requester`, `replies`: shared with its kind only, once three quarters, or half, of the channels are used. `transactional`: the
   * coordinator's, always shared
   * @throws NoPlaceError, whatever begin, attach or the signal bring
   */
  async attach<Link>(
    wish: SessionWish,
    signal: AbortSignal,
    attach: (session: ProtocolSession) => Promise<Link>,
  ): Promise<{ readonly link: Link; readonly place: SessionPlace }> {
    const entry = await (wish === 'transactional' ? this.#takeTransactional(signal) : this.#take(wish, signal));
    const place = this.#place(entry);
    try {
      const link = this.options.oneAttachAtATime ? takeTurn(entry, signal, attach) : attach(entry.session);
      return { link: await link, place };
    } catch (error) {
      await place.release();
      throw error;
    }
  }

  #takeTransactional(signal: AbortSignal): Promise<Entry> {
    const taken = this.#transactional.then(async () => {
      signal.throwIfAborted();
      const entry = [...this.#entries].find(({ kind, session }) => kind === 'transactional' && session.isOpen);
      if (entry === undefined) return this.#begin('transactional', signal);
      if (entry.places > entry.session.handleMax)
        throw AmqpError.inOwnWords(
          new NoPlaceError(`its session of transactions is full (${entry.session.handleMax + 1} links)`),
        );
      entry.places += 1;
      return entry;
    });
    this.#transactional = taken.catch(() => undefined);
    return taken;
  }

  async #take(wish: Exclude<SessionWish, 'transactional'>, signal: AbortSignal): Promise<Entry> {
    for (const entry of this.#entries) if (!entry.session.isOpen) this.#entries.delete(entry);
    const { sessionLimit } = this.protocol;
    const used = this.protocol.sessionCount + this.#beginning;
    if (wish === 'replies' || wish === 'requester') {
      const isShort = wish === 'replies' ? used * 2 >= sessionLimit : used * 4 >= sessionLimit * 3;
      const place = isShort ? this.#join(wish) : undefined;
      if (place !== undefined) return place;
    }
    if (wish !== 'shared' && used < sessionLimit) return this.#begin(wish, signal);
    if (wish === 'own' || wish === 'shared') {
      if (used * 4 < sessionLimit * 3) return this.#begin('own', signal);
      const shared = [...this.#entries].filter(({ kind }) => kind === 'shared');
      const enough = Math.max(1, Math.floor(sessionLimit / 8));
      const mayGrow = shared.length + this.#beginningShared < enough && used < sessionLimit;
      if (mayGrow) return this.#begin('shared', signal);
      const place = this.#join('shared') ?? this.#join('own');
      if (place !== undefined) return place;
    }
    if (this.#beginning > 0) {
      // One that is on its way counts twice, may be shared, and may fail: the next look says what is left.
      await raceSignal(new Promise<void>((resolve) => this.#lookers.push(resolve)), signal);
      return this.#take(wish, signal);
    }
    throw AmqpError.inOwnWords(new NoPlaceError(`the peer allows ${sessionLimit} sessions on one connection`));
  }

  /** The emptiest session of the kind takes another link. */
  #join(kind: Entry['kind']): Entry | undefined {
    const entry = leastUsed([...this.#entries].filter((candidate) => candidate.kind === kind));
    if (entry === undefined) return undefined;
    entry.places += 1;
    entry.everShared = true;
    return entry;
  }

  async #begin(kind: Entry['kind'], signal: AbortSignal): Promise<Entry> {
    const shared = kind === 'shared' ? 1 : 0;
    this.#beginning += 1;
    this.#beginningShared += shared;
    try {
      const session = await this.protocol.beginSession({ signal });
      const everShared = kind === 'shared' || kind === 'transactional';
      const entry: Entry = { session, kind, places: 1, everShared, attaching: Promise.resolve() };
      this.#entries.add(entry);
      return entry;
    } finally {
      this.#beginning -= 1;
      this.#beginningShared -= shared;
      for (const look of this.#lookers.splice(0)) look();
    }
  }

  #place(entry: Entry): SessionPlace {
    let held = true;
    return {
      session: entry.session,
      get isShared() {
        return entry.everShared;
      },
      release: async () => {
        if (!held) return;
        held = false;
        entry.places -= 1;
        if (entry.places > 0) return;
        this.#entries.delete(entry);
        if (entry.session.isOpen) await entry.session.end({ timeoutMs: this.options.endTimeoutMs });
      },
    };
  }
}

function leastUsed(entries: readonly Entry[]): Entry | undefined {
  return entries
    .filter(({ session, places }) => session.isOpen && places <= session.handleMax)
    .toSorted((left, right) => left.places - right.places)[0];
}

function takeTurn<Link>(
  entry: Entry,
  signal: AbortSignal,
  attach: (session: ProtocolSession) => Promise<Link>,
): Promise<Link> {
  const turn = entry.attaching.then(() => {
    signal.throwIfAborted();
    return attach(entry.session);
  });
  entry.attaching = turn.catch(() => undefined);
  return turn;
}
