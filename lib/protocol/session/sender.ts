// A message leaving: sender link (credit) -> TRANSFER -> the peer's outcome.

import { linkDetachedHere } from '../amqp-error.js';
import type { SenderLink } from '../links.js';
import { SizeFailure, type AmqpError } from '../errors.js';
import type { AttachFrame } from '../frames/control-frames.js';
import { ABSENT, type FlowReader } from '../frames/performatives.js';
import {
  closeFrame,
  frameRoom,
  writeTransferHead,
  writeTransferPart,
  type LinkFlow,
} from '../frames/write-performatives.js';
import { encodeBeforeBody, encodedSizeBound, encodeMessage, encodeMessageInto } from '../message/encode-message.js';
import { SLAB_BYTES } from '../socket/writer.js';
import { rethrowLater } from './callback.js';
import { encodeTransactional, type DeliveryState } from './delivery-state.js';
import type { DetachOptions } from './detachment.js';
import { LinkEndpoint, type EndpointOptions } from './link-endpoint.js';
import { distance, plus } from './serial.js';
import type { PlaneSession } from './session.js';
import { failTransfer, settleTransfer, type PlaneTransfer } from './transfer.js';

/** A message up to this bound is encoded straight into the writer's buffer. */
const IN_PLACE_BYTES = SLAB_BYTES - 1024;
const NOTHING = Buffer.alloc(0);

export interface PlaneSenderOptions extends EndpointOptions {
  readonly settleMode: 'unsettled' | 'settled' | 'mixed';
  /** Messages can be sent again after `send` answered `false`, or credit came. */
  readonly onSendable: () => void;
  /** The peer drains: send what there is now; credit that is left is given back afterwards. Without it `onSendable` is called. */
  readonly onDrain?: (() => void) | undefined;
  /** The credit was given back. */
  readonly onDrained?: (() => void) | undefined;
}

/** A large message of which some frames are still to be written. */
interface Rest {
  readonly transfer: PlaneTransfer;
  readonly payload: Buffer;
  offset: number;
  readonly settled: boolean;
  /** Nobody writes into the payload any more. */
  readonly isOwn: boolean;
}

export class PlaneSender extends LinkEndpoint implements SenderLink, LinkFlow {
  readonly role = 'sender';
  deliveryCount = 0;
  unsettledCount = 0;
  maxMessageSize: number | undefined;
  draining = false;
  /** It stands in a queue for room. */
  isWaiting = false;

  private initialDeliveryCount = 0;
  private rest: Rest | undefined;
  private lastTransactionId: Buffer | undefined;
  private lastTransactionState: Buffer | undefined;

  constructor(
    session: PlaneSession,
    private readonly options: PlaneSenderOptions,
  ) {
    super(session, options);
  }

  get isWriting(): boolean {
    return this.rest !== undefined;
  }

  /** Every outcome came, and every frame was written. */
  get isIdle(): boolean {
    return this.unsettledCount === 0 && this.rest === undefined;
  }

  // ---- sending ----

  send(transfer: PlaneTransfer): boolean {
    if (!this.isOpen || this.credit <= 0 || this.rest !== undefined) return false;
    const { session } = this;
    const { plane } = session;
    if (!plane.turns.admits(this)) return false;
    const { encoded, ownBody, message } = transfer;
    if (encoded !== undefined) return this.sendEncoded(transfer, encoded, undefined);
    if (ownBody !== undefined && ownBody === message.body && message.footer === undefined)
      return this.sendEncoded(transfer, encodeBeforeBody(message, ownBody.length), ownBody);
    const bound = encodedSizeBound(message);
    if (bound > IN_PLACE_BYTES) return this.sendEncoded(transfer, NOTHING, encodeMessage(message));

    const state = transfer.transactionId === undefined ? undefined : this.transactionState(transfer.transactionId);
    const settled = this.isPresettled(transfer);
    const { writer } = plane;
    const room = frameRoom(state === undefined ? 0 : state.length) + bound;
    if (room > SLAB_BYTES) return this.sendEncoded(transfer, NOTHING, encodeMessage(message));
    writer.reserve(room);
    const { buffer, position: start } = writer;
    // Nothing is taken until the message is encoded: the id is the next one, and stays so if encoding throws.
    const id = session.nextDeliveryId;
    const format = transfer.messageFormat ?? 0;
    const payload = writeTransferHead(buffer, start, session.channel, this.handle, id, format, settled, false, state);
    const end = encodeMessageInto(buffer, payload, message);
    this.checkSize(end - payload);
    if (end - start > plane.maxFrameSize)
      return this.sendEncoded(transfer, NOTHING, Buffer.from(buffer.subarray(payload, end)));
    closeFrame(buffer, start, end);
    writer.position = end;
    session.countTransfer();
    this.begin(transfer, settled);
    if (settled) plane.pending.addPresettled(transfer);
    return true;
  }

  // ---- control frames ----

  writeDetach(how: DetachOptions): void {
    this.isOpen = false;
    this.abortRest();
    this.session.plane.options.detach(this, how);
  }

  override attachSent(frame: AttachFrame): void {
    this.deliveryCount = this.initialDeliveryCount = frame.initialDeliveryCount ?? 0;
    super.attachSent(frame);
  }

  override attachReceived(frame: AttachFrame): void {
    this.maxMessageSize = frame.maxMessageSize;
    super.attachReceived(frame);
  }

  // ---- frames of the peer ----

  /** @returns whether a flow was written in answer */
  onFlow(flow: FlowReader): boolean {
    if (this.isEnded) return false;
    const before = this.credit;
    if (flow.linkCredit !== ABSENT) {
      const theirs = flow.deliveryCount === ABSENT ? this.initialDeliveryCount : flow.deliveryCount;
      const uncounted = Math.max(0, distance(theirs, this.deliveryCount));
      this.credit = Math.max(0, flow.linkCredit - uncounted);
    }
    this.draining = flow.drain;
    if (this.isOpen && (this.credit > before || flow.drain)) this.session.plane.turns.offer(this);
    return flow.drain && !this.draining;
  }

  /** A transfer of ours was settled by the peer, or its outcome is known. */
  onSettled(transfer: PlaneTransfer, state: DeliveryState): void {
    this.unsettledCount -= 1;
    settleTransfer(transfer, state);
    if (this.detachment !== undefined) this.detachment.progress();
  }

  /** There is room: goes on with the message that was cut short, then lets the owner send. */
  takeTurn(): void {
    if (this.isEnded) return;
    if (this.rest !== undefined) this.writeRest();
    if (this.rest !== undefined) return;
    if (this.isOpen && this.credit > 0) {
      try {
        if (this.draining) (this.options.onDrain ?? this.options.onSendable)();
        else this.options.onSendable();
      } catch (error) {
        rethrowLater(error);
      }
    }
    if (this.draining) this.returnCredit();
  }

  flowState(): LinkFlow {
    return this;
  }

  // ---- inside ----

  /** @param own the rest of the payload, into which nobody writes any more */
  private sendEncoded(transfer: PlaneTransfer, payload: Buffer, own: Buffer | undefined): boolean {
    const total = payload.length + (own === undefined ? 0 : own.length);
    this.checkSize(total);
    const settled = this.isPresettled(transfer);
    const state = transfer.transactionId === undefined ? undefined : this.transactionState(transfer.transactionId);
    const { session } = this;
    const { writer, maxFrameSize } = session.plane;
    const head = frameRoom(state === undefined ? 0 : state.length);
    const size = Math.min(total, maxFrameSize - head);
    if (size < 0) throw new SizeFailure(head, maxFrameSize);
    // Sections that fill more than a frame go on in later ones, which come of one piece.
    if (own !== undefined && payload.length > size)
      return this.sendEncoded(transfer, NOTHING, Buffer.concat([payload, own]));
    const more = size < total;
    const copied = Math.min(size, payload.length);
    writer.reserve(head + (writer.gathers ? copied : size));
    const { buffer, position: start } = writer;
    const id = session.nextDeliveryId;
    const format = transfer.messageFormat ?? 0;
    const at = writeTransferHead(buffer, start, session.channel, this.handle, id, format, settled, more, state);
    writer.position = at + payload.copy(buffer, at, 0, copied);
    closeFrame(buffer, start, at + size);
    if (own !== undefined) writer.appendOwn(own.subarray(0, size - copied));
    session.countTransfer();
    this.begin(transfer, settled);
    if (more) {
      this.rest =
        own === undefined
          ? { transfer, payload, offset: size, settled, isOwn: false }
          : { transfer, payload: own, offset: size - copied, settled, isOwn: true };
      this.writeRest();
    } else if (settled) {
      session.plane.pending.addPresettled(transfer);
    }
    return true;
  }

  private writeRest(): void {
    const { rest, session } = this;
    if (rest === undefined) return;
    const { plane } = session;
    const { writer } = plane;
    const room = plane.maxFrameSize - frameRoom(0);
    while (rest.offset < rest.payload.length) {
      if (!plane.turns.admits(this)) return;
      const upTo = Math.min(rest.offset + room, rest.payload.length);
      const size = upTo - rest.offset;
      writer.reserve(frameRoom(0) + (rest.isOwn && writer.gathers ? 0 : size));
      const { buffer, position: start } = writer;
      const more = upTo < rest.payload.length;
      const at = writeTransferPart(buffer, start, session.channel, this.handle, rest.settled, more, false);
      closeFrame(buffer, start, at + size);
      writer.position = at;
      const part = rest.payload.subarray(rest.offset, upTo);
      if (rest.isOwn) writer.appendOwn(part);
      else writer.append(part);
      rest.offset = upTo;
      session.countTransfer();
    }
    this.rest = undefined;
    if (rest.settled) plane.pending.addPresettled(rest.transfer);
    if (this.detachment !== undefined) this.detachment.progress();
  }

  /** A message cut short by our DETACH is taken back, so that the peer does not keep its beginning. */
  private abortRest(): void {
    const { rest, session } = this;
    if (rest === undefined) return;
    this.rest = undefined;
    const { writer } = session.plane;
    if (session.remoteIncomingWindow > 0) {
      writer.reserve(frameRoom(0));
      const { buffer, position: start } = writer;
      const end = writeTransferPart(buffer, start, session.channel, this.handle, rest.settled, false, true);
      closeFrame(buffer, start, end);
      writer.position = end;
      session.countTransfer();
    }
    // One that is not pre-settled fails with the other unsettled ones.
    if (rest.settled) failTransfer(rest.transfer, linkDetachedHere(this), true);
  }

  private begin(transfer: PlaneTransfer, settled: boolean): void {
    const { session } = this;
    const id = session.takeDeliveryId();
    this.credit -= 1;
    this.deliveryCount = plus(this.deliveryCount, 1);
    if (settled) return;
    this.unsettledCount += 1;
    session.ring.put(id, this, transfer);
  }

  private returnCredit(): void {
    if (this.isWaiting || this.rest !== undefined || !this.isOpen) return;
    this.deliveryCount = plus(this.deliveryCount, this.credit);
    this.credit = 0;
    this.session.writeFlow(this);
    this.draining = false;
    try {
      this.options.onDrained?.();
    } catch (error) {
      rethrowLater(error);
    }
  }

  private isPresettled(transfer: PlaneTransfer): boolean {
    const { settleMode } = this.options;
    return settleMode === 'settled' || (settleMode === 'mixed' && transfer.presettled === true);
  }

  private checkSize(bytes: number): void {
    if (this.maxMessageSize !== undefined && bytes > this.maxMessageSize)
      throw new SizeFailure(bytes, this.maxMessageSize);
  }

  private transactionState(transactionId: Buffer): Buffer {
    if (this.lastTransactionState === undefined || this.lastTransactionId !== transactionId) {
      this.lastTransactionId = transactionId;
      this.lastTransactionState = encodeTransactional(transactionId, undefined);
    }
    return this.lastTransactionState;
  }

  protected release(error: AmqpError): void {
    const { ring, nextDeliveryId, writtenUpTo } = this.session;
    const { rest } = this;
    this.rest = undefined;
    for (const id of this.unsettledCount === 0 ? [] : ring.idsOf(this, nextDeliveryId)) {
      if (!ring.take(id) || ring.transfer === undefined) continue;
      failTransfer(ring.transfer, error, distance(id, writtenUpTo) > 0);
    }
    this.unsettledCount = 0;
    if (rest?.settled === true) failTransfer(rest.transfer, error, true);
  }
}
