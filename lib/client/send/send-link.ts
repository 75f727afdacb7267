// The sending link of one client, brought up and kept alive by the connection.

import { randomUUID } from 'node:crypto';
import { AmqpError, type ProtocolSession, type SenderLink } from '../../protocol/index.js';
import { describeTarget, resolveTarget } from '../address/terminus.js';
import type { Target } from '../address/address.js';
import { atMost } from '../deadline.js';
import type { LinkOwner, LinkSupervisor, SupervisedLink } from '../link/link-owner.js';
import type { LinkRole } from '../link/link-status.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';

type SettleMode = 'unsettled' | 'settled' | 'mixed';

/** What was agreed on when the link was attached, and its credit now. */
export interface AttachedLink {
  readonly name: string;
  /** The peer's name for the target: for a dynamic one, where its messages go. */
  readonly address: string | undefined;
  /** Credit left: messages that may be sent without waiting for the peer. */
  readonly credit: number;
  /** The peer's max-message-size; `undefined`: none. */
  readonly maxMessageBytes: number | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly offeredCapabilities: readonly string[];
}

/**
 * `idle`: not used yet. `lost`: attached before, and the connection brings it back. `refused`: likewise, and the peer does not want it at
 * present. `failed`: given up; the next send tries anew.
 */
export type SendClientState = 'idle' | 'attaching' | 'attached' | 'lost' | 'refused' | 'failed' | 'closed';

/** What the client does when its link comes and goes. */
export interface SendLinkEvents {
  /** Up, or room for more on it. */
  linkSendable(): void;
  /** Down; the connection goes on trying. `refused`: the peer does not want it, and will be asked again slowly. */
  linkLost(error: AmqpError, refused: boolean): void;
  /** Given up. The next send starts anew. */
  linkFailed(error: unknown): void;
}

/** Attaches on first use, again after each loss, and anew after it was given up. */
export class SendLink implements LinkOwner<SenderLink> {
  readonly address: string;
  readonly role: LinkRole;
  readonly session: ResolvedSendClientOptions['session'];
  /** Open, or `undefined`. */
  current: SenderLink | undefined = undefined;
  /** Whether a message that nobody takes is an error; known once attached. */
  mandatory = true;
  lastError: AmqpError | undefined = undefined;
  readonly #target: Target;
  readonly #links: LinkSupervisor;
  readonly #settleMode: SettleMode;
  readonly #events: SendLinkEvents;
  readonly #closed = new AbortController();
  #supervised: SupervisedLink | undefined = undefined;

  constructor(
    target: Target,
    links: LinkSupervisor,
    { settleMode, session, role }: Pick<ResolvedSendClientOptions, 'settleMode' | 'session' | 'role'>,
    events: SendLinkEvents,
  ) {
    this.address = describeTarget(target);
    this.role = role;
    this.session = session;
    this.#target = target;
    this.#links = links;
    this.#settleMode = settleMode;
    this.#events = events;
  }

  get profile(): PeerProfile | undefined {
    return this.#links.profile;
  }

  get user(): string | undefined {
    return this.#links.user;
  }

  get state(): SendClientState {
    if (this.#closed.signal.aborted) return 'closed';
    return this.#supervised?.state ?? (this.lastError === undefined ? 'idle' : 'failed');
  }

  get attachedLink(): AttachedLink | undefined {
    const link = this.current;
    if (link === undefined) return undefined;
    const { name, credit, maxMessageSize, remote } = link;
    const { properties, offeredCapabilities, target } = remote;
    return {
      name,
      address: target?.address ?? undefined,
      credit,
      maxMessageBytes: maxMessageSize,
      properties,
      offeredCapabilities,
    };
  }

  /** Resolves with the link; at once when it is there. Rejects with what ended it, or the signal's reason. */
  async attachNow(signal: AbortSignal | undefined): Promise<void> {
    if (this.current === undefined) await this.#supervise().ready(signal);
  }

  /** Asks for the link, unless it is there or on its way. */
  want(): void {
    const supervised = this.#supervise();
    if (supervised.state !== 'idle') return;
    // Each send has its own deadline; the wish for the link ends with the client.
    supervised.ready(this.#closed.signal).catch((error: unknown) => {
      // No connection will come by itself: what waits is told, and the next send wishes anew. All other ends come as `failed`.
      if (this.#supervised === supervised && supervised.state === 'idle') this.#givenUp(error);
    });
  }

  async attach(session: ProtocolSession, profile: PeerProfile, signal: AbortSignal): Promise<SenderLink> {
    const supervised = this.#supervised;
    const { terminus, linkName, mandatory, ...wishes } = resolveTarget(this.#target, profile);
    const link = await session.attachSender({
      name: linkName ?? `${this.address}-${randomUUID()}`,
      source: {},
      target: terminus,
      properties: wishes.linkProperties,
      desiredCapabilities: wishes.desiredCapabilities,
      offeredCapabilities: wishes.offeredCapabilities,
      settleMode: this.#settleMode,
      signal,
      onSendable: () => this.#events.linkSendable(),
      onClosed: (error) => supervised?.closed(error),
    });
    this.mandatory = mandatory;
    return link;
  }

  attached(link: SenderLink): void {
    this.current = link;
    this.lastError = undefined;
    this.#events.linkSendable();
  }

  lost(error: AmqpError): void {
    this.current = undefined;
    this.lastError = error;
    const refused = this.#supervised?.state === 'refused';
    // Whoever waited for replies may be gone, and some peers make a queue of any address that is attached to: the next reply asks for it.
    if (this.session === 'replies') this.#leave();
    this.#events.linkLost(error, refused);
  }

  failed(error: AmqpError): void {
    this.#supervised = undefined;
    this.#givenUp(error);
  }

  /** Detaches and gives the supervision back. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const link = this.current;
    const supervised = this.#supervised;
    this.current = undefined;
    this.#supervised = undefined;
    this.#closed.abort();
    this.#links.dismiss(this);
    await link?.detach({ closed: true, timeoutMs });
    // A peer that hangs does not answer the end of the session either.
    if (supervised !== undefined) await atMost(Math.max(0, until - performance.now()), supervised.release());
  }

  #supervise(): SupervisedLink {
    this.#supervised ??= this.#links.supervise(this);
    return this.#supervised;
  }

  #leave(): void {
    void this.#supervised?.release(); // never rejects
    this.#supervised = undefined;
  }

  #givenUp(error: unknown): void {
    this.current = undefined;
    this.lastError = error instanceof AmqpError ? error : undefined;
    this.#events.linkFailed(error);
  }
}
