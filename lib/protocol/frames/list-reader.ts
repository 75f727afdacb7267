// A message's path, the frame: the fields of one performative, read without an object for each.

import { FramingError, scanValue } from './scan.js';

/** A number field that is not there. */
export const ABSENT = -1;

const NULL = 0x40;
const NO_BYTES = Buffer.alloc(0);

/** Walks the list of one performative. Every step is bounds-checked: the frame was sized, not decoded, before. */
export class ListReader {
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

export function byteAt(buffer: Buffer, at: number): number {
  return buffer[at] ?? 0;
}

export function uint32At(buffer: Buffer, at: number): number {
  return (
    ((byteAt(buffer, at) << 24) |
      (byteAt(buffer, at + 1) << 16) |
      (byteAt(buffer, at + 2) << 8) |
      byteAt(buffer, at + 3)) >>>
    0
  );
}

export function malformed(message: string): FramingError {
  return new FramingError(message, 'amqp:decode-error');
}
