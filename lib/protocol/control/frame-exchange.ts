// Every frame of the peer: to the data plane, to rhea, or to nobody. The README beside this file lists what is made up, rewritten or dropped.

import { FramingError } from '../frames/framing-error.js';
import {
  decodeControlFrame,
  encodeControlFrame,
  type AttachFrame,
  type BeginFrame,
  type CloseFrame,
  type ControlFrame,
  type DetachFrame,
  type OpenFrame,
} from '../frames/control-frames.js';
import type { FrameSink } from '../frames/framer.js';
import { withoutSecrets } from '../frames/without-secrets.js';
import { frameRoom, writeFlow } from '../frames/write-performatives.js';
import { descriptorCode } from '../frames/scan.js';
import type { Secrets } from '../secrets.js';
import { Plane } from '../session/plane.js';
import type { PlaneSession } from '../session/session.js';
import { Attachments } from './attachments.js';
import { Channels } from './channels.js';
import { AMQP_HEADER, FramesOfRhea, type FramesOfRheaOptions } from './frames-of-rhea.js';
import type { RheaSocket } from './rhea-socket.js';

const AMQP_FRAME = 0;
const HEADER_SIZE = 8;
/** Wide enough that rhea never thinks of flow control. */
const RHEA_WINDOW = 2048;
const PEER_NAME = 'peer';

export interface ExchangeOptions extends Omit<FramesOfRheaOptions, 'channels' | 'attachments'> {
  readonly rhea: RheaSocket;
  /** What the peer must not repeat. */
  readonly secrets: Secrets;
  readonly onOpen: (frame: OpenFrame) => void;
  readonly onClose: (frame: CloseFrame) => void;
}

export class FrameExchange implements FrameSink {
  readonly attachments = new Attachments();
  private readonly channels = new Channels();
  private readonly framesOfRhea: FramesOfRhea;
  private isHeaderReceived = false;
  private isOpenReceived = false;

  constructor(private readonly options: ExchangeOptions) {
    const { attachments, channels } = this;
    this.framesOfRhea = new FramesOfRhea({ ...options, attachments, channels });
  }

  // ---- from rhea ----

  /** One frame or header that rhea wrote. */
  fromRhea(bytes: Buffer): void {
    this.framesOfRhea.take(bytes);
  }

  /** CLOSE without rhea: as the answer to the peer's, or with the rule that it broke. */
  writeClose(): void {
    this.framesOfRhea.writeClose();
  }

  // ---- from the peer ----

  header(bytes: Buffer): void {
    if (this.isHeaderReceived || !bytes.equals(AMQP_HEADER))
      throw new FramingError(`a protocol header that is not the one of AMQP 1.0: ${bytes.toString('hex')}`);
    this.isHeaderReceived = true;
    this.options.rhea.deliver(AMQP_HEADER);
  }

  frame(buffer: Buffer, start: number, size: number, bodyStart: number): void {
    if (!this.isHeaderReceived) throw new FramingError('a frame before the protocol header');
    if (buffer[start + 5] !== AMQP_FRAME) throw new FramingError(`a frame of type ${buffer[start + 5]}`);
    const end = start + size;
    if (bodyStart === end) return; // a heartbeat: that it came is all it says
    const channel = buffer.readUInt16BE(start + 6);
    const code = descriptorCode(buffer, bodyStart, end);
    if (Plane.carries(code)) this.options.plane.data(code, channel, buffer, bodyStart, end);
    else this.control(channel, withoutSecrets(decodeControlFrame(buffer, bodyStart, end), this.options.secrets));
  }

  private control(channel: number, frame: ControlFrame): void {
    if (this.isOpenReceived === (frame.kind === 'open'))
      throw new FramingError(this.isOpenReceived ? 'a second open' : `${frame.kind} before open`, 'amqp:not-allowed');
    switch (frame.kind) {
      case 'open':
        this.isOpenReceived = true;
        this.options.plane.received(channel, frame);
        this.options.onOpen(frame);
        return this.tellRhea(0, {
          kind: 'open',
          containerId: PEER_NAME,
          maxFrameSize: frame.maxFrameSize,
          channelMax: 65_535,
        });
      case 'begin':
        return this.beginReceived(channel, frame);
      case 'attach':
        return this.attachReceived(channel, frame);
      case 'detach':
        return this.detachReceived(channel, frame);
      case 'end': {
        const session = this.options.plane.sessionByRemoteChannel(channel);
        this.closeInRhea(session);
        this.options.plane.received(channel, frame);
        return this.tellRhea(channel, { kind: 'end' });
      }
      case 'close':
        this.closeInRhea(undefined);
        this.options.onClose(frame);
        return this.tellRhea(0, { kind: 'close' });
    }
  }

  private beginReceived(channel: number, frame: BeginFrame): void {
    if (frame.remoteChannel === undefined)
      throw new FramingError('a session that the peer begins', 'amqp:not-implemented');
    this.options.plane.received(channel, frame);
    this.tellRhea(channel, {
      kind: 'begin',
      remoteChannel: this.channels.inRhea(frame.remoteChannel),
      nextOutgoingId: 0,
      incomingWindow: RHEA_WINDOW,
      outgoingWindow: RHEA_WINDOW,
    });
  }

  private attachReceived(channel: number, frame: AttachFrame): void {
    const { plane } = this.options;
    plane.received(channel, frame);
    const session = plane.sessionByRemoteChannel(channel);
    if (session === undefined || session.isEndSent) return;
    const link = session.linkByRemoteHandle(frame.handle);
    const attachment = link === undefined ? undefined : this.attachments.of(link);
    if (link === undefined || attachment === undefined)
      throw new FramingError('a link that nobody asked for', 'amqp:not-implemented');
    attachment.remoteHandle = frame.handle;
    attachment.attachReceived(frame);
    const { handle, role } = frame;
    this.tellRhea(channel, { kind: 'attach', name: attachment.rheaName, handle, role, source: {}, target: {} });
    // rhea-promise takes a sender for open when it has credit.
    if (role === 'receiver') this.options.rhea.deliver(creditForRhea(channel, handle));
  }

  private detachReceived(channel: number, frame: DetachFrame): void {
    const { plane } = this.options;
    const session = plane.sessionByRemoteChannel(channel);
    const link = session?.isEndSent === true ? undefined : session?.linkByRemoteHandle(frame.handle);
    const attachment = link === undefined ? undefined : this.attachments.of(link);
    if (attachment !== undefined) attachment.remoteClosed = frame.closed;
    plane.received(channel, frame);
    if (link === undefined || attachment?.remoteHandle === undefined) return;
    attachment.remoteHandle = undefined;
    attachment.isClosing = false;
    if (link.isDetachSent) this.attachments.forget(link);
    this.tellRhea(channel, { kind: 'detach', handle: frame.handle, closed: true });
  }

  /**
   * Links that rhea waits to see detached get their answer before the session that will not give it any more ends.
   * `undefined`: all sessions, with the connection.
   */
  private closeInRhea(session: PlaneSession | undefined): void {
    for (const [link, attachment] of this.attachments) {
      if (session !== undefined && link.session !== session) continue;
      const { remoteHandle } = attachment;
      if (attachment.isClosing && remoteHandle !== undefined) {
        attachment.remoteHandle = undefined;
        this.tellRhea(link.session.remoteChannel, { kind: 'detach', handle: remoteHandle, closed: true });
      }
      attachment.abandonRhea();
      this.attachments.forget(link);
    }
  }

  private tellRhea(channel: number, frame: ControlFrame): void {
    this.options.rhea.deliver(encodeControlFrame(channel, frame));
  }
}

function creditForRhea(channel: number, handle: number): Buffer {
  const buffer = Buffer.alloc(frameRoom(0));
  const windows = { nextIncomingId: 0, incomingWindow: RHEA_WINDOW, nextOutgoingId: 0, outgoingWindow: RHEA_WINDOW };
  const end = writeFlow(buffer, 0, channel, windows, { handle, deliveryCount: 0, credit: 1, draining: false });
  return buffer.subarray(0, Math.max(end, HEADER_SIZE));
}
