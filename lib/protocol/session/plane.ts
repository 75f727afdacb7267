// The data plane of one connection: every message in both directions passes here, and no message passes anywhere else.
//
// How a control plane drives it, on either side of a connection (control/ with rhea, acceptor/ with its own frames):
//
//   const plane = new Plane(writer, { detach, onBlocked });
//   sent(channel, frame)       once for each OPEN, BEGIN, ATTACH, DETACH, END, CLOSE, right after `writer.append(its bytes)`
//   received(channel, frame)   once for each of those that arrives, in order, before anybody acts on it
//   data(code, ...)            each TRANSFER, DISPOSITION and FLOW that arrives
//   fail(error)                when the connection is over for whatever reason: closed here, lost, or for a broken rule. Before it,
//                              `writer.discard()`; after it, whatever CLOSE there is to write
//
// From those frames the plane learns channels, handles, windows and counts; it asks nobody. A link is made before its first
// ATTACH of ours: `session.createSender(...)` or `createReceiver(...)`, found again by name and role. It is open once ATTACH has
// passed in both directions, whichever came first:
//
//   client:   link = session.createSender({ name, ... }); write ATTACH; sent(ATTACH) ... received(ATTACH) -> link.isOpen
//   acceptor: received(ATTACH) ... link = session.createSender({ name, ... }); write ATTACH; sent(ATTACH) -> link.isOpen
//
// A DETACH, END or CLOSE of the peer is answered by the control plane (and that answer told to `sent`); the plane has ended the
// link, session or connection by then. `options.detach` is called for each DETACH that a link wants written on its own.
//
// An ATTACH of ours without such a link (a refusal) makes its handle one whose frames are ignored. The same holds for a link
// that was detached here until the peer's DETACH comes, and for a session that was ended here until its END comes.
//
// `sent`, `received` and `data` throw `FramingError` when the peer breaks the protocol: write CLOSE with its condition, then
// `fail`. Functions handed in by the layer above are called in try/catch; what they throw is rethrown in a task of its own.

import { connectionClosedByPeer } from '../amqp-error.js';
import type { AmqpError, PeerError } from '../errors.js';
import type { AttachFrame, BeginFrame, ControlFrame } from '../frames/control-frames.js';
import { DISPOSITION, DispositionReader, FLOW, FlowReader, TRANSFER, TransferReader } from '../frames/performatives.js';
import { FramingError, describedStart } from '../frames/scan.js';
import type { Secrets } from '../secrets.js';
import { SLAB_BYTES, type Writer } from '../socket/writer.js';
import { rethrowLater } from './callback.js';
import type { DetachOptions } from './detachment.js';
import { PendingWork } from './pending-work.js';
import { PlaneSession, type PlaneLink } from './session.js';
import { SendTurns } from './send-turns.js';

/** Least max-frame-size that section 2.7.1 allows. */
export const MIN_MAX_FRAME_SIZE = 512;

export interface PlaneOptions {
  /** Writes DETACH for this link, then tells the plane through `sent`. At most once per link, never before its ATTACH was sent. */
  readonly detach: (link: PlaneLink, how: DetachOptions) => void;
  /** The peer closed (`true`) or reopened the incoming windows of all sessions. */
  readonly onBlocked?: ((blocked: boolean) => void) | undefined;
  /** Highest handle that the peer may use. */
  readonly handleMax: number;
  /** What the peer must not repeat in an outcome. */
  readonly secrets?: Secrets | undefined;
}

export class Plane {
  /** No frame we write is larger. */
  maxFrameSize = MIN_MAX_FRAME_SIZE;
  readonly turns: SendTurns;
  readonly pending: PendingWork;

  private readonly byLocalChannel = new Map<number, PlaneSession>();
  private readonly byRemoteChannel = new Map<number, PlaneSession>();
  private readonly transfer = new TransferReader();
  private readonly disposition = new DispositionReader();
  private readonly flow = new FlowReader();
  private isBlocked = false;
  private failure: AmqpError | undefined;

  constructor(
    readonly writer: Writer,
    readonly options: PlaneOptions,
  ) {
    this.turns = new SendTurns(writer);
    this.pending = new PendingWork(writer);
    writer.use({
      beforeFlush: () => this.pending.prepare(),
      afterFlush: () => this.pending.settleWritten(),
      onRoom: () => this.turns.run(),
    });
  }

  get error(): AmqpError | undefined {
    return this.failure;
  }

  /** Sessions that hold a channel of ours. */
  get sessionCount(): number {
    return this.byLocalChannel.size;
  }

  sessionByLocalChannel(channel: number): PlaneSession | undefined {
    return this.byLocalChannel.get(channel);
  }

  sessionByRemoteChannel(channel: number): PlaneSession | undefined {
    return this.byRemoteChannel.get(channel);
  }

  /** A control frame of ours was handed to the writer. */
  sent(channel: number, frame: ControlFrame): void {
    switch (frame.kind) {
      case 'begin':
        return this.beginSent(channel, frame);
      case 'attach':
        return this.byLocalChannel.get(channel)?.attachSent(frame);
      case 'detach':
        return this.byLocalChannel.get(channel)?.detachSent(frame);
      case 'end':
        return this.endSent(channel);
      case 'open':
      case 'close':
        return;
    }
  }

  /** @throws {FramingError} */
  received(channel: number, frame: ControlFrame): void {
    switch (frame.kind) {
      case 'open':
        return this.openReceived(frame.maxFrameSize);
      case 'begin':
        return this.beginReceived(channel, frame);
      case 'attach':
        return this.attachReceived(channel, frame);
      case 'detach':
        return this.sessionOn(channel)?.detachReceived(frame);
      case 'end':
        return this.endReceived(channel, frame.error);
      case 'close':
        return this.fail(connectionClosedByPeer(frame.error));
    }
  }

  /** Whether a frame with this descriptor is one for `data`. */
  static carries(code: number): boolean {
    return code >= FLOW && code <= DISPOSITION;
  }

  /**
   * A TRANSFER, DISPOSITION or FLOW; `buffer[bodyStart, end)` is the frame's body.
   * @throws {FramingError}
   */
  data(code: number, channel: number, buffer: Buffer, bodyStart: number, end: number): void {
    const session = this.sessionOn(channel);
    if (session === undefined) return;
    const start = describedStart(buffer, bodyStart);
    if (code === TRANSFER) {
      const payload = this.transfer.read(buffer, start, end);
      session.onTransfer(this.transfer, buffer, payload, end);
    } else if (code === DISPOSITION) {
      this.disposition.read(buffer, start, end);
      session.onDisposition(this.disposition, buffer);
    } else {
      this.flow.read(buffer, start, end);
      session.onFlow(this.flow);
    }
  }

  /** The connection is over: every session and link ends, everything that waits is told. Nothing more is written by it. */
  fail(error: AmqpError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    for (const session of [...this.byLocalChannel.values(), ...this.byRemoteChannel.values()])
      session.connectionEnded(error);
    this.byLocalChannel.clear();
    this.byRemoteChannel.clear();
    this.pending.fail(error);
  }

  /** A session's peer opened or closed its window, or the session came or went. */
  updateBlocked(): void {
    let blocked = false;
    for (const session of this.byRemoteChannel.values()) {
      if (!session.isOpen) continue;
      blocked = session.isPeerWindowClosed;
      if (!blocked) break;
    }
    if (blocked === this.isBlocked || this.failure !== undefined) return;
    this.isBlocked = blocked;
    try {
      this.options.onBlocked?.(blocked);
    } catch (error) {
      rethrowLater(error);
    }
  }

  /** Buffered settlements and due credit go into the writer, ahead of whatever is appended next. */
  writeSettlements(): void {
    this.pending.write();
  }

  private openReceived(maxFrameSize: number | undefined): void {
    if (maxFrameSize !== undefined && maxFrameSize < MIN_MAX_FRAME_SIZE)
      throw new FramingError(
        `max-frame-size ${maxFrameSize} is below the ${MIN_MAX_FRAME_SIZE} that every peer must take`,
        'amqp:invalid-field',
      );
    this.maxFrameSize = Math.min(maxFrameSize ?? SLAB_BYTES, SLAB_BYTES);
  }

  private beginSent(channel: number, frame: BeginFrame): void {
    // The acceptor answers a BEGIN of the peer; a client begins.
    const session =
      frame.remoteChannel === undefined ? new PlaneSession(this) : this.byRemoteChannel.get(frame.remoteChannel);
    if (session === undefined) return;
    session.beginSent(channel, frame);
    this.byLocalChannel.set(channel, session);
    this.updateBlocked();
  }

  private beginReceived(channel: number, frame: BeginFrame): void {
    if (this.byRemoteChannel.has(channel)) throw notAllowed(`a second begin on channel ${channel}`);
    const session =
      frame.remoteChannel === undefined ? new PlaneSession(this) : this.byLocalChannel.get(frame.remoteChannel);
    if (session === undefined || session.hasRemoteChannel)
      throw notAllowed(`a begin that answers channel ${frame.remoteChannel}, on which none was sent`);
    session.beginReceived(channel, frame);
    this.byRemoteChannel.set(channel, session);
    this.updateBlocked();
  }

  private attachReceived(channel: number, frame: AttachFrame): void {
    const session = this.sessionOn(channel);
    if (session === undefined) return;
    if (frame.handle > this.options.handleMax)
      throw new FramingError(`handle ${frame.handle} is over the handle-max of ${this.options.handleMax}`);
    session.attachReceived(frame);
  }

  private endSent(channel: number): void {
    const session = this.byLocalChannel.get(channel);
    if (session === undefined) return;
    session.endSent();
    if (session.isEndReceived) this.byLocalChannel.delete(channel);
    this.updateBlocked();
  }

  private endReceived(channel: number, error: PeerError | undefined): void {
    const session = this.byRemoteChannel.get(channel);
    if (session === undefined) throw notAllowed(`an end on channel ${channel}, where there is no session`);
    this.byRemoteChannel.delete(channel);
    session.endReceived(error);
    if (session.isEndSent) this.byLocalChannel.delete(session.channel);
    this.updateBlocked();
  }

  /** `undefined`: ended here, what still comes is ignored. */
  private sessionOn(channel: number): PlaneSession | undefined {
    const session = this.byRemoteChannel.get(channel);
    if (session === undefined) throw notAllowed(`a frame on channel ${channel}, where there is no session`);
    return session.isEndSent ? undefined : session;
  }
}

function notAllowed(message: string): FramingError {
  return new FramingError(message, 'amqp:not-allowed');
}
