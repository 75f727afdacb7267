// A message arriving: frame -> receiver link (several frames to one message) -> delivery -> the layer above.

import type { ReceiverLink } from '../links.js';
import { EncodingFailure, type AmqpError } from '../errors.js';
import { ABSENT, OTHER_STATE, type TransferReader } from '../frames/performatives.js';
import { FramingError } from '../frames/scan.js';
import { frameRoom } from '../frames/write-performatives.js';
import { ACCEPTED, RELEASED, type Outcome } from '../outcome.js';
import { readTag } from '../types/text.js';
import { rethrowLater } from './callback.js';
import { encodeOutcome, encodeTransactional, readState } from './delivery-state.js';
import { PlaneDelivery } from './delivery.js';
import type { DetachOptions } from './detachment.js';
import { PartialDelivery } from './partial-delivery.js';
import { ReceivingCredit, type CreditOptions } from './receiving-credit.js';
import type { PlaneSession } from './session.js';

export interface PlaneReceiverOptions extends CreditOptions {
  readonly maxMessageBytes: number;
  /** One delivery; the bytes are borrowed for the call. */
  readonly onDelivery: (delivery: PlaneDelivery, payload: Buffer, start: number, end: number) => void;
}

export class PlaneReceiver extends ReceivingCredit implements ReceiverLink {
  readonly role = 'receiver';
  /** What is under way to the peer, settlements, is written ahead of a DETACH. */
  readonly isIdle = true;

  private partial: PartialDelivery | undefined;
  private lastOutcome: Outcome = ACCEPTED;
  private lastTransactionId: Buffer | undefined;
  private lastState = encodeOutcome(ACCEPTED);

  constructor(
    session: PlaneSession,
    private readonly options: PlaneReceiverOptions,
  ) {
    super(session, options);
  }

  // ---- settling ----

  /** The bytes of a state; the same object for the same outcome as last time, so that settlements join to ranges. */
  stateFor(outcome: Outcome, transactionId: Buffer | undefined): Buffer {
    if (transactionId === undefined && outcome === ACCEPTED) return encodeOutcome(ACCEPTED);
    if (outcome !== this.lastOutcome || transactionId !== this.lastTransactionId) {
      this.lastState = this.fitting(outcome, transactionId);
      this.lastOutcome = outcome;
      this.lastTransactionId = transactionId;
    }
    return this.lastState;
  }

  /**
   * A DISPOSITION goes out in one frame (section 2.7.1): a description is cut short for it.
   * @throws {EncodingFailure} what cannot be cut is too much for a frame of the peer's
   */
  private fitting(outcome: Outcome, transactionId: Buffer | undefined): Buffer {
    const encoded = (what: Outcome): Buffer =>
      transactionId === undefined ? encodeOutcome(what) : encodeTransactional(transactionId, what);
    const most = this.session.plane.maxFrameSize - frameRoom(0);
    const state = encoded(outcome);
    if (state.length <= most) return state;
    if (outcome.kind === 'rejected' && outcome.description !== undefined) {
      const { description } = outcome;
      const over = state.length - most;
      const bytes = Buffer.from(description);
      const cut = encoded({
        ...outcome,
        description: bytes.toString('utf8', 0, Math.max(0, bytes.length - over - 3)).replace(/\uFFFD+$/u, ''),
      });
      if (cut.length <= most) return cut;
    }
    throw new EncodingFailure(`the outcome has ${state.length} bytes, a frame of the peer's has room for ${most}`);
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

  // ---- frames of the peer ----

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

  protected get isPartUnderWay(): boolean {
    return this.partial !== undefined;
  }

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

  protected override release(error: AmqpError): void {
    this.partial = undefined;
    super.release(error);
  }
}

function readTransactionId(transfer: TransferReader, buffer: Buffer): Buffer | undefined {
  const { stateStart, stateEnd } = transfer;
  const state = readState(OTHER_STATE, buffer, stateStart, stateEnd);
  return state.kind === 'transactional' ? state.transactionId : undefined;
}
