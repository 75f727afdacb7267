// A message's path, the frame: TRANSFER, DISPOSITION and FLOW (sections 2.7.4 to 2.7.6) as they come in. A reader keeps the fields of the
// last frame, is read again for the next, and is owned by one plane.

import { ABSENT, ListReader, byteAt, malformed, uint32At } from './list-reader.js';

export { ABSENT } from './list-reader.js';

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

/** A state whose descriptor is not written in the usual three bytes: decoded to know. */
export const OTHER_STATE = -2;

const NULL = 0x40;

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
