// The two links of a management client: requests to the node, and its answers to a reply address that the client chose.

import { randomUUID } from 'node:crypto';
import {
  ACCEPTED,
  type AmqpError,
  type IncomingDelivery,
  type Outcome,
  type OutgoingTransfer,
  type ProtocolSession,
  type ReceiverLink,
  type SenderLink,
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

/** Answers that may be on their way at once. */
const ANSWER_PREFETCH = 256;

/** What the client does as the pair comes and goes. None of these may throw. */
export interface ManagementLinkEvents {
  /** Up, or room for more. */
  linkSendable(): void;
  answered(message: IncomingMessage): void;
  /** Down; the connection goes on trying. `refused`: the peer does not want it, and is asked again slowly. */
  linkLost(error: AmqpError, refused: boolean): void;
  /** Given up. The next request starts anew. */
  linkFailed(error: unknown): void;
}

/** Both links, alive as long as both are. */
class LinkPair {
  constructor(
    readonly sender: SenderLink,
    readonly receiver: ReceiverLink,
  ) {}

  get isOpen(): boolean {
    return this.sender.isOpen && this.receiver.isOpen;
  }
}

/** Attaches on first use, again after each loss, and anew after it was given up. */
export class ManagementLink implements LinkOwner<LinkPair>, DeliveryHost {
  readonly role = 'management';
  readonly session = 'alone';
  /** What requests say in `reply-to`, over all links that the client ever has. */
  readonly replyTo = `management-${randomUUID()}`;
  readonly codecs: CodecRegistry;
  readonly node = REPLY_NODE;
  readonly observers: Observers;
  readonly #closed = new AbortController();
  #supervised: SupervisedLink | undefined = undefined;
  #pair: LinkPair | undefined = undefined;

  /** @param address the node */
  constructor(
    private readonly context: MessagingContext,
    readonly address: string,
    readonly maxMessageBytes: number,
    private readonly events: ManagementLinkEvents,
  ) {
    this.codecs = context.codecs;
    this.observers = context.observers;
  }

  /** Asks for the links, unless they are there or on their way. */
  want(): void {
    this.#supervised ??= this.context.links.supervise(this);
    const supervised = this.#supervised;
    if (supervised.state !== 'idle') return;
    // Each request has its own deadline; the wish for the links ends with the client.
    supervised.ready(this.#closed.signal).catch((error: unknown) => {
      // No connection will come by itself. All other ends come as `failed`.
      if (this.#supervised === supervised && supervised.state === 'idle') this.events.linkFailed(error);
    });
  }

  /** `false`: not now, `linkSendable` will follow. @throws EncodingFailure, SizeFailure */
  send(transfer: OutgoingTransfer): boolean {
    return this.#pair?.isOpen === true && this.#pair.sender.send(transfer);
  }

  async attach(session: ProtocolSession, _profile: PeerProfile, signal: AbortSignal): Promise<LinkPair> {
    const supervised = this.#supervised;
    const onClosed = (error: AmqpError): void => supervised?.closed(error);
    const id = randomUUID();
    // The receiving link first: a node that looks for the reply address at the attach of the other finds it.
    const receiver = await session.attachReceiver({
      name: `${this.address}-receiver-${id}`,
      source: { address: this.address },
      target: { address: this.replyTo },
      settleMode: 'unsettled',
      maxMessageBytes: this.maxMessageBytes,
      signal,
      onDelivery: this.#onDelivery,
      onClosed,
    });
    const sender = await session.attachSender({
      name: `${this.address}-sender-${id}`,
      source: { address: this.replyTo },
      target: { address: this.address },
      settleMode: 'unsettled',
      signal,
      onSendable: () => this.events.linkSendable(),
      onClosed,
    });
    return new LinkPair(sender, receiver);
  }

  attached(pair: LinkPair): void {
    this.#pair = pair;
    pair.receiver.setPrefetch(ANSWER_PREFETCH);
    this.events.linkSendable();
  }

  lost(error: AmqpError): void {
    this.#pair = undefined;
    this.events.linkLost(error, this.#supervised?.state === 'refused');
  }

  failed(error: AmqpError): void {
    this.#pair = undefined;
    this.#supervised = undefined;
    this.events.linkFailed(error);
  }

  /** Answers are accepted and nothing else, which every peer understands. */
  outcomeFor(outcome: Outcome): Outcome {
    return outcome;
  }

  /** Detaches and gives the supervision back. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const pair = this.#pair;
    const supervised = this.#supervised;
    this.#pair = undefined;
    this.#supervised = undefined;
    this.#closed.abort(new ClientClosedError(`the management client of "${this.address}" was closed`));
    this.context.links.dismiss(this);
    // Nobody waits for outcomes any more.
    await Promise.all([
      pair?.sender.detach({ closed: true, timeoutMs: 0 }),
      pair?.receiver.detach({ closed: true, timeoutMs }),
    ]);
    // A peer that hangs does not answer the end of the session either.
    if (supervised !== undefined) await atMost(Math.max(0, until - performance.now()), supervised.release());
  }

  readonly #onDelivery = (incoming: IncomingDelivery, payload: Buffer, start: number, end: number): void => {
    const message = new IncomingMessage(this, incoming);
    message.read(payload, start, end);
    message.settle(ACCEPTED);
    message.done();
    this.events.answered(message);
  };
}
