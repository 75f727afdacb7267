import type { PeerError } from '../errors.js';
import { ByteWriter } from '../types/encode.js';
import {
  ATTACH,
  type AttachFrame,
  BEGIN,
  type BeginFrame,
  type Capabilities,
  CLOSE,
  type ControlFrame,
  DETACH,
  END,
  OPEN,
  type OpenFrame,
  RECEIVER_SETTLE_MODES,
  SENDER_SETTLE_MODES,
} from './control-frame.js';
import { FieldWriter } from './field-writer.js';
import { writeCoordinator, writeError, writeSource, writeTarget } from './terminus.js';

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
