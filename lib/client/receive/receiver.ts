// A message arriving: receiver link -> sections -> codec -> whoever consumes. One supervised link and its credit.

import {
  AmqpError,
  RELEASED,
  type AmqpMessage,
  type IncomingDelivery,
  type Outcome,
  type ProtocolSession,
  type ReceiverLink,
} from '../../protocol/index.js';
import type { Source } from '../address/address.js';
import { describeSource } from '../address/terminus.js';
import type { CodecRegistry } from '../codec/codec-registry.js';
import { atMost } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import type { LinkOwner, SupervisedLink } from '../link/link-owner.js';
import type { MessagingContext } from '../messaging-context.js';
import { IncomingMessage, type DeliveryHost } from '../message/incoming-message.js';
import type { MessageRoute } from '../message/received-message.js';
import { nodeOfSource, type ObservedNode } from '../observer/observed-node.js';
import type { Observers } from '../observer/observers.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { assertTransactions } from '../transaction/coordinator.js';
import { NOBODY, type Consumer } from './consumer.js';
import { drained } from './drained.js';
import { Inflation } from './inflation.js';
import { QueueKnowledge } from './queue-knowledge.js';
import type { ResolvedReceiveClientOptions } from './receive-client-options.js';
import { SourceAttach } from './source-attach.js';
import { TransactionalSettling } from './transactional-settling.js';

/** The receiving link of one consumer, brought up and kept alive by the connection. */
export class Receiver implements LinkOwner<ReceiverLink>, DeliveryHost {
  readonly role = 'receive';
  readonly transactional = new TransactionalSettling(this, (message) => this.#consumer.rolledBack(message));
  codecs: CodecRegistry;
  options: ResolvedReceiveClientOptions;
  readonly node: ObservedNode;
  readonly observers: Observers;
  readonly queue: QueueKnowledge;
  readonly #stopped = new AbortController();
  /** That of the subscription; stays when it is closed, for what is settled late. */
  consumerName: string | undefined = undefined;
  #consumer: Consumer = NOBODY;
  #supervised: SupervisedLink | undefined = undefined;
  #link: ReceiverLink | undefined = undefined;
  #remoteAddress: string | undefined = undefined;
  readonly #attach: SourceAttach;
  #prefetch = 0;
  readonly #inflation = new Inflation((message) => this.#consumer.delivered(message));

  constructor(
    readonly context: MessagingContext,
    readonly source: Source,
    options: ResolvedReceiveClientOptions,
  ) {
    this.options = options;
    this.codecs = context.codecs.preferring(options.codec);
    this.node = nodeOfSource(source);
    this.observers = context.observers;
    this.queue = new QueueKnowledge(context, source);
    this.#attach = new SourceAttach(source, context.logger);
  }

  get isBound(): boolean {
    return this.#attach.isBound;
  }

  get session(): 'shared' | 'transactional' {
    return this.options.transactional ? 'transactional' : 'shared';
  }

  /** The source in words; a dynamic one has the peer's name for it as soon as it is attached. */
  get address(): string {
    return this.#remoteAddress ?? describeSource(this.source);
  }

  get takenBy(): Consumer['takenBy'] {
    return this.#consumer.takenBy;
  }

  /** Unsettled messages here. */
  get inHand(): number {
    return this.#link?.inHand ?? 0;
  }

  get isAttached(): boolean {
    return this.#link !== undefined;
  }

  get isClosed(): boolean {
    return this.#stopped.signal.aborted;
  }

  get wasStarted(): boolean {
    return this.#supervised !== undefined;
  }

  get maxMessageBytes(): number {
    return this.options.maxMessageBytes;
  }

  /** The options of whoever takes it over; the link, when there is one, was attached with the same in all that an attach says. */
  adopt(options: ResolvedReceiveClientOptions): this {
    this.options = options;
    this.codecs = this.context.codecs.preferring(options.codec);
    return this;
  }

  consumeWith(consumer: Consumer): void {
    this.#consumer = consumer;
  }

  /**
   * Attaches, now and after every loss. Resolves when attached for the first time; rejects with what ended the attempt.
   *
   * @param patience `bounded`: gives up waiting, not attaching, after the connection's boot time-out
   */
  async start(patience: 'bounded' | 'endless'): Promise<void> {
    this.#supervised ??= this.context.links.supervise(this);
    const supervised = this.#supervised;
    try {
      await supervised.ready(patience === 'endless' ? this.#stopped.signal : undefined);
    } catch (error) {
      // No connection will come by itself. All other ends come as `failed`.
      if (supervised.state === 'idle' && error instanceof AmqpError) this.#consumer.failed(error);
      throw error;
    }
  }

  /** Credit from now on, and again on every later link. */
  setPrefetch(prefetch: number): void {
    this.#prefetch = prefetch;
    this.#link?.setPrefetch(prefetch);
  }

  /** So many messages more than were asked for, whatever is in hand; on the link that is there now. */
  addCredit(credit: number): void {
    this.#link?.addCredit(credit);
  }

  /** Credit out at the peer. */
  get credit(): number {
    return this.#link?.credit ?? 0;
  }

  /** Takes the credit back. Resolves when no more messages are on their way, as far as this peer can tell; never rejects. */
  async stopCredit(): Promise<void> {
    // Late or lost: either way nothing is left to wait for, and what still comes is given back.
    await this.drain().catch(() => undefined);
  }

  /**
   * Takes the credit back. What the peer had for it has arrived when this resolves.
   *
   * @throws AmqpTimeoutError when the peer does not answer; the link's error when it is lost meanwhile
   */
  async drain(): Promise<void> {
    this.#prefetch = 0;
    const link = this.#link;
    if (link === undefined || !link.isOpen) return;
    let isDrained = false;
    try {
      await drained(link, this.address, this.#stopped.signal);
      isDrained = true;
      await this.#inflation.passed();
    } finally {
      // Credit that somebody asked for meanwhile waited for the end of the drain.
      if (link.isOpen && (!isDrained || this.#prefetch > 0)) link.setPrefetch(this.#prefetch);
    }
  }

  /** Writes what was settled. */
  flush(): void {
    this.#link?.flush();
  }

  /**
   * Detaches and gives the supervision back. A durable subscription stays at the peer. Never rejects.
   *
   * @param failure why, where the user did not ask for it: it stays in view until it is dismissed
   */
  async close(timeoutMs: number, failure?: AmqpError): Promise<void> {
    const until = performance.now() + timeoutMs;
    const link = this.#link;
    const supervised = this.#supervised;
    this.#link = undefined;
    this.#supervised = undefined;
    this.#stopped.abort(AmqpError.inOwnWords(new ClientClosedError(`the consumer of "${this.address}" was closed`)));
    await link?.detach({ closed: !this.#attach.isDurable, timeoutMs });
    // A peer that hangs does not answer the end of the session either.
    if (supervised !== undefined) await atMost(Math.max(0, until - performance.now()), supervised.release(failure));
    if (failure === undefined) this.dismiss();
  }

  /** Whatever failed, the user has closed it. */
  dismiss(): void {
    this.context.links.dismiss(this);
  }

  async attach(session: ProtocolSession, profile: PeerProfile, signal: AbortSignal): Promise<ReceiverLink> {
    const supervised = this.#supervised;
    if (this.options.transactional) assertTransactions(profile);
    const asked = this.#attach.asked(profile);
    await this.queue.learn(profile, this.options, signal);
    return this.#attach.attach(session, profile, asked, {
      address: this.address,
      settleMode: this.options.settlement === 'at-most-once' ? 'settled' : 'unsettled',
      maxMessageBytes: this.maxMessageBytes,
      signal,
      onDelivery: this.#onDelivery,
      onClosed: (error) => supervised?.closed(error),
    });
  }

  attached(link: ReceiverLink): void {
    this.#link = link;
    this.queue.report(this.options);
    if (this.#attach.isDynamic) this.#remoteAddress = link.remote.source?.address ?? undefined;
    if (this.#prefetch > 0) link.setPrefetch(this.#prefetch);
    this.#consumer.attached();
  }

  lost(error: AmqpError): void {
    this.#link = undefined;
    this.#consumer.lost(error);
  }

  failed(error: AmqpError): void {
    this.#link = undefined;
    this.#supervised = undefined;
    this.#consumer.failed(error);
  }

  outcomeFor(outcome: Outcome): Outcome {
    const profile = this.context.links.profile;
    if (outcome.kind === 'rejected') return profile?.rejection?.(outcome) ?? outcome;
    if (outcome.kind !== 'modified' || profile?.modified !== false) return outcome;
    // This peer ends the session on `modified`; what comes nearest:
    return outcome.undeliverableHere ? { kind: 'rejected', condition: 'amqp:internal-error' } : RELEASED;
  }

  routeOf(message: AmqpMessage): MessageRoute {
    return this.context.links.profile?.routeOf(message) ?? {};
  }

  readonly #onDelivery = (incoming: IncomingDelivery, payload: Buffer, start: number, end: number): void => {
    const message = new IncomingMessage(this, incoming);
    message.read(payload, start, end);
    if (this.queue.isStream) this.#attach.arrived(message);
    if (!this.#inflation.takes(message)) this.#consumer.delivered(message);
  };
}
