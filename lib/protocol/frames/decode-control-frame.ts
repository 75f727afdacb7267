import { DecodeError, type PeerError } from '../errors.js';
import { Cursor } from '../types/cursor.js';
import {
  ATTACH,
  type AttachFrame,
  BEGIN,
  type BeginFrame,
  type Capabilities,
  CLOSE,
  type ControlFrame,
  DETACH,
  type DetachFrame,
  END,
  OPEN,
  type OpenFrame,
  RECEIVER_SETTLE_MODES,
  SENDER_SETTLE_MODES,
} from './control-frame.js';
import { FieldReader } from './field-reader.js';
import { FramingError } from './framing-error.js';
import { describedStart, descriptorCode, scanFrameBody } from './scan.js';
import { readError, readSource, readTarget } from './terminus.js';

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
  // Mandatory for a sender; a peer that leaves it out begins at 0.
  const initialDeliveryCount = fields.uint('initial-delivery-count') ?? (role === 'sender' ? 0 : undefined);
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
