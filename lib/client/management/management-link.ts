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
import { WantedLink, type WantedLinkEvents } from '../link/wanted-link.js';
import { IncomingMessage, type DeliveryHost } from '../message/incoming-message.js';
import type { MessagingContext } from '../messaging-context.js';
import { REPLY_NODE } from '../observer/observed-node.js';
import type { Observers } from '../observer/observers.js';
import type { PeerProfile } from '../profile/peer-profile.js';

/** Answers that may be on their way at once. */
const ANSWER_PREFETCH = 256;

/** What the client does as the pair comes and goes. None of these may throw. */
export interface ManagementLinkEvents extends WantedLinkEvents {
  /** Up, or room for more. */
  linkSendable(): void;
  answered(message: IncomingMessage): void;
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
export class ManagementLink extends WantedLink<LinkPair> implements DeliveryHost {
  readonly role = 'management';
  readonly session = 'alone';
  /** What requests say in `reply-to`, over all links that the client ever has. */
  readonly replyTo = `management-${randomUUID()}`;
  readonly codecs: CodecRegistry;
  readonly node = REPLY_NODE;
  readonly observers: Observers;

  /** @param address the node */
  constructor(
    context: MessagingContext,
    readonly address: string,
    readonly maxMessageBytes: number,
    private readonly events: ManagementLinkEvents,
  ) {
    super(context.links, events);
    this.codecs = context.codecs;
    this.observers = context.observers;
  }

  /** `false`: not now, `linkSendable` will follow. @throws EncodingFailure, SizeFailure */
  send(transfer: OutgoingTransfer): boolean {
    return this.current?.isOpen === true && this.current.sender.send(transfer);
  }

  protected async make(
    session: ProtocolSession,
    _profile: PeerProfile,
    signal: AbortSignal,
    onClosed: (error: AmqpError) => void,
  ): Promise<LinkPair> {
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

  protected up({ receiver }: LinkPair): void {
    receiver.setPrefetch(ANSWER_PREFETCH);
    this.events.linkSendable();
  }

  protected detach({ sender, receiver }: LinkPair, timeoutMs: number): Promise<unknown> {
    // Nobody waits for outcomes any more.
    return Promise.all([sender.detach({ closed: true, timeoutMs: 0 }), receiver.detach({ closed: true, timeoutMs })]);
  }

  /** Answers are accepted and nothing else, which every peer understands. */
  outcomeFor(outcome: Outcome): Outcome {
    return outcome;
  }

  readonly #onDelivery = (incoming: IncomingDelivery, payload: Buffer, start: number, end: number): void => {
    const message = new IncomingMessage(this, incoming);
    message.read(payload, start, end);
    message.settle(ACCEPTED);
    message.done();
    this.events.answered(message);
  };
}
