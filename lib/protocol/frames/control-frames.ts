// The frames that open and close connections, sessions and links (sections 2.7.1 to 2.7.9), as plain values.

import type { Terminus } from '../connection.js';
import { DecodeError, type PeerError } from '../errors.js';
import { Cursor } from '../types/cursor.js';
import { ByteWriter } from '../types/encode.js';
import { FieldReader } from './field-reader.js';
import { FieldWriter } from './field-writer.js';
import { FramingError } from './framing-error.js';
import { describedStart, descriptorCode, scanFrameBody } from './scan.js';
import {
  type Coordinator,
  readError,
  readSource,
  readTarget,
  writeCoordinator,
  writeError,
  writeSource,
  writeTarget,
} from './terminus.js';

export type { Coordinator } from './terminus.js';

interface Capabilities {
  readonly offeredCapabilities?: readonly string[] | undefined;
  readonly desiredCapabilities?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
}

export interface OpenFrame extends Capabilities {
  readonly kind: 'open';
  readonly containerId: string;
  readonly hostname?: string | undefined;
  readonly maxFrameSize?: number | undefined;
  readonly channelMax?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
}

export interface BeginFrame extends Capabilities {
  readonly kind: 'begin';
  readonly remoteChannel?: number | undefined;
  readonly nextOutgoingId: number;
  readonly incomingWindow: number;
  readonly outgoingWindow: number;
  readonly handleMax?: number | undefined;
}

/** A peer's unsettled map is checked and ignored: deliveries are never resumed. */
export interface AttachFrame extends Capabilities {
  readonly kind: 'attach';
  readonly name: string;
  readonly handle: number;
  /** What the side that sent this frame is on the link. */
  readonly role: 'sender' | 'receiver';
  readonly senderSettleMode?: 'unsettled' | 'settled' | 'mixed' | undefined;
  readonly receiverSettleMode?: 'first' | 'second' | undefined;
  /** `undefined`: null on the wire, as in the answer to an attach that is refused. */
  readonly source?: Terminus | undefined;
  readonly target?: Terminus | undefined;
  /** In place of the target. */
  readonly coordinator?: Coordinator | undefined;
  /** Mandatory for a sender (0 is written when it is absent). */
  readonly initialDeliveryCount?: number | undefined;
  /** `undefined`: no limit; so are 0 and what no number can hold. */
  readonly maxMessageSize?: number | undefined;
}

export interface DetachFrame {
  readonly kind: 'detach';
  readonly handle: number;
  readonly closed: boolean;
  readonly error?: PeerError | undefined;
}

export interface EndFrame {
  readonly kind: 'end';
  readonly error?: PeerError | undefined;
}

export interface CloseFrame {
  readonly kind: 'close';
  readonly error?: PeerError | undefined;
}

export type ControlFrame = OpenFrame | BeginFrame | AttachFrame | DetachFrame | EndFrame | CloseFrame;

export const OPEN = 0x10;
export const BEGIN = 0x11;
export const ATTACH = 0x12;
export const DETACH = 0x16;
export const END = 0x17;
export const CLOSE = 0x18;

const SENDER_SETTLE_MODES = ['unsettled', 'settled', 'mixed'] as const;
const RECEIVER_SETTLE_MODES = ['first', 'second'] as const;

/**
 * Scans and reads the body of a control frame, `buffer[start, end)`.
 * @throws {FramingError} it is none of the six, is not well-formed, or a field is absent or of the wrong type
 */
export function decodeControlFrame(buffer: Buffer, start: number, end: number): ControlFrame {
  scanFrameBody(buffer, start, end);
  const cursor = new Cursor().open(buffer, describedStart(buffer, start), end);
  return framing(() => readControlFrame(cursor, descriptorCode(buffer, start, end)));
}

/** Runs a reader; what it cannot decode is the peer's fault and ends the connection. */
export function framing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw new FramingError(error.message, 'amqp:decode-error');
    throw error;
  }
}

function readControlFrame(cursor: Cursor, code: number): ControlFrame {
  switch (code) {
    case OPEN:
      return readOpen(cursor);
    case BEGIN:
      return readBegin(cursor);
    case ATTACH:
      return readAttach(cursor);
    case DETACH:
      return readDetach(cursor);
    case END:
      return { kind: 'end', error: readOnlyError(cursor, 'end') };
    case CLOSE:
      return { kind: 'close', error: readOnlyError(cursor, 'close') };
    default:
      throw new FramingError(`descriptor 0x${code.toString(16)} is no control frame`, 'amqp:decode-error');
  }
}

function readOpen(cursor: Cursor): OpenFrame {
  const fields = new FieldReader(cursor, 'open', 10);
  const containerId = fields.required('container-id', fields.string('container-id'));
  const hostname = fields.string('hostname');
  const maxFrameSize = fields.uint('max-frame-size');
  const channelMax = fields.uint('channel-max', 65_535);
  const idleTimeoutMs = fields.uint('idle-time-out');
  fields.symbols('outgoing-locales');
  fields.symbols('incoming-locales');
  const capabilities = readCapabilities(fields);
  return { kind: 'open', containerId, hostname, maxFrameSize, channelMax, idleTimeoutMs, ...capabilities };
}

function readBegin(cursor: Cursor): BeginFrame {
  const fields = new FieldReader(cursor, 'begin', 8);
  const remoteChannel = fields.uint('remote-channel', 65_535);
  const nextOutgoingId = fields.required('next-outgoing-id', fields.uint('next-outgoing-id'));
  const incomingWindow = fields.required('incoming-window', fields.uint('incoming-window'));
  const outgoingWindow = fields.required('outgoing-window', fields.uint('outgoing-window'));
  const handleMax = fields.uint('handle-max');
  const capabilities = readCapabilities(fields);
  return { kind: 'begin', remoteChannel, nextOutgoingId, incomingWindow, outgoingWindow, handleMax, ...capabilities };
}

function readAttach(cursor: Cursor): AttachFrame {
  const fields = new FieldReader(cursor, 'attach', 14);
  const name = fields.required('name', fields.string('name'));
  const handle = fields.required('handle', fields.uint('handle'));
  const role = fields.required('role', fields.bool('role')) ? 'receiver' : 'sender';
  const senderSettleMode = fields.choice('snd-settle-mode', SENDER_SETTLE_MODES);
  const receiverSettleMode = fields.choice('rcv-settle-mode', RECEIVER_SETTLE_MODES);
  const source = fields.composite('source', readSource);
  const { target, coordinator } = fields.composite('target', readTarget) ?? {};
  fields.skip('unsettled');
  fields.bool('incomplete-unsettled');
  const initialDeliveryCount = fields.uint('initial-delivery-count');
  const maxMessageSize = limit(fields.ulong('max-message-size'));
  const modes = { senderSettleMode, receiverSettleMode, initialDeliveryCount, maxMessageSize };
  return { kind: 'attach', name, handle, role, source, target, coordinator, ...modes, ...readCapabilities(fields) };
}

function readDetach(cursor: Cursor): DetachFrame {
  const fields = new FieldReader(cursor, 'detach', 3);
  const handle = fields.required('handle', fields.uint('handle'));
  const closed = fields.bool('closed') ?? false;
  const error = fields.composite('error', readError);
  fields.close();
  return { kind: 'detach', handle, closed, error };
}

function readOnlyError(cursor: Cursor, owner: string): PeerError | undefined {
  const fields = new FieldReader(cursor, owner, 1);
  const error = fields.composite('error', readError);
  fields.close();
  return error;
}

function readCapabilities(fields: FieldReader): Capabilities {
  const offeredCapabilities = fields.symbols('offered-capabilities');
  const desiredCapabilities = fields.symbols('desired-capabilities');
  const properties = fields.map('properties');
  fields.close();
  return { offeredCapabilities, desiredCapabilities, properties };
}

function limit(value: number | bigint | undefined): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined;
}

/**
 * A whole frame, size and header included.
 * @throws {EncodingFailure} a value in it has no form in AMQP; the path names the field
 */
export function encodeControlFrame(channel: number, frame: ControlFrame): Buffer {
  const out = beginFrame(0, channel);
  switch (frame.kind) {
    case 'open':
      writeOpen(out, frame);
      break;
    case 'begin':
      writeBegin(out, frame);
      break;
    case 'attach':
      writeAttach(out, frame);
      break;
    case 'detach':
      new FieldWriter(out, DETACH)
        .scalar('handle', 'uint', frame.handle)
        .scalar('closed', 'boolean', frame.closed)
        .composite('error', frame.error, (to) => frame.error && writeError(to, frame.error))
        .close();
      break;
    case 'end':
      writeOnlyError(out, END, frame.error);
      break;
    case 'close':
      writeOnlyError(out, CLOSE, frame.error);
      break;
  }
  return endFrame(out);
}

/** A writer behind the 8 bytes of a frame header. `type`: 0 AMQP, 1 SASL. */
export function beginFrame(type: number, channel: number): ByteWriter {
  const out = new ByteWriter();
  out.u32(0);
  out.u8(2);
  out.u8(type);
  out.u16(channel);
  return out;
}

/** The finished frame. */
export function endFrame(out: ByteWriter): Buffer {
  out.buffer.writeUInt32BE(out.position, 0);
  return out.written();
}

function writeOpen(out: ByteWriter, frame: OpenFrame): void {
  const fields = new FieldWriter(out, OPEN)
    .scalar('containerId', 'string', frame.containerId)
    .scalar('hostname', 'string', frame.hostname)
    .scalar('maxFrameSize', 'uint', frame.maxFrameSize)
    .scalar('channelMax', 'ushort', frame.channelMax)
    .scalar('idleTimeoutMs', 'uint', frame.idleTimeoutMs)
    .symbols('outgoingLocales', undefined)
    .symbols('incomingLocales', undefined);
  writeCapabilities(fields, frame);
}

function writeBegin(out: ByteWriter, frame: BeginFrame): void {
  const fields = new FieldWriter(out, BEGIN)
    .scalar('remoteChannel', 'ushort', frame.remoteChannel)
    .scalar('nextOutgoingId', 'uint', frame.nextOutgoingId)
    .scalar('incomingWindow', 'uint', frame.incomingWindow)
    .scalar('outgoingWindow', 'uint', frame.outgoingWindow)
    .scalar('handleMax', 'uint', frame.handleMax);
  writeCapabilities(fields, frame);
}

function writeAttach(out: ByteWriter, frame: AttachFrame): void {
  const { source, target, coordinator } = frame;
  const fields = new FieldWriter(out, ATTACH)
    .scalar('name', 'string', frame.name)
    .scalar('handle', 'uint', frame.handle)
    .scalar('role', 'boolean', frame.role === 'receiver')
    .choice('senderSettleMode', 'ubyte', frame.senderSettleMode, SENDER_SETTLE_MODES)
    .choice('receiverSettleMode', 'ubyte', frame.receiverSettleMode, RECEIVER_SETTLE_MODES)
    .composite('source', source, (to) => source && writeSource(to, source))
    .composite('target', coordinator ?? target, (to) => {
      if (coordinator !== undefined) writeCoordinator(to, coordinator);
      else if (target !== undefined) writeTarget(to, target);
    })
    .scalar('unsettled', 'null', undefined)
    .scalar('incompleteUnsettled', 'null', undefined)
    .scalar('initialDeliveryCount', 'uint', frame.initialDeliveryCount ?? (frame.role === 'sender' ? 0 : undefined))
    .scalar('maxMessageSize', 'ulong', frame.maxMessageSize);
  writeCapabilities(fields, frame);
}

function writeCapabilities(fields: FieldWriter, frame: Capabilities): void {
  fields
    .symbols('offeredCapabilities', frame.offeredCapabilities)
    .symbols('desiredCapabilities', frame.desiredCapabilities)
    .map('properties', frame.properties)
    .close();
}

function writeOnlyError(out: ByteWriter, code: number, error: PeerError | undefined): void {
  new FieldWriter(out, code).composite('error', error, (to) => error && writeError(to, error)).close();
}
