// A message arriving at the broker: where its sections lie. Nothing is decoded here, so that a large body is never looked at.

import { DecodeError, describedStart, descriptorCode, scanValue } from '../../protocol/acceptor/index.js';

/** A part of a buffer, `end` exclusive. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** Where the sections of an encoded message (section 3.2) lie; the slices are those of the values, without descriptors. */
export interface Sections {
  readonly header: Slice | undefined;
  readonly annotations: Slice | undefined;
  readonly properties: Slice | undefined;
  readonly applicationProperties: Slice | undefined;
  /** Properties to footer with their descriptors: what an intermediary must not change. */
  readonly bare: Slice;
}

const HEADER = 0x70;
const DELIVERY_ANNOTATIONS = 0x71;
const MESSAGE_ANNOTATIONS = 0x72;
const PROPERTIES = 0x73;
const APPLICATION_PROPERTIES = 0x74;
const FOOTER = 0x78;

/**
 * Finds the sections of `bytes[start, end)`.
 *
 * @throws {DecodeError} bytes that are no sections, or sections twice or out of order
 */
export function findSections(bytes: Buffer, start: number, end: number): Sections {
  let header: Slice | undefined;
  let annotations: Slice | undefined;
  let properties: Slice | undefined;
  let applicationProperties: Slice | undefined;
  let bareStart = end;
  let last = HEADER - 1;
  for (let at = start; at < end;) {
    const section = sectionAt(bytes, at, end);
    // Several data or sequence sections may follow each other; everything else comes once.
    const mayRepeat = section.code === 0x75 || section.code === 0x76;
    if (section.code < last || (section.code === last && !mayRepeat)) {
      throw new DecodeError(`the message has section 0x${section.code.toString(16)} twice or out of order`);
    }
    last = section.code;
    if (section.code >= PROPERTIES && bareStart === end) bareStart = at;
    if (section.code === HEADER) header = section.value;
    else if (section.code === MESSAGE_ANNOTATIONS) annotations = section.value;
    else if (section.code === PROPERTIES) properties = section.value;
    else if (section.code === APPLICATION_PROPERTIES) applicationProperties = section.value;
    at = section.value.end;
  }
  return { header, annotations, properties, applicationProperties, bare: { start: bareStart, end } };
}

/** The slice of one field of the list at `list.start`; `undefined` when the list is shorter or the value is no list. */
export function listField(bytes: Buffer, list: Slice, index: number): Slice | undefined {
  const code = bytes[list.start];
  const isShort = code === 0xc0;
  if (!isShort && code !== 0xd0) return undefined;
  const count = isShort ? bytes.readUInt8(list.start + 2) : bytes.readUInt32BE(list.start + 5);
  if (index >= count) return undefined;
  let at = list.start + (isShort ? 3 : 9);
  for (let field = 0; field < index; field++) at = scanValue(bytes, at, list.end);
  return { start: at, end: scanValue(bytes, at, list.end) };
}

function sectionAt(bytes: Buffer, at: number, end: number): { readonly code: number; readonly value: Slice } {
  try {
    const code = descriptorCode(bytes, at, end);
    if (code < HEADER || code > FOOTER) throw new DecodeError(`there is no message section 0x${code.toString(16)}`);
    const start = describedStart(bytes, at);
    const isBody = code > APPLICATION_PROPERTIES;
    const value = { start, end: isBody ? skipValue(bytes, start, end) : scanValue(bytes, start, end) };
    if (!isBody && !isContainer(bytes[start], code)) {
      throw new DecodeError(`message section 0x${code.toString(16)} has a value of the wrong type`);
    }
    return { code, value };
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError('the message cannot be split into its sections', { cause: error });
  }
}

/** Over a body or footer: only its own size is read, nothing inside it; a receiver may find more wrong with it than the broker. */
function skipValue(bytes: Buffer, start: number, end: number): number {
  const code = bytes[start] ?? 0;
  let after = end + 1;
  if (code === 0) after = skipValue(bytes, scanValue(bytes, start + 1, end), end);
  else if (code < 0xa0) after = scanValue(bytes, start, end);
  else if (isShortWidth(code)) after = start + 2 + (bytes[start + 1] ?? end);
  else if (start + 5 <= end) after = start + 5 + bytes.readUInt32BE(start + 1);
  if (after > end) throw new DecodeError('a message section is longer than the message');
  return after;
}

/** 0xa_, 0xc_ and 0xe_ say their size in one byte, 0xb_, 0xd_ and 0xf_ in four. */
function isShortWidth(code: number): boolean {
  return ((code >> 4) & 1) === 0;
}

/** Header and properties are lists, the others maps. Delivery annotations are checked like the rest, though they end here. */
function isContainer(code: number | undefined, section: number): boolean {
  if (section === HEADER || section === PROPERTIES) return code === 0x45 || code === 0xc0 || code === 0xd0;
  if (section === DELIVERY_ANNOTATIONS && code === 0x40) return true;
  return code === 0xc1 || code === 0xd1;
}
