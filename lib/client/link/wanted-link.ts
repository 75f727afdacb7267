// A client's hold on a link of its own: asked for on first use, brought back by the connection, asked for anew once it was given up.

import { AmqpError, type ProtocolSession } from '../../protocol/index.js';
import { atMost } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import type { LinkOwner, LinkSupervisor, SupervisedLink } from './link-owner.js';

/** What the client does when its link goes. None of these may throw. */
export interface WantedLinkEvents {
  /** Down; the connection goes on trying. `refused`: the peer does not want it, and is asked again slowly. */
  linkLost(error: AmqpError, refused: boolean): void;
  /** Given up. The next wish starts anew. */
  linkFailed(error: unknown): void;
}

export abstract class WantedLink<Link extends { readonly isOpen: boolean }> implements LinkOwner<Link> {
  abstract readonly address: string;
  abstract readonly role: LinkOwner<Link>['role'];
  abstract readonly session: LinkOwner<Link>['session'];
  readonly #links: LinkSupervisor;
  readonly #goes: WantedLinkEvents;
  readonly #closed = new AbortController();
  #supervised: SupervisedLink | undefined = undefined;
  #current: Link | undefined = undefined;

  constructor(links: LinkSupervisor, goes: WantedLinkEvents) {
    this.#links = links;
    this.#goes = goes;
  }

  /** @param onClosed of every link that is made */
  protected abstract make(
    session: ProtocolSession,
    profile: PeerProfile,
    signal: AbortSignal,
    onClosed: (error: AmqpError) => void,
  ): Promise<Link>;

  /** It is there. */
  protected abstract up(link: Link): void;

  /** Never rejects. */
  protected abstract detach(link: Link, timeoutMs: number): Promise<unknown>;

  /** Open, or `undefined`. */
  protected get current(): Link | undefined {
    return this.#current;
  }

  /** Asks for the link, unless it is there or on its way. */
  want(): void {
    this.#supervised ??= this.#links.supervise(this);
    const supervised = this.#supervised;
    if (supervised.state !== 'idle') return;
    // Each request has its own deadline; the wish for the link ends with the client.
    supervised.ready(this.#closed.signal).catch((error: unknown) => {
      // No connection will come by itself. All other ends come as `failed`.
      if (this.#supervised === supervised && supervised.state === 'idle') this.#goes.linkFailed(error);
    });
  }

  attach(session: ProtocolSession, profile: PeerProfile, signal: AbortSignal): Promise<Link> {
    const supervised = this.#supervised;
    return this.make(session, profile, signal, (error) => supervised?.closed(error));
  }

  attached(link: Link): void {
    this.#current = link;
    this.up(link);
  }

  lost(error: AmqpError): void {
    this.#current = undefined;
    this.#goes.linkLost(error, this.#supervised?.state === 'refused');
  }

  failed(error: AmqpError): void {
    this.#current = undefined;
    this.#supervised = undefined;
    this.#goes.linkFailed(error);
  }

  /** Detaches and gives the supervision back. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const link = this.#current;
    const supervised = this.#supervised;
    this.#current = undefined;
    this.#supervised = undefined;
    this.#links.dismiss(this);
    this.#closed.abort(AmqpError.inOwnWords(new ClientClosedError(`"${this.address}" was closed`)));
    if (link !== undefined) await this.detach(link, timeoutMs);
    // A peer that hangs does not answer the end of the session either.
    if (supervised !== undefined) await atMost(Math.max(0, until - performance.now()), supervised.release());
  }
}
