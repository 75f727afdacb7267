// A message arriving: frame -> receiver link (credit, several frames to one message) -> delivery -> the layer above.

import { linkDetachedHere, linkViolated } from '../amqp-error.js';
import type { ReceiverLink } from '../connection.js';
import type { AmqpError } from '../errors.js';
import type { AttachFrame } from '../frames/control-frames.js';
import { ABSENT, OTHER_STATE, type FlowReader, type TransferReader } from '../frames/performatives.js';
import { type LinkFlow } from '../frames/write-performatives.js';
import { FramingError } from '../frames/scan.js';
import { ACCEPTED, RELEASED, type Outcome } from '../outcome.js';
import { rethrowLater } from './callback.js';
import { encodeOutcome, encodeTransactional, readState } from './delivery-state.js';
import { PlaneDelivery } from './delivery.js';
import type { DetachOptions } from './detachment.js';
import { AnsweredFlows, Drain } from './drain.js';
import { LinkEndpoint, type EndpointOptions } from './link-endpoint.js';
import { PartialDelivery } from './partial-delivery.js';
import { distance, next, plus } from './serial.js';
import type { PlaneSession } from './session.js';
import { readTag } from '../types/text.js';

export interface PlaneReceiverOptions extends EndpointOptions {
  readonly maxMessageBytes: number;
  readonly creditWhenUsedUp?: boolean | undefined;
  readonly drains?: boolean | undefined;
  /** One delivery; the bytes are borrowed for the call. */
  readonly onDelivery: (delivery: PlaneDelivery, payload: Buffer, start: number, end: number) => void;
}

export class PlaneReceiver extends LinkEndpoint implements ReceiverLink, LinkFlow {
  readonly role = 'receiver';
  /** What is under way to the peer, settlements, is written ahead of a DETACH. */
  readonly isIdle = true;
  deliveryCount = 0;
  inHand = 0;
  /** What a FLOW says: never so to a peer that does not survive it. */
  draining = false;
  /** It is on the plane's list for the end of the turn. */
  isTouched = false;

  private prefetch = 0;
  /** The delivery-count up to which the peer was ever allowed to send. */
  private grantedUpTo = 0;
  private partial: PartialDelivery | undefined;
  private drainUnderWay: Drain | undefined;
  /** The drain under way waits for nothing but the rest of a delivery that has begun. */
  private isDrainAnswered = false;
  /** Where the peer cannot drain. */
  private readonly answers: AnsweredFlows | undefined;
  /** Drains that ended without the peer's answer, which may come while the next one is under way. */
  private lateAnswers = 0;
  private lastOutcome: Outcome = ACCEPTED;
  private lastTransactionId: Buffer | undefined;
  private lastState = encodeOutcome(ACCEPTED);

  constructor(
    session: PlaneSession,
    private readonly options: PlaneReceiverOptions,
  ) {
    super(session, options);
    this.answers = options.drains === false ? new AnsweredFlows() : undefined;
  }

  // ---- credit ----

  private get isDraining(): boolean {
    return this.drainUnderWay !== undefined;
  }

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
    if (waitsForRest && this.partial === undefined) return Promise.resolve();
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
    else if (this.options.creditWhenUsedUp === true) return;
    else if (missing >= this.prefetch >> 1 || this.credit <= this.prefetch >> 2) this.grant(wanted);
  }

  /** For one FLOW, which is written then. */
  flowState(): LinkFlow {
    this.answers?.written();
    return this;
  }

  // ---- settling ----

  /** The bytes of a state; the same object for the same outcome as last time, so that settlements join to ranges. */
  stateFor(outcome: Outcome, transactionId: Buffer | undefined): Buffer {
    if (transactionId === undefined && outcome === ACCEPTED) return encodeOutcome(ACCEPTED);
    if (outcome !== this.lastOutcome || transactionId !== this.lastTransactionId) {
      this.lastState =
        transactionId === undefined ? encodeOutcome(outcome) : encodeTransactional(transactionId, outcome);
      this.lastOutcome = outcome;
      this.lastTransactionId = transactionId;
    }
    return this.lastState;
  }

  /** @returns `false`: the link is gone, the peer will deliver again */
  settle(deliveryId: number, state: Buffer): boolean {
    this.inHand -= 1;
    if (this.isEnded) return false;
    this.session.settle(deliveryId, state);
    this.session.plane.pending.touch(this);
    return true;
  }

  freePlace(): void {
    this.inHand -= 1;
    if (!this.isEnded) this.session.plane.pending.touch(this);
  }

  flush(): void {
    if (this.isEnded) return;
    this.session.writeSettlements();
    this.topUp();
    this.session.plane.writer.flush();
  }

  // ---- control frames ----

  writeDetach(how: DetachOptions): void {
    this.isOpen = false;
    this.session.writeSettlements();
    this.session.plane.options.detach(this, how);
  }

  override attachReceived(frame: AttachFrame): void {
    this.deliveryCount = this.grantedUpTo = frame.initialDeliveryCount ?? 0;
    super.attachReceived(frame);
  }

  // ---- frames of the peer ----

  /** @returns whether a flow was written in answer */
  onFlow(flow: FlowReader): boolean {
    if (this.answers !== undefined) return this.flowAnswered(this.answers);
    if (flow.linkCredit !== 0) return false;
    const isLate = this.lateAnswers > 0 && flow.drain && flow.deliveryCount !== plus(this.deliveryCount, this.credit);
    if (isLate) this.lateAnswers -= 1;
    if (isLate || !this.isDraining) {
      if (flow.drain) this.skipped(flow.deliveryCount);
      return false;
    }
    if (flow.deliveryCount !== ABSENT && distance(this.deliveryCount, flow.deliveryCount) > 0)
      this.deliveryCount = flow.deliveryCount;
    this.grantedUpTo = this.deliveryCount;
    this.credit = 0;
    this.drainAnswered();
    return false;
  }

  onTransfer(transfer: TransferReader, buffer: Buffer, payload: number, end: number): void {
    if (this.isEnded || !this.isAttachSent) return;
    const { partial } = this;
    if (partial !== undefined) {
      this.continuePartial(partial, transfer, buffer, payload, end);
      return;
    }
    if (transfer.deliveryId === ABSENT)
      throw new FramingError('the first transfer of a delivery has no delivery-id', 'amqp:invalid-field');
    if (!this.count()) return;
    const { deliveryId, settled } = transfer;
    const tag = readTag(buffer, transfer.tagStart, transfer.tagEnd);
    const format = transfer.messageFormat === ABSENT ? 0 : transfer.messageFormat;
    const transactionId = transfer.stateEnd === 0 ? undefined : readTransactionId(transfer, buffer);
    if (transfer.aborted) {
      this.freePlace();
      this.noneUnderWay();
    } else if (transfer.more) {
      const { maxMessageBytes } = this.options;
      this.partial = new PartialDelivery(deliveryId, tag, format, transactionId, settled, maxMessageBytes);
      this.partial.add(buffer, payload, end);
    } else {
      const oversized = end - payload > this.options.maxMessageBytes;
      const delivery = new PlaneDelivery(this, deliveryId, tag, format, settled, oversized, transactionId);
      this.noneUnderWay();
      this.deliver(delivery, buffer, payload, oversized ? payload : end);
    }
  }

  // ---- inside ----

  private continuePartial(
    partial: PartialDelivery,
    transfer: TransferReader,
    buffer: Buffer,
    payload: number,
    end: number,
  ): void {
    if (transfer.deliveryId !== ABSENT && transfer.deliveryId !== partial.deliveryId)
      throw new FramingError(`delivery ${partial.deliveryId} was not finished`, 'amqp:invalid-field');
    if (transfer.aborted) {
      this.partial = undefined;
      this.freePlace();
      this.noneUnderWay();
      return;
    }
    partial.add(buffer, payload, end);
    if (transfer.settled) partial.presettled = true;
    if (transfer.more) return;
    this.partial = undefined;
    const { deliveryId, tag, messageFormat, presettled, isOversized, transactionId } = partial;
    const delivery = new PlaneDelivery(this, deliveryId, tag, messageFormat, presettled, isOversized, transactionId);
    this.noneUnderWay();
    const whole = partial.join();
    this.deliver(delivery, whole, 0, whole.length);
  }

  private deliver(delivery: PlaneDelivery, buffer: Buffer, start: number, end: number): void {
    try {
      this.options.onDelivery(delivery, buffer, start, end);
    } catch (error) {
      if (!delivery.isSettled) delivery.settle(RELEASED);
      else delivery.done();
      rethrowLater(error);
    }
  }

  /** One delivery begins. @returns `false`: it was not allowed, and the link is detached for it */
  private count(): boolean {
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
  private noneUnderWay(): void {
    if (!this.isDraining || this.credit > 0) return;
    if (!this.isDrainAnswered) {
      if (this.answers !== undefined) return;
      this.lateAnswers += 1;
    }
    this.endDrain()?.resolve();
  }

  /** Nothing more begins; what has begun is still to come. */
  private drainAnswered(): void {
    if (this.partial === undefined) this.endDrain()?.resolve();
    else this.isDrainAnswered = true;
  }

  /** A late answer: the peer has used up credit that is no longer out, and counts what was given since against it. */
  private skipped(deliveryCount: number): void {
    const count = deliveryCount === ABSENT ? 0 : distance(this.deliveryCount, deliveryCount);
    if (count <= 0) return;
    this.deliveryCount = deliveryCount;
    if (!this.isDraining) {
      if (this.isOpen) this.grant(this.credit);
      return;
    }
    this.credit = Math.max(0, this.credit - count);
    if (this.partial === undefined) this.noneUnderWay();
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
    if (this.answers === undefined && !this.isDrainAnswered) this.lateAnswers += 1;
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

  protected release(error: AmqpError): void {
    this.partial = undefined;
    this.endDrain()?.reject(error);
  }
}

function readTransactionId(transfer: TransferReader, buffer: Buffer): Buffer | undefined {
  const { stateStart, stateEnd } = transfer;
  const state = readState(OTHER_STATE, buffer, stateStart, stateEnd);
  return state.kind === 'transactional' ? state.transactionId : undefined;
}
