// What a receiver link allows its peer to send: credit in steps worth a frame, and how it is taken back.

import { linkDetachedHere, linkViolated } from '../amqp-error.js';
import type { AmqpError } from '../errors.js';
import type { AttachFrame } from '../frames/control-frames.js';
import { ABSENT, type FlowReader } from '../frames/performatives.js';
import type { LinkFlow } from '../frames/write-performatives.js';
import { AnsweredFlows, Drain } from './drain.js';
import { LinkEndpoint, type EndpointOptions } from './link-endpoint.js';
import { distance, next, plus } from './serial.js';
import type { PlaneSession } from './session.js';

export interface CreditOptions extends EndpointOptions {
  readonly creditWhenUsedUp?: boolean | undefined;
  readonly drains?: boolean | undefined;
}

/** A link that receives, as far as its credit goes. */
export abstract class ReceivingCredit extends LinkEndpoint implements LinkFlow {
  deliveryCount = 0;
  inHand = 0;
  /** What a FLOW says: never so to a peer that does not survive it. */
  draining = false;
  /** It is on the plane's list for the end of the turn. */
  isTouched = false;

  private prefetch = 0;
  /** The delivery-count up to which the peer was ever allowed to send. */
  private grantedUpTo = 0;
  private drainUnderWay: Drain | undefined;
  /** The drain under way waits for nothing but the rest of a delivery that has begun. */
  private isDrainAnswered = false;
  /** Where the peer cannot drain. */
  private readonly answers: AnsweredFlows | undefined;
  /** Drains that ended without the peer's answer, which may come while the next one is under way. */
  private lateAnswers = 0;
  /** The highest delivery-count that one of them may have. */
  private lateUpTo = 0;

  constructor(
    session: PlaneSession,
    private readonly wishes: CreditOptions,
  ) {
    super(session, wishes);
    this.answers = wishes.drains === false ? new AnsweredFlows() : undefined;
  }

  /** A delivery has begun, and not all frames of it are here. */
  protected abstract get isPartUnderWay(): boolean;

  setPrefetch(prefetch: number): void {
    if (!this.isOpen) return;
    this.prefetch = prefetch;
    if (this.isDraining) return;
    const credit = Math.max(0, prefetch - this.inHand);
    if (credit === this.credit) return;
    this.grant(credit);
    this.session.plane.writer.schedule();
  }

  addCredit(credit: number): void {
    if (!this.isOpen || this.isDraining || credit <= 0) return;
    this.grant(this.credit + credit);
    this.session.plane.writer.schedule();
  }

  drain(options: { readonly signal: AbortSignal }): Promise<void> {
    const { signal } = options;
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (!this.isOpen) return Promise.reject(linkDetachedHere(this));
    this.prefetch = 0;
    // No credit is given meanwhile: the answer to the one under way is the answer to this one.
    if (this.drainUnderWay !== undefined) return this.drainUnderWay.join(signal);
    const waitsForRest = this.credit === 0;
    if (waitsForRest && !this.isPartUnderWay) return Promise.resolve();
    const drain = new Drain(() => this.drainAbandoned());
    this.drainUnderWay = drain;
    const ended = drain.join(signal);
    if (waitsForRest) this.isDrainAnswered = true;
    else if (this.answers === undefined) {
      this.draining = true;
      this.session.writeFlow(this);
    } else {
      this.answers.begin();
      this.credit = 0;
      this.session.writeFlow(this.flowState());
    }
    return ended;
  }

  /** At the end of the turn: tops the credit up, in steps worth a frame. */
  topUp(): void {
    this.isTouched = false;
    if (!this.isOpen || this.isDraining || this.prefetch === 0) return;
    const wanted = this.prefetch - this.inHand;
    const missing = wanted - this.credit;
    if (missing <= 0) return;
    if (this.credit === 0) this.grant(wanted);
    else if (this.wishes.creditWhenUsedUp === true) return;
    else if (missing >= this.prefetch >> 1 || this.credit <= this.prefetch >> 2) this.grant(wanted);
  }

  /** For one FLOW, which is written then. */
  flowState(): LinkFlow {
    this.answers?.written();
    return this;
  }

  override attachReceived(frame: AttachFrame): void {
    this.deliveryCount = this.grantedUpTo = frame.initialDeliveryCount ?? 0;
    super.attachReceived(frame);
  }

  /** @returns whether a flow was written in answer */
  onFlow(flow: FlowReader): boolean {
    if (this.answers !== undefined) return this.flowAnswered(this.answers);
    if (flow.linkCredit !== 0) return false;
    const isLate = flow.drain && this.mayBeLate(flow.deliveryCount);
    if (isLate) this.lateAnswers -= 1;
    if (isLate || !this.isDraining) return flow.drain && this.skipped(flow.deliveryCount);
    // Answers come in order: what is before this one comes no more.
    this.lateAnswers = 0;
    if (flow.deliveryCount !== ABSENT && distance(this.deliveryCount, flow.deliveryCount) > 0)
      this.deliveryCount = flow.deliveryCount;
    this.grantedUpTo = this.deliveryCount;
    this.credit = 0;
    this.drainAnswered();
    return false;
  }

  /** One delivery begins. @returns `false`: it was not allowed, and the link is detached for it */
  protected count(): boolean {
    if (distance(this.deliveryCount, this.grantedUpTo) <= 0) {
      const error = { condition: 'amqp:link:transfer-limit-exceeded', description: 'a transfer without credit' };
      this.end({ error: linkViolated(this, error), closed: false, bySession: false, peerError: undefined });
      this.writeDetach({ closed: true, error });
      return false;
    }
    this.deliveryCount = next(this.deliveryCount);
    if (this.credit > 0) this.credit -= 1;
    this.inHand += 1;
    return true;
  }

  /** All frames of the last delivery are here: a drain whose credit it used up is over, whether the peer has answered yet or not. */
  protected noneUnderWay(): void {
    if (!this.isDraining || this.credit > 0) return;
    if (!this.isDrainAnswered) {
      if (this.answers !== undefined) return;
      this.expectLate(this.deliveryCount);
    }
    this.endDrain()?.resolve();
  }

  /** Nothing more begins; what has begun is still to come. */
  private drainAnswered(): void {
    if (!this.isPartUnderWay) this.endDrain()?.resolve();
    else this.isDrainAnswered = true;
  }

  private expectLate(upTo: number): void {
    if (this.lateAnswers === 0 || distance(this.lateUpTo, upTo) > 0) this.lateUpTo = upTo;
    this.lateAnswers += 1;
  }

  /** It does not use up what is out, or no more than a drain before it did. */
  private mayBeLate(deliveryCount: number): boolean {
    if (this.lateAnswers === 0) return false;
    return deliveryCount !== plus(this.deliveryCount, this.credit) || distance(this.lateUpTo, deliveryCount) <= 0;
  }

  /**
   * A late answer: the peer has used up credit that is no longer out, and counts what was given since against it.
   *
   * @returns whether a flow was written
   */
  private skipped(deliveryCount: number): boolean {
    const count = deliveryCount === ABSENT ? 0 : distance(this.deliveryCount, deliveryCount);
    if (count <= 0 || !this.isOpen) return false;
    this.deliveryCount = deliveryCount;
    if (this.isDraining) {
      if (count < this.credit) {
        this.credit -= count;
        return false;
      }
      if (this.credit === 0) return false;
      // With no credit left the peer may not even answer, and it has not looked for messages since: the same credit is drained anew.
      this.expectLate(deliveryCount);
    }
    this.grant(this.credit);
    return true;
  }

  private grant(credit: number): void {
    this.credit = credit;
    const upTo = plus(this.deliveryCount, credit);
    if (distance(this.grantedUpTo, upTo) > 0) this.grantedUpTo = upTo;
    this.session.writeFlow(this.flowState());
  }

  /** @returns whether a flow was written in answer */
  private flowAnswered(answers: AnsweredFlows): boolean {
    const step = answers.answered();
    if (!this.isDraining || step === 'wait') return false;
    if (step === 'ask') {
      this.session.writeFlow(this.flowState());
      return true;
    }
    this.grantedUpTo = this.deliveryCount;
    this.drainAnswered();
    return false;
  }

  /** Nobody waits any more. The peer may answer all the same. */
  private drainAbandoned(): void {
    if (this.answers === undefined && !this.isDrainAnswered) this.expectLate(plus(this.deliveryCount, this.credit));
    this.endDrain();
    if (this.isOpen) this.grant(0);
  }

  private endDrain(): Drain | undefined {
    const drain = this.drainUnderWay;
    this.drainUnderWay = undefined;
    this.draining = false;
    this.isDrainAnswered = false;
    return drain;
  }

  private get isDraining(): boolean {
    return this.drainUnderWay !== undefined;
  }

  protected release(error: AmqpError): void {
    this.endDrain()?.reject(error);
  }
}
