// The sending link of one client, brought up and kept alive by the connection.

import { randomUUID } from 'node:crypto';
import type { AmqpError, ProtocolSession, SenderLink } from '../../protocol/index.js';
import { describeTarget, resolveTarget } from '../address/terminus.js';
import type { Target } from '../address/address.js';
import type { LinkOwner, LinkSupervisor, SupervisedLink } from '../link/link-owner.js';
import type { PeerProfile } from '../profile/peer-profile.js';

/** What the client does when its link comes and goes. */
export interface SendLinkEvents {
  /** Up, or room for more on it. */
  linkSendable(): void;
  /** Down; the connection goes on trying. `refused`: the peer does not want it, and will be asked again slowly. */
  linkLost(error: AmqpError, refused: boolean): void;
  /** Given up. The next send starts anew. */
  linkFailed(error: AmqpError): void;
}

/** Attaches on first use, again after each loss, and anew after it was given up. */
export class SendLink implements LinkOwner<SenderLink> {
  readonly address: string;
  readonly session = 'shared';
  /** Open, or `undefined`. */
  current: SenderLink | undefined = undefined;
  /** Whether a message that nobody takes is an error; known once attached. */
  mandatory = true;
  lastError: AmqpError | undefined = undefined;
  readonly #target: Target;
  readonly #links: LinkSupervisor;
  readonly #settleMode: 'unsettled' | 'settled';
  readonly #events: SendLinkEvents;
  readonly #name = randomUUID();
  #supervised: SupervisedLink | undefined = undefined;

  constructor(target: Target, links: LinkSupervisor, settleMode: 'unsettled' | 'settled', events: SendLinkEvents) {
    this.address = describeTarget(target);
    this.#target = target;
    this.#links = links;
    this.#settleMode = settleMode;
    this.#events = events;
  }

  get profile(): PeerProfile | undefined {
    return this.#links.profile;
  }

  /** Asks for the link, unless it is there or on its way. */
  want(): void {
    if (this.#supervised !== undefined) return;
    const supervised = this.#links.supervise(this);
    this.#supervised = supervised;
    supervised.ready().catch((error: unknown) => {
      // `failed` says the same first; this is for a supervisor that ends without it.
      if (this.#supervised === supervised && supervised.state !== 'attached') this.failed(error as AmqpError);
    });
  }

  async attach(session: ProtocolSession, profile: PeerProfile, signal: AbortSignal): Promise<SenderLink> {
    const supervised = this.#supervised;
    const { terminus, linkName, linkProperties, mandatory } = resolveTarget(this.#target, profile);
    const link = await session.attachSender({
      name: linkName ?? `${this.address}-${this.#name}`,
      source: {},
      target: terminus,
      properties: linkProperties,
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
    this.#events.linkLost(error, this.#supervised?.state === 'refused');
  }

  failed(error: AmqpError): void {
    this.current = undefined;
    this.lastError = error;
    this.#supervised = undefined;
    this.#events.linkFailed(error);
  }

  /** Detaches and gives the supervision back. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const link = this.current;
    const supervised = this.#supervised;
    this.current = undefined;
    this.#supervised = undefined;
    await link?.detach({ closed: true, timeoutMs });
    await supervised?.release();
  }
}
