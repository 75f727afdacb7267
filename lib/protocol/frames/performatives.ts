// A message's path, the frame: TRANSFER, DISPOSITION and FLOW (sections 2.7.4 to 2.7.6) without an object per frame.
// Readers keep the fields of the last frame and are owned by one plane; writers put a frame at an offset and return its end.

import { FramingError, scanValue } from './scan.js';

export const FLOW = 0x13;
export const TRANSFER = 0x14;
export const DISPOSITION = 0x15;

/** Descriptors of delivery states (sections 3.4 and 4.5). */
export const RECEIVED_STATE = 0x23;
export const ACCEPTED_STATE = 0x24;
export const REJECTED_STATE = 0x25;
export const RELEASED_STATE = 0x26;
export const MODIFIED_STATE = 0x27;
export const DECLARED_STATE = 0x33;
export const TRANSACTIONAL_STATE = 0x34;

/** A number field that is not there. */
export const ABSENT = -1;
/** A state whose descriptor is not written in the usual three bytes: decoded to know. */
export const OTHER_STATE = -2;

const NULL = 0x40;
const NO_BYTES = Buffer.alloc(0);

/** Walks the list of one performative. Every step is bounds-checked: the frame was sized, not decoded, before. */
class ListReader {
  protected buffer: Buffer = NO_BYTES;
  protected at = 0;
  protected end = 0;
  protected count = 0;

  /** @param start the list, behind the descriptor; @returns where the list ends */
  protected open(buffer: Buffer, start: number, end: number, maxCount: number): number {
    this.buffer = buffer;
    const code = start < end ? byteAt(buffer, start) : 0;
    let listEnd: number;
    if (code === 0xc0 && start + 3 <= end) {
      listEnd = start + 2 + byteAt(buffer, start + 1);
      this.count = byteAt(buffer, start + 2);
      this.at = start + 3;
    } else if (code === 0xd0 && start + 9 <= end) {
      listEnd = start + 5 + buffer.readUInt32BE(start + 1);
      this.count = buffer.readUInt32BE(start + 5);
      this.at = start + 9;
    } else if (code === 0x45) {
      listEnd = start + 1;
      this.count = 0;
      this.at = listEnd;
    } else {
      throw malformed('a performative is not a list');
    }
    if (listEnd > end || listEnd < this.at) throw malformed('a performative is longer than its frame');
    if (this.count > maxCount) throw malformed('a performative has too many fields');
    this.end = listEnd;
    return listEnd;
  }

  protected close(): void {
    if (this.at !== this.end) throw malformed('a performative is longer than its fields');
  }

  protected uint(): number {
    const buffer = this.buffer;
    const at = this.at;
    const code = at < this.end ? byteAt(buffer, at) : 0;
    switch (code) {
      case 0x43:
        this.at = at + 1;
        return 0;
      case 0x52:
        if (at + 2 > this.end) break;
        this.at = at + 2;
        return byteAt(buffer, at + 1);
      case 0x70:
        if (at + 5 > this.end) break;
        this.at = at + 5;
        return uint32At(buffer, at + 1);
      case NULL:
        this.at = at + 1;
        return ABSENT;
    }
    throw malformed('a performative has no unsigned integer where one belongs');
  }

  protected flag(): boolean {
    const at = this.at;
    const code = at < this.end ? byteAt(this.buffer, at) : 0;
    this.at = at + 1;
    switch (code) {
      case 0x41:
        return true;
      case 0x42:
      case NULL:
        return false;
      case 0x56:
        if (at + 2 > this.end) break;
        this.at = at + 2;
        return this.buffer[at + 1] === 1;
    }
    throw malformed('a performative has no boolean where one belongs');
  }

  protected isNull(): boolean {
    if (this.at >= this.end || this.buffer[this.at] !== NULL) return false;
    this.at += 1;
    return true;
  }

  /** Any value: checked in structure, not decoded. */
  protected skip(): void {
    if (this.at >= this.end) throw malformed('a performative ends inside a field');
    this.at = scanValue(this.buffer, this.at, this.end);
  }
}

/** The fields of one TRANSFER. */
export class TransferReader extends ListReader {
  handle = 0;
  deliveryId = ABSENT;
  /** Of the delivery-tag in the frame's buffer; equal when there is none. */
  tagStart = 0;
  tagEnd = 0;
  messageFormat = ABSENT;
  settled = false;
  more = false;
  aborted = false;
  /** Of the state's described value; equal when there is none. */
  stateStart = 0;
  stateEnd = 0;

  /** @returns where the payload starts */
  read(buffer: Buffer, start: number, end: number): number {
    const payload = this.open(buffer, start, end, 11);
    const count = this.count;
    this.deliveryId = ABSENT;
    this.messageFormat = ABSENT;
    this.tagStart = this.tagEnd = this.stateStart = this.stateEnd = 0;
    this.settled = this.more = this.aborted = false;
    this.handle = count > 0 ? this.uint() : ABSENT;
    if (this.handle === ABSENT) throw malformed('a transfer without a handle');
    if (count > 1) this.deliveryId = this.uint();
    if (count > 2) this.readTag();
    if (count > 3) this.messageFormat = this.uint();
    if (count > 4) this.settled = this.flag();
    if (count > 5) this.more = this.flag();
    if (count > 6) this.readRare(count);
    this.close();
    return payload;
  }

  private readTag(): void {
    const at = this.at;
    const code = at < this.end ? byteAt(this.buffer, at) : 0;
    if (code === 0xa0 && at + 2 <= this.end) {
      this.tagStart = at + 2;
      this.tagEnd = this.tagStart + byteAt(this.buffer, at + 1);
    } else if (code === 0xb0 && at + 5 <= this.end) {
      this.tagStart = at + 5;
      this.tagEnd = this.tagStart + uint32At(this.buffer, at + 1);
    } else if (code === NULL) {
      this.at = at + 1;
      return;
    } else {
      throw malformed('a delivery-tag is not binary');
    }
    if (this.tagEnd > this.end) throw malformed('a delivery-tag is longer than its frame');
    if (this.tagEnd - this.tagStart > 32) throw malformed('a delivery-tag is longer than 32 bytes');
    this.at = this.tagEnd;
  }

  private readRare(count: number): void {
    this.skip(); // rcv-settle-mode: always first here
    if (count > 7 && !this.isNull()) {
      this.stateStart = this.at;
      this.skip();
      this.stateEnd = this.at;
    }
    if (count > 8) this.flag(); // resume: not supported, a resumed delivery is a new one
    if (count > 9) this.aborted = this.flag();
    if (count > 10) this.flag();
  }
}

/** The fields of one DISPOSITION. */
export class DispositionReader extends ListReader {
  /** The frame comes from the receiving end: it speaks of what we sent. */
  fromReceiver = false;
  first = 0;
  last = 0;
  settled = false;
  /** `ABSENT`: no state. */
  stateCode = ABSENT;
  stateStart = 0;
  stateEnd = 0;

  read(buffer: Buffer, start: number, end: number): void {
    this.open(buffer, start, end, 6);
    const count = this.count;
    if (count < 2) throw malformed('a disposition without role and first');
    this.fromReceiver = this.flag();
    this.first = this.uint();
    if (this.first === ABSENT) throw malformed('a disposition without first');
    this.last = count > 2 ? this.uint() : ABSENT;
    if (this.last === ABSENT) this.last = this.first;
    this.settled = count > 3 && this.flag();
    this.stateCode = ABSENT;
    this.stateStart = this.stateEnd = 0;
    if (count > 4 && !this.isNull()) this.readState();
    if (count > 5) this.flag();
    this.close();
  }

  private readState(): void {
    const { buffer, at } = this;
    this.stateStart = at;
    if (at + 4 <= this.end && buffer[at] === 0 && buffer[at + 1] === 0x53 && buffer[at + 3] === 0x45) {
      this.stateCode = byteAt(buffer, at + 2);
      this.at = at + 4;
    } else {
      this.skip();
      this.stateCode = buffer[at] === 0 && buffer[at + 1] === 0x53 ? byteAt(buffer, at + 2) : OTHER_STATE;
    }
    this.stateEnd = this.at;
  }
}

/** The fields of one FLOW. */
export class FlowReader extends ListReader {
  nextIncomingId = ABSENT;
  incomingWindow = 0;
  nextOutgoingId = 0;
  outgoingWindow = 0;
  handle = ABSENT;
  deliveryCount = ABSENT;
  linkCredit = ABSENT;
  available = ABSENT;
  drain = false;
  echo = false;

  read(buffer: Buffer, start: number, end: number): void {
    this.open(buffer, start, end, 11);
    const count = this.count;
    if (count < 4) throw malformed('a flow without the windows of its session');
    this.nextIncomingId = this.uint();
    this.incomingWindow = this.uint();
    this.nextOutgoingId = this.uint();
    this.outgoingWindow = this.uint();
    if (this.incomingWindow === ABSENT || this.nextOutgoingId === ABSENT || this.outgoingWindow === ABSENT)
      throw malformed('a flow without the windows of its session');
    this.handle = count > 4 ? this.uint() : ABSENT;
    this.deliveryCount = count > 5 ? this.uint() : ABSENT;
    this.linkCredit = count > 6 ? this.uint() : ABSENT;
    this.available = count > 7 ? this.uint() : ABSENT;
    this.drain = count > 8 && this.flag();
    this.echo = count > 9 && this.flag();
    if (count > 10) this.skip();
    this.close();
  }
}

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

function byteAt(buffer: Buffer, at: number): number {
  return buffer[at] ?? 0;
}

function uint32At(buffer: Buffer, at: number): number {
  return (
    ((byteAt(buffer, at) << 24) |
      (byteAt(buffer, at + 1) << 16) |
      (byteAt(buffer, at + 2) << 8) |
      byteAt(buffer, at + 3)) >>>
    0
  );
}

function malformed(message: string): FramingError {
  return new FramingError(message, 'amqp:decode-error');
}
