// Dead letters arriving: as many as are asked for, each held until somebody settles it.

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  ACCEPTED,
  RELEASED,
  AmqpError,
  type IncomingDelivery,
  type Outcome,
  type ProtocolSession,
  type ReceiverLink,
} from '../../protocol/index.js';
import type { Source } from '../address/address.js';
import { describeSource, resolveSource } from '../address/terminus.js';
import type { CodecRegistry } from '../codec/codec-registry.js';
import { atMost, deadline, raceSignal, type Deadline } from '../deadline.js';
import { AmqpTimeoutError, ClientClosedError } from '../errors.js';
import type { LinkOwner, SupervisedLink } from '../link/link-owner.js';
import { IncomingMessage, type DeliveryHost } from '../message/incoming-message.js';
import type { MessagingContext } from '../messaging-context.js';
import { nodeOfSource, type ObservedNode } from '../observer/observed-node.js';
import type { Observers } from '../observer/observers.js';
import type { PeerProfile } from '../profile/peer-profile.js';

/** For the answer to a drain, and for the rest of a message that has begun. */
const PATIENCE_MS = 30_000;

/** One message, and its delivery alone: what is only held back shall not keep the message in memory. */
export interface HeldLetter {
  readonly message: IncomingMessage;
  readonly delivery: IncomingDelivery;
}

/** Attached once. When it is lost, so is everything that it holds: the run ends. */
export class DeadLetterLink implements LinkOwner<ReceiverLink>, DeliveryHost {
  readonly role = 'redrive';
  readonly session = 'alone';
  readonly address: string;
  readonly codecs: CodecRegistry;
  readonly node: ObservedNode;
  readonly observers: Observers;
  readonly #ended = new AbortController();
  #supervised: SupervisedLink | undefined = undefined;
  #link: ReceiverLink | undefined = undefined;
  #arrived: HeldLetter[] = [];
  /** Unsettled until the end: what is given back earlier would be fetched again. */
  readonly #held = new Set<IncomingDelivery>();

  constructor(
    private readonly context: MessagingContext,
    private readonly source: Source,
    readonly maxMessageBytes: number,
  ) {
    this.address = describeSource(source);
    this.node = nodeOfSource(source);
    // Every message that is being moved listens.
    setMaxListeners(0, this.signal);
    this.codecs = context.codecs;
    this.observers = context.observers;
  }

  /** Aborted with the reason when the link is gone or `close` was called. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** @throws LinkError, ConnectionError, AmqpTimeoutError */
  async open(): Promise<void> {
    this.#supervised = this.context.links.supervise(this);
    await raceSignal(this.#supervised.ready(), this.signal);
  }

  /**
   * What is there, about `count` at most; empty when the peer has no more. All of it is held until it is accepted or the link closes.
   *
   * @throws what ended the link; AmqpTimeoutError when the peer leaves the question unanswered
   */
  async fetch(count: number): Promise<HeldLetter[]> {
    this.signal.throwIfAborted();
    this.#link?.addCredit(count);
    await this.#drain();
    const arrived = this.#arrived;
    this.#arrived = [];
    return arrived;
  }

  /** `stale`: it was lost with its link, and comes again. */
  accept(delivery: IncomingDelivery): 'settled' | 'stale' {
    this.#held.delete(delivery);
    return delivery.settle(ACCEPTED);
  }

  /** Ends the run: what waits here is told the reason. */
  end(reason: Error): void {
    this.#ended.abort(reason);
  }

  /** Gives back what is held and detaches. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const link = this.#link;
    const supervised = this.#supervised;
    this.#link = undefined;
    this.#supervised = undefined;
    this.end(AmqpError.inOwnWords(new ClientClosedError(`the redrive of "${this.address}" is over`)));
    for (const delivery of this.#held) delivery.settle(RELEASED);
    this.#held.clear();
    link?.flush();
    await link?.detach({ closed: true, timeoutMs });
    // A peer that hangs does not answer the end of the session either.
    if (supervised !== undefined) await atMost(Math.max(0, until - performance.now()), supervised.release());
  }

  async attach(session: ProtocolSession, profile: PeerProfile, signal: AbortSignal): Promise<ReceiverLink> {
    const supervised = this.#supervised;
    const { terminus, linkName, linkProperties } = resolveSource(this.source, profile);
    return session.attachReceiver({
      name: linkName ?? `redrive-${this.address}-${randomUUID()}`,
      source: terminus,
      target: {},
      properties: linkProperties,
      settleMode: 'unsettled',
      maxMessageBytes: this.maxMessageBytes,
      creditWhenUsedUp: !profile.countsCreditOnItsWay,
      drains: profile.drain,
      signal,
      onDelivery: this.#onDelivery,
      onClosed: (error) => supervised?.closed(error),
    });
  }

  attached(link: ReceiverLink): void {
    // After a loss the run is over, and nothing is asked of this one.
    this.#link = link;
  }

  lost(error: AmqpError): void {
    // Before it was ever attached, `open` waits on.
    if (this.#link !== undefined) this.end(error);
  }

  failed(error: AmqpError): void {
    this.end(error);
  }

  /** Accepted or released, which every peer understands. */
  outcomeFor(outcome: Outcome): Outcome {
    return outcome;
  }

  async #drain(): Promise<void> {
    const wait = this.#patience();
    try {
      await this.#link?.drain({ signal: wait.signal });
    } finally {
      wait.done();
    }
  }

  #patience(): Deadline {
    const late = `"${this.address}": the peer did not say within ${PATIENCE_MS} ms whether there is more`;
    return deadline(PATIENCE_MS, () => AmqpError.inOwnWords(new AmqpTimeoutError(late)), this.signal);
  }

  readonly #onDelivery = (delivery: IncomingDelivery, payload: Buffer, start: number, end: number): void => {
    if (this.signal.aborted) return void delivery.settle(RELEASED);
    const message = new IncomingMessage(this, delivery);
    message.read(payload, start, end);
    this.#held.add(delivery);
    this.#arrived.push({ message, delivery });
  };
}
