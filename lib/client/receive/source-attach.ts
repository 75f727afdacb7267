// How the link of one consumer is attached to its source: under which name, from where on, and with what the peer has to confirm.

import { randomUUID } from 'node:crypto';
import {
  AmqpError,
  LinkError,
  type AttachReceiverOptions,
  type ProtocolSession,
  type ReceiverLink,
} from '../../protocol/index.js';
import type { Source } from '../address/address.js';
import { unconfirmedFilters } from '../address/filters.js';
import { describeSource, resolveSource, sourceFields } from '../address/terminus.js';
import type { AmqpLogger } from '../client-context.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { StreamPosition } from './stream-position.js';

const DETACH_TIMEOUT_MS = 2_000;

/** The source in the words of one peer. */
type AskedSource = ReturnType<typeof resolveSource>;

/** What the consumer brings to each attach. */
interface AttachWishes extends Pick<
  AttachReceiverOptions,
  'settleMode' | 'maxMessageBytes' | 'signal' | 'onDelivery' | 'onClosed'
> {
  /** For errors and log lines. */
  readonly address: string;
}

export class SourceAttach {
  readonly #shareName = randomUUID();
  readonly #position = new StreamPosition();

  constructor(
    private readonly source: Source,
    private readonly logger: AmqpLogger,
  ) {}

  /** A subscription that stays at the peer when the link is detached. */
  get isDurable(): boolean {
    return typeof this.source === 'object' && this.source.durable !== undefined && this.source.durable !== 'none';
  }

  /** What is known by the container-id too, or asks not to get what its own connection sends. */
  get isBound(): boolean {
    const { source } = this;
    if (this.isDurable) return true;
    return typeof source === 'object' && (source.shared !== undefined || source.noLocal === true);
  }

  /** The peer makes the node, and names it. */
  get isDynamic(): boolean {
    return typeof this.source === 'object' && this.source.dynamic === true;
  }

  /** From a stream, which the next link reads on from what is not handled. */
  arrived(message: IncomingMessage): void {
    this.#position.arrived(message);
  }

  /** @throws InvalidOptionsError for what this peer lacks */
  asked(profile: PeerProfile): AskedSource {
    return resolveSource(this.#sourceNow(), profile);
  }

  /** @throws LinkError, also when the peer leaves a filter out: messages would come that were to stay away */
  async attach(
    session: ProtocolSession,
    profile: PeerProfile,
    { terminus, linkName, linkProperties, desiredCapabilities, offeredCapabilities }: AskedSource,
    { address, ...wishes }: AttachWishes,
  ): Promise<ReceiverLink> {
    const link = await session.attachReceiver({
      name: this.#linkName(linkName),
      source: terminus,
      target: {},
      properties: linkProperties,
      desiredCapabilities,
      offeredCapabilities,
      creditWhenUsedUp: !profile.countsCreditOnItsWay,
      drains: profile.drain,
      ...wishes,
    });
    const missing = unconfirmedFilters(terminus.filters, link.remote.source?.filters);
    if (missing.length > 0) await this.#unfiltered(link, missing, profile, address);
    return link;
  }

  /** Messages would come that were to stay away. @throws LinkError, not retryable */
  async #unfiltered(
    link: ReceiverLink,
    missing: readonly string[],
    profile: PeerProfile,
    address: string,
  ): Promise<void> {
    const what = `the peer does not apply the filter ${missing.join(', ')}`;
    if (!profile.confirmsFilters) {
      this.logger.warn(`"${address}": as far as can be told ${what}`);
      return;
    }
    await link.detach({ closed: true, timeoutMs: DETACH_TIMEOUT_MS });
    const message = `"${address}" cannot be attached: ${what}`;
    throw AmqpError.inOwnWords(new LinkError(message, address, link.name, { retryable: false }));
  }

  /** A stream is read on from where it was. */
  #sourceNow(): Source {
    const streamOffset = this.#position.resume();
    return streamOffset === undefined ? this.source : { ...sourceFields(this.source), streamOffset };
  }

  /** A subscription is found again by its name; the links that share one are told apart by what follows the bar. */
  #linkName(given: string | undefined): string {
    if (given === undefined) return `${describeSource(this.source)}-${randomUUID()}`;
    const isShared = typeof this.source === 'object' && this.source.shared !== undefined;
    return isShared ? `${given}|${this.#shareName}` : given;
  }
}
