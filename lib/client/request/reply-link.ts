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
import { atMost } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import type { LinkOwner, SupervisedLink } from '../link/link-owner.js';
import { IncomingMessage, type DeliveryHost } from '../message/incoming-message.js';
import type { MessagingContext } from '../messaging-context.js';
import { REPLY_NODE } from '../observer/observed-node.js';
import type { Observers } from '../observer/observers.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { Inflation } from '../receive/inflation.js';
import { replySource } from './reply-address.js';
import type { ResolvedRequestClientOptions } from './request-client-options.js';

/** What the client does as its reply link comes and goes. None of these may throw. */
export interface ReplyLinkEvents {
  /** Up: `replyTo` is where replies to requests sent from now on come to. */
  repliesTo(replyTo: string): void;
  replied(message: IncomingMessage): void;
  /** Down, and with it the address. `refused`: the peer does not want it, and is asked again slowly. */
  linkLost(error: AmqpError, refused: boolean): void;
  /** Given up. The next request starts anew. */
  linkFailed(error: unknown): void;
}

/** Attaches on first use, again after each loss, and anew after it was given up. */
export class ReplyLink implements LinkOwner<ReceiverLink>, DeliveryHost {
  readonly address: string;
  readonly role = 'reply';
  readonly session = 'requester';
  readonly codecs: CodecRegistry;
  readonly node = REPLY_NODE;
  readonly observers: Observers;
  readonly #closed = new AbortController();
  readonly #inflation = new Inflation((message) => this.#hand(message));
  #supervised: SupervisedLink | undefined = undefined;
  #link: ReceiverLink | undefined = undefined;
  #replyTo: string | undefined = undefined;

  constructor(
    private readonly context: MessagingContext,
    target: string,
    readonly maxMessageBytes: number,
    private readonly options: ResolvedRequestClientOptions,
    private readonly events: ReplyLinkEvents,
  ) {
    this.address = `replies of ${target}`;
    this.codecs = context.codecs.preferring(options.send.codec);
    this.observers = context.observers;
  }

  /** Asks for the link, unless it is there or on its way. */
  want(): void {
    this.#supervised ??= this.context.links.supervise(this);
    const supervised = this.#supervised;
    if (supervised.state !== 'idle') return;
    // Each request has its own deadline; the wish for the link ends with the client.
    supervised.ready(this.#closed.signal).catch((error: unknown) => {
      // No connection will come by itself. All other ends come as `failed`.
      if (this.#supervised === supervised && supervised.state === 'idle') this.events.linkFailed(error);
    });
  }

  async attach(session: ProtocolSession, profile: PeerProfile, signal: AbortSignal): Promise<ReceiverLink> {
    const supervised = this.#supervised;
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
      onClosed: (error) => supervised?.closed(error),
    });
    const replyTo = address ?? link.remote.source?.address;
    if (typeof replyTo === 'string' && replyTo !== '') {
      this.#replyTo = this.options.replyToAs === 'queue' ? this.#queueName(replyTo, profile) : replyTo;
      return link;
    }
    await link.detach({ closed: true, timeoutMs: 1_000 });
    throw new LinkError(`"${this.address}": the peer gave no reply address`, this.address, '', { retryable: false });
  }

  attached(link: ReceiverLink): void {
    this.#link = link;
    link.setPrefetch(this.options.replyPrefetch);
    if (this.#replyTo !== undefined) this.events.repliesTo(this.#replyTo);
  }

  lost(error: AmqpError): void {
    this.#link = undefined;
    this.events.linkLost(error, this.#supervised?.state === 'refused');
  }

  failed(error: AmqpError): void {
    this.#link = undefined;
    this.#supervised = undefined;
    this.events.linkFailed(error);
  }

  /** A peer that does not send them settled is told that they are accepted, and nothing else, which every peer understands. */
  outcomeFor(outcome: Outcome): Outcome {
    return outcome;
  }

  /** Detaches and gives the supervision back. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const link = this.#link;
    const supervised = this.#supervised;
    this.#link = undefined;
    this.#supervised = undefined;
    this.#closed.abort(new ClientClosedError(`"${this.address}" was closed`));
    this.context.links.dismiss(this);
    await link?.detach({ closed: true, timeoutMs });
    // A peer that hangs does not answer the end of the session either.
    if (supervised !== undefined) await atMost(Math.max(0, until - performance.now()), supervised.release());
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
