// Connections beside the main one, for links that were redirected or found no session left: one for each place, for as long as a link is
// there.

import { ConnectionError, type AmqpError, type ProtocolSession } from '../../protocol/index.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import { raceSignal } from '../deadline.js';
import { SessionPool, type SessionPlace, type SessionWish } from '../link/session-pool.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import type { PeerProfile } from '../profile/peer-profile.js';

/** Attaches what has its place there. */
export type Attach<Link> = (session: ProtocolSession, profile: PeerProfile) => Promise<Link>;

export interface ElsewhereOptions {
  /** One attempt; nothing is left open when it fails. */
  connect(
    peer: ResolvedPeer,
    attempt: { readonly signal: AbortSignal; readonly onLost: (error: AmqpError) => void },
  ): Promise<ConnectedPeer>;
  readonly endTimeoutMs: number;
}

interface Entry {
  readonly key: string;
  readonly attempt: AbortController;
  readonly opened: Promise<{ readonly peer: ConnectedPeer; readonly pool: SessionPool }>;
  users: number;
}

export class Elsewhere {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly options: ElsewhereOptions) {}

  /** @throws whatever connecting, attaching or the signal bring */
  async attach<Link>(
    peer: ResolvedPeer,
    wish: SessionWish,
    signal: AbortSignal,
    attach: Attach<Link>,
  ): Promise<{ readonly link: Link; readonly place: SessionPlace }> {
    const entry = this.#entry(peer);
    entry.users += 1;
    try {
      const { peer: connected, pool } = await raceSignal(entry.opened, signal);
      const held = await pool.attach(wish, signal, (session) => attach(session, connected.profile));
      return { link: held.link, place: this.#place(entry, held.place) };
    } catch (error) {
      await this.#leave(entry);
      throw error;
    }
  }

  /** There is a connection, or one is being opened. */
  has(peer: ResolvedPeer): boolean {
    return this.#entries.has(keyOf(peer));
  }

  /** All of them, whoever still uses them; within `timeoutMs`, never rejects. */
  async close(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => this.#close(entry, timeoutMs)));
  }

  #entry(peer: ResolvedPeer): Entry {
    const key = keyOf(peer);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const attempt = new AbortController();
    const entry: Entry = {
      key,
      attempt,
      users: 0,
      opened: this.#open(peer, attempt.signal, () => this.#forget(entry)),
    };
    // Whoever waits for it hears of a failure; the next one dials anew.
    entry.opened.catch(() => this.#forget(entry));
    this.#entries.set(key, entry);
    return entry;
  }

  async #open(
    resolved: ResolvedPeer,
    signal: AbortSignal,
    onLost: () => void,
  ): Promise<{ readonly peer: ConnectedPeer; readonly pool: SessionPool }> {
    const peer = await this.options.connect(resolved, { signal, onLost });
    const { endTimeoutMs } = this.options;
    const pool = new SessionPool(peer.protocol, { oneAttachAtATime: peer.profile.refusalEndsSession, endTimeoutMs });
    return { peer, pool };
  }

  /** The links on it hear of its end from their sessions. */
  #forget(entry: Entry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
  }

  #place(entry: Entry, place: SessionPlace): SessionPlace {
    let held = true;
    return {
      session: place.session,
      get isShared() {
        return place.isShared;
      },
      release: async () => {
        if (!held) return;
        held = false;
        await place.release();
        await this.#leave(entry);
      },
    };
  }

  /** The last one closes it. Never rejects. */
  async #leave(entry: Entry): Promise<void> {
    entry.users -= 1;
    if (entry.users <= 0) await this.#close(entry, this.options.endTimeoutMs);
  }

  async #close(entry: Entry, timeoutMs: number): Promise<void> {
    this.#forget(entry);
    entry.attempt.abort(new ConnectionError('connect-failed', 'nobody waits for this connection any more'));
    const opened = await entry.opened.catch(() => undefined);
    await opened?.peer.protocol.close({ timeoutMs });
  }
}

function keyOf({ uri, hostname, containerId }: ResolvedPeer): string {
  return JSON.stringify([uri.shown, hostname, containerId]);
}
