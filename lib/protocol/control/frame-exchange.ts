// Every frame between the peer, the data plane and rhea. The README beside this file lists what is made up, rewritten or dropped.

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
import { DISPOSITION, FLOW, TRANSFER } from '../frames/performatives.js';
import { withoutSecrets } from '../frames/without-secrets.js';
import { frameRoom, writeFlow } from '../frames/write-performatives.js';
import { descriptorCode } from '../frames/scan.js';
import type { Secrets } from '../secrets.js';
import { Plane } from '../session/plane.js';
import type { PlaneLink, PlaneSession } from '../session/session.js';
import type { Writer } from '../socket/writer.js';
import type { Attachment } from './attachment.js';
import { Channels } from './channels.js';
import type { RheaSocket } from './rhea-socket.js';

const AMQP_FRAME = 0;
const HEADER_SIZE = 8;
const AMQP = 'AMQP';
/** Protocol id 0 (AMQP, no TLS or SASL), version 1.0.0. */
const AMQP_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]);
/** Wide enough that rhea never thinks of flow control. */
const RHEA_WINDOW = 2048;
const PEER_NAME = 'peer';

export interface ExchangeOptions {
  readonly plane: Plane;
  readonly writer: Writer;
  readonly rhea: RheaSocket;
  /** What the peer must not repeat. */
  readonly secrets: Secrets;
  /** What goes out as OPEN. */
  readonly open: OpenFrame;
  /** What goes out as CLOSE. */
  readonly closeFrame: () => CloseFrame;
  /** What each BEGIN says of our limits. */
  readonly begin: { readonly handleMax: number; readonly incomingWindow: number };
  /** How many channels there may be. */
  readonly channelLimit: () => number;
  readonly onBeginSent: (channel: number) => void;
  readonly onOpen: (frame: OpenFrame) => void;
  readonly onClose: (frame: CloseFrame) => void;
}

export class FrameExchange implements FrameSink {
  private readonly channels = new Channels();
  /** Links under rhea's name and under the data plane's object. */
  private readonly byRheaName = new Map<string, Attachment>();
  private readonly byLink = new Map<PlaneLink, Attachment>();
  private isHeaderReceived = false;
  private isOpenReceived = false;

  constructor(private readonly options: ExchangeOptions) {}

  /** Before rhea is told to attach. */
  register(link: PlaneLink, attachment: Attachment): void {
    this.byRheaName.set(attachment.rheaName, attachment);
    this.byLink.set(link, attachment);
  }

  attachmentOf(link: PlaneLink): Attachment | undefined {
    return this.byLink.get(link);
  }

  /** Nothing more will come: rhea's waits end. */
  abandonAll(): void {
    for (const attachment of this.byLink.values()) attachment.abandonRhea();
    this.byLink.clear();
    this.byRheaName.clear();
  }

  // ---- from rhea ----

  /** One frame or header that rhea wrote. Decoded, then written anew with what our own options say. */
  fromRhea(bytes: Buffer): void {
    if (bytes.toString('latin1', 0, 4) === AMQP) {
      this.options.writer.append(AMQP_HEADER);
      return;
    }
    const bodyStart = bytes.readUInt8(4) * 4;
    if (bodyStart >= bytes.length) return; // a heartbeat; ours are written elsewhere
    const code = descriptorCode(bytes, bodyStart, bytes.length);
    if (code === FLOW) return; // credit and windows are the data plane's
    if (code === TRANSFER || code === DISPOSITION) throw new Error('rhea wrote a frame of the data plane');
    const written = decodeControlFrame(bytes, bodyStart, bytes.length);
    const channel = this.ourChannel(bytes.readUInt16BE(6), written);
    const frame = this.rewritten(channel, written);
    if (frame === undefined) return;
    if (frame.kind === 'detach' || frame.kind === 'end' || frame.kind === 'close')
      this.options.plane.writeSettlements();
    this.options.writer.append(encodeControlFrame(channel, frame));
    this.options.plane.sent(channel, frame);
    if (frame.kind === 'begin') this.options.onBeginSent(channel);
  }

  /** CLOSE without rhea: as the answer to the peer's, or with the rule that it broke. */
  writeClose(): void {
    this.options.writer.append(encodeControlFrame(0, this.options.closeFrame()));
  }

  private ourChannel(rheaChannel: number, frame: ControlFrame): number {
    if (frame.kind === 'open' || frame.kind === 'close') return 0;
    if (frame.kind !== 'begin') return this.channels.onWire(rheaChannel);
    const { plane, channelLimit } = this.options;
    const isTaken = (channel: number): boolean => plane.sessionByLocalChannel(channel) !== undefined;
    return this.channels.take(rheaChannel, channelLimit(), isTaken);
  }

  private rewritten(channel: number, frame: ControlFrame): ControlFrame | undefined {
    switch (frame.kind) {
      case 'open':
        return this.options.open;
      case 'close':
        return this.options.closeFrame();
      case 'begin':
        return this.ourBegin();
      case 'attach':
        return this.ourAttach(channel, frame);
      case 'detach':
        return this.ourDetach(channel, frame);
      case 'end':
        return this.options.plane.sessionByLocalChannel(channel) === undefined ? undefined : { kind: 'end' };
    }
  }

  private ourBegin(): BeginFrame {
    return { kind: 'begin', nextOutgoingId: 0, outgoingWindow: 0x7fff_ffff, ...this.options.begin };
  }

  private ourAttach(channel: number, frame: AttachFrame): AttachFrame | undefined {
    const attachment = this.byRheaName.get(frame.name);
    if (attachment === undefined || this.options.plane.sessionByLocalChannel(channel)?.isOpen !== true)
      return undefined;
    return { kind: 'attach', handle: frame.handle, ...attachment.request };
  }

  private ourDetach(channel: number, frame: DetachFrame): DetachFrame | undefined {
    const link = this.options.plane.sessionByLocalChannel(channel)?.linkByLocalHandle(frame.handle);
    const attachment = link === undefined ? undefined : this.byLink.get(link);
    if (link === undefined || attachment === undefined) return undefined; // ended with its session
    if (link.isDetachReceived) this.forget(link);
    const { how, remoteClosed } = attachment;
    return { kind: 'detach', handle: frame.handle, closed: how?.closed ?? remoteClosed ?? true, error: how?.error };
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
    const attachment = link === undefined ? undefined : this.byLink.get(link);
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
    const attachment = link === undefined ? undefined : this.byLink.get(link);
    if (attachment !== undefined) attachment.remoteClosed = frame.closed;
    plane.received(channel, frame);
    if (link === undefined || attachment?.remoteHandle === undefined) return;
    attachment.remoteHandle = undefined;
    attachment.isClosing = false;
    if (link.isDetachSent) this.forget(link);
    this.tellRhea(channel, { kind: 'detach', handle: frame.handle, closed: true });
  }

  /**
   * Links that rhea waits to see detached get their answer before the session that will not give it any more ends.
   * `undefined`: all sessions, with the connection.
   */
  private closeInRhea(session: PlaneSession | undefined): void {
    for (const [link, attachment] of this.byLink) {
      if (session !== undefined && link.session !== session) continue;
      const { remoteHandle } = attachment;
      if (attachment.isClosing && remoteHandle !== undefined) {
        attachment.remoteHandle = undefined;
        this.tellRhea(link.session.remoteChannel, { kind: 'detach', handle: remoteHandle, closed: true });
      }
      attachment.abandonRhea();
      this.forget(link);
    }
  }

  private forget(link: PlaneLink): void {
    const attachment = this.byLink.get(link);
    if (attachment === undefined) return;
    this.byLink.delete(link);
    this.byRheaName.delete(attachment.rheaName);
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
