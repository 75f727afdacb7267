// What rhea writes, on its way to the peer: control frames alone, with what our own options say in them.

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
import { DISPOSITION, FLOW, TRANSFER } from '../frames/performatives.js';
import { descriptorCode } from '../frames/scan.js';
import type { Plane } from '../session/plane.js';
import type { Writer } from '../socket/writer.js';
import type { Attachments } from './attachments.js';
import type { Channels } from './channels.js';

const AMQP = 'AMQP';
/** Protocol id 0 (AMQP, no TLS or SASL), version 1.0.0. */
export const AMQP_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]);

export interface FramesOfRheaOptions {
  readonly plane: Plane;
  readonly writer: Writer;
  readonly channels: Channels;
  readonly attachments: Attachments;
  /** What goes out as OPEN. */
  readonly open: OpenFrame;
  /** What goes out as CLOSE. */
  readonly closeFrame: () => CloseFrame;
  /** What each BEGIN says of our limits. */
  readonly begin: { readonly handleMax: number; readonly incomingWindow: number };
  /** How many channels there may be. */
  readonly channelLimit: () => number;
  readonly onBeginSent: (channel: number) => void;
}

export class FramesOfRhea {
  constructor(private readonly options: FramesOfRheaOptions) {}

  /** One frame or header. Decoded, then written anew with what our own options say. */
  take(bytes: Buffer): void {
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
    if (frame.kind !== 'begin') return this.options.channels.onWire(rheaChannel);
    const { plane, channelLimit } = this.options;
    const isTaken = (channel: number): boolean => plane.sessionByLocalChannel(channel) !== undefined;
    return this.options.channels.take(rheaChannel, channelLimit(), isTaken);
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
    const attachment = this.options.attachments.named(frame.name);
    if (attachment === undefined || this.options.plane.sessionByLocalChannel(channel)?.isOpen !== true)
      return undefined;
    return { kind: 'attach', handle: frame.handle, ...attachment.request };
  }

  private ourDetach(channel: number, frame: DetachFrame): DetachFrame | undefined {
    const link = this.options.plane.sessionByLocalChannel(channel)?.linkByLocalHandle(frame.handle);
    const attachment = link === undefined ? undefined : this.options.attachments.of(link);
    if (link === undefined || attachment === undefined) return undefined; // ended with its session
    if (link.isDetachReceived) this.options.attachments.forget(link);
    const { how, remoteClosed } = attachment;
    return { kind: 'detach', handle: frame.handle, closed: how?.closed ?? remoteClosed ?? true, error: how?.error };
  }
}
