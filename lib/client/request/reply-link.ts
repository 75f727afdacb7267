// A reply arriving: receiver link -> sections -> codec -> the request that waits for it. One link for all requests of a client.

import { randomUUID } from 'node:crypto';
import {
  ACCEPTED,
  AmqpError,
  LinkError,
  type IncomingDelivery,
  type Outcome,
  type ProtocolSession,
  type ReceiverLink,
} from '../../protocol/index.js';
import type { CodecRegistry } from '../codec/codec-registry.js';
import { WantedLink, type WantedLinkEvents } from '../link/wanted-link.js';
import { IncomingMessage, type DeliveryHost } from '../message/incoming-message.js';
import type { MessagingContext } from '../messaging-context.js';
import { REPLY_NODE } from '../observer/observed-node.js';
import type { Observers } from '../observer/observers.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { Inflation } from '../receive/inflation.js';
import { replySource } from './reply-address.js';
import type { ResolvedRequestClientOptions } from './request-client-options.js';

/** What the client does as its reply link comes and goes, and with it the address. None of these may throw. */
export interface ReplyLinkEvents extends WantedLinkEvents {
  /** Up: `replyTo` is where replies to requests sent from now on come to. */
  repliesTo(replyTo: string): void;
  replied(message: IncomingMessage): void;
}

/** Attaches on first use, again after each loss, and anew after it was given up. */
export class ReplyLink extends WantedLink<ReceiverLink> implements DeliveryHost {
  readonly address: string;
  readonly role = 'reply';
  readonly session = 'requester';
  readonly codecs: CodecRegistry;
  readonly node = REPLY_NODE;
  readonly observers: Observers;
  readonly #inflation = new Inflation((message) => this.#hand(message));
  #replyTo: string | undefined = undefined;

  constructor(
    private readonly context: MessagingContext,
    target: string,
    readonly maxMessageBytes: number,
    private readonly options: ResolvedRequestClientOptions,
    private readonly events: ReplyLinkEvents,
  ) {
    super(context.links, events);
    this.address = `replies of ${target}`;
    this.codecs = context.codecs.preferring(options.send.codec);
    this.observers = context.observers;
  }

  protected async make(
    session: ProtocolSession,
    profile: PeerProfile,
    signal: AbortSignal,
    onClosed: (error: AmqpError) => void,
  ): Promise<ReceiverLink> {
    const { replyQueues } = this.context;
    const { terminus, address } = await replySource(profile, this.options.replyTo, replyQueues, signal);
    const link = await session.attachReceiver({
      name: `replies-${randomUUID()}`,
      source: terminus,
      target: {},
      // Requests end with their link: a reply that is lost with it would find nobody when it came again.
      settleMode: 'settled',
      maxMessageBytes: this.maxMessageBytes,
      creditWhenUsedUp: !profile.countsCreditOnItsWay,
      signal,
      onDelivery: this.#onDelivery,
      onClosed,
    });
    const replyTo = address ?? link.remote.source?.address;
    if (typeof replyTo === 'string' && replyTo !== '') {
      this.#replyTo = this.options.replyToAs === 'queue' ? this.#queueName(replyTo, profile) : replyTo;
      return link;
    }
    await link.detach({ closed: true, timeoutMs: 1_000 });
    throw AmqpError.inOwnWords(
      new LinkError(`"${this.address}": the peer gave no reply address`, this.address, '', { retryable: false }),
    );
  }

  protected up(link: ReceiverLink): void {
    link.setPrefetch(this.options.replyPrefetch);
    if (this.#replyTo !== undefined) this.events.repliesTo(this.#replyTo);
  }

  protected detach(link: ReceiverLink, timeoutMs: number): Promise<void> {
    return link.detach({ closed: true, timeoutMs });
  }

  /** A peer that does not send them settled is told that they are accepted, and nothing else, which every peer understands. */
  outcomeFor(outcome: Outcome): Outcome {
    return outcome;
  }

  #queueName(address: string, profile: PeerProfile): string {
    const name = profile.queueName(address);
    if (name === undefined)
      this.context.logger.warn(
        `"${this.address}": replyToAs 'queue': "${address}" is no queue's address, and is sent as it is`,
      );
    return name ?? address;
  }

  readonly #onDelivery = (incoming: IncomingDelivery, payload: Buffer, start: number, end: number): void => {
    const message = new IncomingMessage(this, incoming);
    message.read(payload, start, end);
    if (!this.#inflation.takes(message)) this.#hand(message);
  };

  /** Its place in the credit is free from here on: of those that are being inflated there are no more than `replyPrefetch`. */
  #hand(message: IncomingMessage): void {
    message.settle(ACCEPTED);
    message.done();
    this.events.replied(message);
  }
}
