// One session: windows, delivery-ids, the unsettled deliveries we sent, and the links by handle and by name.

import { linkEndedWithSession } from '../amqp-error.js';
import type { AmqpError, PeerError } from '../errors.js';
import type { AttachFrame, BeginFrame, DetachFrame } from '../frames/control-frames.js';
import { ABSENT, type DispositionReader, type FlowReader, type TransferReader } from '../frames/performatives.js';
import type { Outcome } from '../outcome.js';
import { frameRoom, writeDisposition, writeFlow, type LinkFlow } from '../frames/write-performatives.js';
import { FramingError } from '../frames/scan.js';
import { rethrowLater } from './callback.js';
import { DeliveryRing } from './delivery-ring.js';
import { encodeOutcome, readState, type DeliveryState } from './delivery-state.js';
import type { Plane } from './plane.js';
import { PlaneReceiver, type PlaneReceiverOptions } from './receiver.js';
import { WaitingSenders } from './send-turns.js';
import { PlaneSender, type PlaneSenderOptions } from './sender.js';
import { SessionLinks, type PlaneLink } from './session-links.js';
import { distance, next } from './serial.js';
import { SettlementBatch } from './settlement-batch.js';
import type { PlaneTransfer } from './transfer.js';

export type { PlaneLink } from './session-links.js';

/** Frames the peer may send before we renew its window. What arrives is handed on at once, so this bounds no memory. */
export const INCOMING_WINDOW = 16_384;

/** Ranges up to this length are walked id by id; longer ones through what is really unsettled. */
const WALKED_SPAN = 4096;

export class PlaneSession {
  /** Ours; -1 until BEGIN was sent. */
  channel = -1;
  /** The peer's; -1 until its BEGIN came. */
  remoteChannel = -1;
  /** Transfers the peer will still take. */
  remoteIncomingWindow = 0;
  /** The peer said that its window is 0: it takes nothing, on purpose. */
  isPeerWindowClosed = false;
  isEndSent = false;
  isEndReceived = false;
  /** The smaller of both sides' handle-max: the highest handle that is used. */
  handleMax = 0xffff_ffff;
  /** Where the next delivery we send is in the count of the session. */
  nextDeliveryId = 0;
  /** Deliveries before this one were handed to the stream. */
  writtenUpTo = 0;

  readonly ring = new DeliveryRing<PlaneSender, PlaneTransfer>();
  readonly waiting = new WaitingSenders();
  /** Called once, when the peer's END came (first, or as the answer to ours) or the connection ended. */
  onEnded: ((error: PeerError | AmqpError | undefined) => void) | undefined;

  nextOutgoingId = 0;
  outgoingWindow = 0;
  nextIncomingId = 0;
  incomingWindow = INCOMING_WINDOW;
  private firstOutgoingId = 0;
  private incomingWindowMax = INCOMING_WINDOW;
  private owesFlow = false;
  private hasUnwritten = false;
  private readonly settlements = new SettlementBatch();
  private readonly links = new SessionLinks();

  constructor(readonly plane: Plane) {}

  get isOpen(): boolean {
    return this.channel >= 0 && this.remoteChannel >= 0 && !this.isEndSent && !this.isEndReceived;
  }

  get hasRemoteChannel(): boolean {
    return this.remoteChannel >= 0;
  }

  get linkCount(): number {
    return this.links.count;
  }

  /** A link that sends, made before its ATTACH of ours is written. @throws {RangeError} there is one of this name */
  createSender(options: PlaneSenderOptions): PlaneSender {
    const link = new PlaneSender(this, options);
    this.links.add(link);
    return link;
  }

  /** A link that receives, made before its ATTACH of ours is written. @throws {RangeError} there is one of this name */
  createReceiver(options: PlaneReceiverOptions): PlaneReceiver {
    const link = new PlaneReceiver(this, options);
    this.links.add(link);
    return link;
  }

  /** By our role on the link. */
  link(role: 'sender' | 'receiver', name: string): PlaneLink | undefined {
    return this.links.named(role, name);
  }

  linkByLocalHandle(handle: number): PlaneLink | undefined {
    return this.links.byLocalHandle.get(handle);
  }

  linkByRemoteHandle(handle: number): PlaneLink | undefined {
    return this.links.byRemoteHandle.get(handle);
  }

  // ---- control frames, both ways ----

  beginSent(channel: number, frame: BeginFrame): void {
    this.channel = channel;
    this.nextOutgoingId = this.firstOutgoingId = frame.nextOutgoingId;
    this.incomingWindow = this.incomingWindowMax = frame.incomingWindow;
    this.outgoingWindow = frame.outgoingWindow;
  }

  beginReceived(channel: number, frame: BeginFrame): void {
    this.remoteChannel = channel;
    this.nextIncomingId = frame.nextOutgoingId;
    this.remoteIncomingWindow = frame.incomingWindow;
    this.isPeerWindowClosed = frame.incomingWindow === 0;
    this.handleMax = Math.min(frame.handleMax ?? 0xffff_ffff, this.plane.options.handleMax);
  }

  attachSent(frame: AttachFrame): void {
    this.links.attachSent(frame);
  }

  attachReceived(frame: AttachFrame): void {
    this.links.attachReceived(frame);
  }

  detachSent(frame: DetachFrame): void {
    this.links.detachSent(frame);
  }

  detachReceived(frame: DetachFrame): void {
    this.links.detachReceived(frame);
  }

  endSent(): void {
    if (this.isEndSent) return;
    this.isEndSent = true;
    this.endLinks((link) => linkEndedWithSession(link, undefined, false), undefined);
  }

  endReceived(error: PeerError | undefined): void {
    this.isEndReceived = true;
    if (this.isEndSent) {
      this.tellEnded(error);
      return;
    }
    this.endLinks((link) => linkEndedWithSession(link, error, true), error);
    this.tellEnded(error);
  }

  connectionEnded(error: AmqpError): void {
    if (this.isEndReceived) return;
    this.isEndSent = this.isEndReceived = true;
    this.endLinks(() => error, undefined);
    this.tellEnded(error);
  }

  // ---- messages ----

  onTransfer(transfer: TransferReader, buffer: Buffer, payload: number, end: number): void {
    this.nextIncomingId = next(this.nextIncomingId);
    this.incomingWindow -= 1;
    if (this.incomingWindow < this.incomingWindowMax >>> 1 && !this.owesFlow) {
      this.owesFlow = true;
      this.plane.pending.oweFlow(this);
    }
    const link = this.links.byRemoteHandle.get(transfer.handle);
    if (link === undefined) {
      this.links.mustKnow('transfer', transfer.handle);
    } else if (link.role === 'sender') {
      throw new FramingError(`a transfer on handle ${transfer.handle}, on which we send`, 'amqp:not-allowed');
    } else {
      link.onTransfer(transfer, buffer, payload, end);
    }
  }

  /** The peer's word on what we sent. What it says of its own deliveries changes nothing: they are settled once, by us. */
  onDisposition(frame: DispositionReader, buffer: Buffer): void {
    if (!frame.fromReceiver) return;
    const state = readState(frame.stateCode, buffer, frame.stateStart, frame.stateEnd, this.plane.options.secrets);
    if (state.kind === 'progress' || (state.kind === 'none' && !frame.settled)) return;
    const { first, settled } = frame;
    const span = (frame.last - first) >>> 0;
    // Reversed, as numbers and as serial numbers: it names nothing.
    if (frame.last < first && distance(first, frame.last) < 0) return;
    const taken = span <= WALKED_SPAN ? this.settleWalking(first, span, state) : this.settleFound(first, span, state);
    if (settled || taken === 0 || this.isEndSent) return;
    // An outcome that waits for our consent, as after rcv-settle-mode second.
    const newest = (this.nextDeliveryId - 1) >>> 0;
    const last = distance(newest, frame.last) > 0 || span > WALKED_SPAN ? newest : frame.last;
    const said = state.kind === 'outcome' ? encodeOutcome(confirmed(state.outcome)) : undefined;
    const writer = this.plane.writer;
    writer.reserve(frameRoom(said?.length ?? 0));
    writer.position = writeDisposition(writer.buffer, writer.position, this.channel, false, first, last, said);
  }

  /** @throws {FramingError} */
  onFlow(flow: FlowReader): void {
    const theirs = flow.nextIncomingId === ABSENT ? this.firstOutgoingId : flow.nextIncomingId;
    const window = flow.incomingWindow + distance(this.nextOutgoingId, theirs);
    this.remoteIncomingWindow = Math.max(0, window);
    const isClosed = flow.incomingWindow === 0;
    if (isClosed !== this.isPeerWindowClosed) {
      this.isPeerWindowClosed = isClosed;
      this.plane.updateBlocked();
    }
    let link: PlaneLink | undefined;
    if (flow.handle !== ABSENT) {
      this.links.mustKnow('flow', flow.handle);
      link = this.links.byRemoteHandle.get(flow.handle);
    }
    const { echo } = flow;
    const answered = link?.onFlow(flow) ?? false;
    if (this.remoteIncomingWindow > 0 && !this.waiting.isEmpty)
      this.plane.turns.runSession(this.waiting, () => this.remoteIncomingWindow > 0);
    if (echo && !answered && !this.isEndSent) this.writeFlow(link?.isOpen === true ? link.flowState() : undefined);
  }

  /** Counts one frame of ours. */
  countTransfer(): void {
    this.nextOutgoingId = next(this.nextOutgoingId);
    this.remoteIncomingWindow -= 1;
  }

  /** The delivery-id of a delivery that begins now. */
  takeDeliveryId(): number {
    const id = this.nextDeliveryId;
    this.nextDeliveryId = next(id);
    if (!this.hasUnwritten) {
      this.hasUnwritten = true;
      this.plane.pending.addUnwritten(this);
    }
    return id;
  }

  noteWritten(): void {
    this.hasUnwritten = false;
    this.writtenUpTo = this.nextDeliveryId;
  }

  settle(deliveryId: number, state: Buffer): void {
    this.settlements.add(deliveryId, state);
  }

  writeSettlements(): void {
    if (this.settlements.isEmpty) return;
    if (this.isEndSent || this.isEndReceived) this.settlements.clear();
    else this.settlements.write(this.plane.writer, this.channel);
  }

  writeDueFlow(): void {
    if (this.owesFlow && this.isOpen) this.writeFlow(undefined);
  }

  writeFlow(link: LinkFlow | undefined): void {
    this.incomingWindow = this.incomingWindowMax;
    this.owesFlow = false;
    const writer = this.plane.writer;
    writer.reserve(frameRoom(0));
    writer.position = writeFlow(writer.buffer, writer.position, this.channel, this, link);
  }

  private settleWalking(first: number, span: number, state: DeliveryState): number {
    let taken = 0;
    for (let offset = 0; offset <= span; offset++) if (this.settleOne((first + offset) >>> 0, state)) taken += 1;
    return taken;
  }

  private settleFound(first: number, span: number, state: DeliveryState): number {
    let taken = 0;
    for (const id of this.ring.idsWithin(first, span)) if (this.settleOne(id, state)) taken += 1;
    return taken;
  }

  private settleOne(id: number, state: DeliveryState): boolean {
    const ring = this.ring;
    if (!ring.take(id)) return false;
    const { owner, transfer } = ring;
    if (owner !== undefined && transfer !== undefined) owner.onSettled(transfer, state);
    return true;
  }

  private endLinks(errorFor: (link: PlaneLink) => AmqpError, peerError: PeerError | undefined): void {
    for (const link of this.links.takeAll())
      link.end({ error: errorFor(link), closed: false, bySession: true, peerError });
  }

  private tellEnded(error: PeerError | AmqpError | undefined): void {
    const onEnded = this.onEnded;
    this.onEnded = undefined;
    try {
      onEnded?.(error);
    } catch (thrown) {
      rethrowLater(thrown);
    }
  }
}

/** The outcome that stands, without what the receiver said of it: an error would read as a refusal to settle. */
function confirmed(outcome: Outcome): Outcome {
  if (outcome.kind === 'rejected') return { kind: 'rejected' };
  return outcome.kind === 'modified' ? { ...outcome, messageAnnotations: undefined } : outcome;
}
