// A message's path, the frame: TRANSFER, DISPOSITION and FLOW as they go out, written at an offset of a buffer that has the room.

import { DISPOSITION, FLOW, TRANSFER } from './performatives.js';

const NULL = 0x40;

/** Room that any frame written here needs beside its payload and a state of `stateBytes`. */
export function frameRoom(stateBytes: number): number {
  return 64 + stateBytes;
}

/** The first frame of a delivery; its tag is the four bytes of its id. @returns where the payload goes */
export function writeTransferHead(
  buffer: Buffer,
  start: number,
  channel: number,
  handle: number,
  deliveryId: number,
  messageFormat: number,
  settled: boolean,
  more: boolean,
  state: Buffer | undefined,
): number {
  const wide = state !== undefined && state.length > 180;
  let at = openList(buffer, start, channel, TRANSFER, wide);
  at = writeUint(buffer, at, handle);
  buffer[at] = 0x70;
  buffer[at + 5] = 0xa0;
  buffer[at + 6] = 4;
  buffer[at + 1] = buffer[at + 7] = deliveryId >>> 24;
  buffer[at + 2] = buffer[at + 8] = deliveryId >>> 16;
  buffer[at + 3] = buffer[at + 9] = deliveryId >>> 8;
  buffer[at + 4] = buffer[at + 10] = deliveryId;
  at = writeUint(buffer, at + 11, messageFormat);
  buffer[at++] = settled ? 0x41 : 0x42;
  let count = 5;
  if (more || state !== undefined) {
    count = 6;
    buffer[at++] = more ? 0x41 : 0x42;
  }
  if (state !== undefined) {
    count = 8;
    buffer[at++] = NULL;
    at += state.copy(buffer, at);
  }
  closeList(buffer, start, at, count, wide);
  return at;
}

/** A later frame of a delivery. @returns where the payload goes */
export function writeTransferPart(
  buffer: Buffer,
  start: number,
  channel: number,
  handle: number,
  settled: boolean,
  more: boolean,
  aborted: boolean,
): number {
  let at = openList(buffer, start, channel, TRANSFER, false);
  at = writeUint(buffer, at, handle);
  buffer[at] = buffer[at + 1] = buffer[at + 2] = NULL;
  buffer[at + 3] = settled ? 0x41 : 0x42;
  buffer[at + 4] = more ? 0x41 : 0x42;
  at += 5;
  let count = 6;
  if (aborted) {
    count = 10;
    buffer[at] = buffer[at + 1] = buffer[at + 2] = NULL;
    buffer[at + 3] = 0x41;
    at += 4;
  }
  closeList(buffer, start, at, count, false);
  return at;
}

/** A whole DISPOSITION frame that settles `first` to `last`. @returns its end */
export function writeDisposition(
  buffer: Buffer,
  start: number,
  channel: number,
  fromReceiver: boolean,
  first: number,
  last: number,
  state: Buffer | undefined,
): number {
  const wide = state !== undefined && state.length > 180;
  let at = openList(buffer, start, channel, DISPOSITION, wide);
  buffer[at++] = fromReceiver ? 0x41 : 0x42;
  at = writeUint(buffer, at, first);
  if (first === last) buffer[at++] = NULL;
  else at = writeUint(buffer, at, last);
  buffer[at++] = 0x41;
  let count = 4;
  if (state !== undefined) {
    count = 5;
    at += state.copy(buffer, at);
  }
  closeList(buffer, start, at, count, wide);
  closeFrame(buffer, start, at);
  return at;
}

/** What a FLOW says of its session; the link's part follows where there is one. */
export interface SessionFlow {
  readonly nextIncomingId: number;
  readonly incomingWindow: number;
  readonly nextOutgoingId: number;
  readonly outgoingWindow: number;
}

export interface LinkFlow {
  readonly handle: number;
  readonly deliveryCount: number;
  readonly credit: number;
  readonly draining: boolean;
}

/** A whole FLOW frame. @returns its end */
export function writeFlow(
  buffer: Buffer,
  start: number,
  channel: number,
  session: SessionFlow,
  link: LinkFlow | undefined,
): number {
  let at = openList(buffer, start, channel, FLOW, false);
  at = writeUint(buffer, at, session.nextIncomingId);
  at = writeUint(buffer, at, session.incomingWindow);
  at = writeUint(buffer, at, session.nextOutgoingId);
  at = writeUint(buffer, at, session.outgoingWindow);
  let count = 4;
  if (link !== undefined) {
    count = 9;
    at = writeUint(buffer, at, link.handle);
    at = writeUint(buffer, at, link.deliveryCount);
    at = writeUint(buffer, at, link.credit);
    buffer[at++] = NULL;
    buffer[at++] = link.draining ? 0x41 : 0x42;
  }
  closeList(buffer, start, at, count, false);
  closeFrame(buffer, start, at);
  return at;
}

/** Writes a frame's size once its end is known. */
export function closeFrame(buffer: Buffer, start: number, end: number): void {
  const size = end - start;
  buffer[start] = size >>> 24;
  buffer[start + 1] = size >>> 16;
  buffer[start + 2] = size >>> 8;
  buffer[start + 3] = size;
}

function openList(buffer: Buffer, start: number, channel: number, code: number, wide: boolean): number {
  buffer[start + 4] = 2;
  buffer[start + 5] = 0;
  buffer[start + 6] = channel >>> 8;
  buffer[start + 7] = channel;
  buffer[start + 8] = 0;
  buffer[start + 9] = 0x53;
  buffer[start + 10] = code;
  buffer[start + 11] = wide ? 0xd0 : 0xc0;
  return start + (wide ? 20 : 14);
}

function closeList(buffer: Buffer, start: number, end: number, count: number, wide: boolean): void {
  if (wide) {
    buffer.writeUInt32BE(end - start - 16, start + 12);
    buffer.writeUInt32BE(count, start + 16);
  } else {
    buffer[start + 12] = end - start - 13;
    buffer[start + 13] = count;
  }
}

function writeUint(buffer: Buffer, at: number, value: number): number {
  if (value === 0) {
    buffer[at] = 0x43;
    return at + 1;
  }
  if (value < 256) {
    buffer[at] = 0x52;
    buffer[at + 1] = value;
    return at + 2;
  }
  buffer[at] = 0x70;
  buffer[at + 1] = value >>> 24;
  buffer[at + 2] = value >>> 16;
  buffer[at + 3] = value >>> 8;
  buffer[at + 4] = value;
  return at + 5;
}
