// One frame as one line for people. What may be secret is left out: SASL responses and challenges, message bodies (a token travels
// in one), the values of properties and filters, user info and query of an address.

import type { Terminus } from '../links.js';
import type { PeerError } from '../errors.js';
import { decodeControlFrame, type Capabilities, type ControlFrame } from '../frames/control-frames.js';
import {
  ABSENT,
  ACCEPTED_STATE,
  DECLARED_STATE,
  DISPOSITION,
  DispositionReader,
  FLOW,
  FlowReader,
  MODIFIED_STATE,
  RECEIVED_STATE,
  REJECTED_STATE,
  RELEASED_STATE,
  TRANSACTIONAL_STATE,
  TRANSFER,
  TransferReader,
} from '../frames/performatives.js';
import { decodeSaslFrame } from '../frames/sasl-frames.js';
import { describedStart, descriptorCode } from '../frames/scan.js';
import { withoutSecrets } from '../frames/without-secrets.js';
import type { Secrets } from '../secrets.js';

type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

const SASL_FRAME = 1;
const LONGEST_TEXT = 120;
const STATES: Readonly<Record<number, string>> = {
  [RECEIVED_STATE]: 'received',
  [ACCEPTED_STATE]: 'accepted',
  [REJECTED_STATE]: 'rejected',
  [RELEASED_STATE]: 'released',
  [MODIFIED_STATE]: 'modified',
  [DECLARED_STATE]: 'declared',
  [TRANSACTIONAL_STATE]: 'transactional',
};

/** The frame `buffer[start, end)`, its body from `bodyStart`. Never throws. */
export function frameLine(buffer: Buffer, start: number, end: number, bodyStart: number, secrets: Secrets): string {
  try {
    if (bodyStart === end) return 'EMPTY';
    const body = [buffer, bodyStart, end] as const;
    if (buffer[start + 5] === SASL_FRAME) return saslLine(...body);
    const channel = buffer.readUInt16BE(start + 6);
    const code = descriptorCode(...body);
    if (code === TRANSFER || code === DISPOSITION || code === FLOW) return dataLine(code, channel, ...body);
    const frame = withoutSecrets(decodeControlFrame(...body), secrets);
    return line(frame.kind, { channel, ...controlFields(frame) });
  } catch {
    return `UNREADABLE, ${end - start} bytes`;
  }
}

function saslLine(buffer: Buffer, bodyStart: number, end: number): string {
  const frame = decodeSaslFrame(buffer, bodyStart, end);
  switch (frame.kind) {
    case 'sasl-mechanisms':
      return line(frame.kind, { mechanisms: list(frame.mechanisms) });
    case 'sasl-init':
      return line(frame.kind, { mechanism: text(frame.mechanism), hostname: text(frame.hostname) });
    case 'sasl-outcome':
      return line(frame.kind, { code: frame.code });
    case 'sasl-challenge':
    case 'sasl-response':
      return line(frame.kind, {});
  }
}

function dataLine(code: number, channel: number, buffer: Buffer, bodyStart: number, end: number): string {
  const start = describedStart(buffer, bodyStart);
  if (code === TRANSFER) {
    const frame = new TransferReader();
    const payload = frame.read(buffer, start, end);
    const { handle, settled, more, aborted } = frame;
    const ids = { 'delivery-id': present(frame.deliveryId), format: present(frame.messageFormat) || undefined };
    return line('transfer', { channel, handle, ...ids, settled, more, aborted, bytes: end - payload });
  }
  if (code === DISPOSITION) {
    const frame = new DispositionReader();
    frame.read(buffer, start, end);
    const { first, last, settled, stateCode } = frame;
    const state = stateCode === ABSENT ? undefined : (STATES[stateCode] ?? 'other');
    return line('disposition', {
      channel,
      role: frame.fromReceiver ? 'receiver' : 'sender',
      first,
      last,
      settled,
      state,
    });
  }
  const frame = new FlowReader();
  frame.read(buffer, start, end);
  const windows = { 'incoming-window': frame.incomingWindow, 'outgoing-window': frame.outgoingWindow };
  const link = {
    handle: present(frame.handle),
    credit: present(frame.linkCredit),
    'delivery-count': present(frame.deliveryCount),
  };
  return line('flow', { channel, ...link, ...windows, drain: frame.drain, echo: frame.echo });
}

function controlFields(frame: ControlFrame): Fields {
  switch (frame.kind) {
    case 'open':
      return {
        'container-id': text(frame.containerId),
        hostname: text(frame.hostname),
        'max-frame-size': frame.maxFrameSize,
        'channel-max': frame.channelMax,
        'idle-time-out': frame.idleTimeoutMs,
        ...capabilities(frame),
      };
    case 'begin':
      return {
        'remote-channel': frame.remoteChannel,
        'incoming-window': frame.incomingWindow,
        'outgoing-window': frame.outgoingWindow,
        'handle-max': frame.handleMax,
        ...capabilities(frame),
      };
    case 'attach':
      return {
        handle: frame.handle,
        name: text(frame.name),
        role: frame.role,
        source: terminus(frame.source),
        target: frame.coordinator === undefined ? terminus(frame.target) : 'coordinator',
        'snd-settle-mode': frame.senderSettleMode,
        'rcv-settle-mode': frame.receiverSettleMode,
        'max-message-size': frame.maxMessageSize,
        ...capabilities(frame),
      };
    case 'detach':
      return { handle: frame.handle, closed: frame.closed, error: failure(frame.error) };
    case 'end':
    case 'close':
      return { error: failure(frame.error) };
  }
}

function capabilities({ offeredCapabilities, desiredCapabilities, properties }: Capabilities): Fields {
  return {
    offered: list(offeredCapabilities),
    desired: list(desiredCapabilities),
    properties: list(properties === undefined ? undefined : Object.keys(properties)),
  };
}

function terminus(value: Terminus | undefined): string {
  if (value === undefined) return 'null';
  const { address, dynamic, filters } = value;
  const name =
    dynamic === true
      ? 'dynamic'
      : address === undefined || address === null
        ? 'anonymous'
        : text(shownAddress(address));
  const names = Object.keys(filters ?? {});
  return `${name}${names.length === 0 ? '' : ` filter=${list(names)}`}`;
}

function shownAddress(address: string): string {
  return address.replace(/\/\/[^/@]*@/, '//***@').replace(/\?.*$/s, '?***');
}

function failure(error: PeerError | undefined): string | undefined {
  if (error === undefined) return undefined;
  return `${text(error.condition)}${error.description === undefined ? '' : ` ${text(error.description)}`}`;
}

/** Flags only where they are set. */
function line(kind: string, fields: Fields): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined && value !== false);
  return [kind.toUpperCase(), ...shown.map(([name, value]) => (value === true ? name : `${name}=${value}`))].join(' ');
}

function present(value: number): number | undefined {
  return value === ABSENT ? undefined : value;
}

function list(values: readonly string[] | undefined): string | undefined {
  return values === undefined || values.length === 0 ? undefined : text(values.join(','));
}

/** As JSON: a peer's line breaks and terminal codes are not ours to print. */
function text<Text extends string | undefined>(value: Text): Text | string {
  if (value === undefined) return value;
  return JSON.stringify(value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}...` : value);
}
