// What is fuzzed, and what must hold for whatever bytes. RELIABILITY section 5, targets a (byte streams), b (scan against decoder) and e (round trips).

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { DecodeError, EncodingFailure } from '../../lib/protocol/errors.js';
import { decodeControlFrame, encodeControlFrame } from '../../lib/protocol/frames/control-frames.js';
import { Framer } from '../../lib/protocol/frames/framer.js';
import { FramingError, scanFrameBody } from '../../lib/protocol/frames/scan.js';
import { decodeSaslFrame, encodeSaslFrame } from '../../lib/protocol/frames/sasl-frames.js';
import type { AmqpMessage } from '../../lib/protocol/message/amqp-message.js';
import { decodeDataSections, decodeMessageInto } from '../../lib/protocol/message/decode-message.js';
import { encodedSizeBound, encodeMessage } from '../../lib/protocol/message/encode-message.js';
import { decodeValue } from '../../lib/protocol/types/decode.js';
import { encodeValue } from '../../lib/protocol/types/encode.js';
import { compound, mutate, wireValue } from './random-bytes.js';
import { randomMessage } from './random-value.js';
import { SeededRandom } from './seeded-random.js';

export interface FuzzTarget {
  readonly name: string;
  /** Longest one input may keep the event loop; a slow one is tried again. */
  readonly slowestMs: number;
  /** One input, the same for the same random numbers. */
  make(random: SeededRandom): Buffer;
  /** Throws when something does not hold that must hold for every input. Takes as long for an input each time. */
  check(input: Buffer): void;
}

const MAX_FRAME_SIZE = 4096;

export const TARGETS: readonly FuzzTarget[] = [
  { name: 'stream', slowestMs: 100, make: makeStream, check: checkStream },
  { name: 'frame-body', slowestMs: 50, make: makeFrameBody, check: checkFrameBody },
  { name: 'value', slowestMs: 500, make: makeValue, check: checkValue },
  { name: 'message', slowestMs: 500, make: makeMessage, check: checkMessage },
];

/** Runs a check and holds it to its time: of the processor, since others may use the machine too. */
export function checkInTime(target: FuzzTarget, input: Buffer): void {
  let elapsedMs = 0;
  for (let times = 0; times < 3; times++) {
    const started = process.cpuUsage();
    target.check(input);
    const { user, system } = process.cpuUsage(started);
    elapsedMs = (user + system) / 1000;
    if (elapsedMs < target.slowestMs) return;
  }
  throw new Error(`${target.name}: ${input.length} bytes took ${elapsedMs.toFixed(0)} ms three times`);
}

/** The name of a crasher under test/corpus; its target is what stands before the first dot. */
export function corpusName(target: FuzzTarget, input: Buffer): string {
  return `${target.name}.${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`;
}

// ---- a: byte streams ----

function makeStream(random: SeededRandom): Buffer {
  const parts: Buffer[] = random.oneIn(3) ? [] : [Buffer.from('AMQP\0\x01\0\0', 'latin1')];
  for (let left = 1 + random.below(6); left > 0; left--) {
    const body = random.oneIn(4) ? Buffer.alloc(0) : random.bytes(random.below(random.oneIn(4) ? 3000 : 40));
    const extended = random.oneIn(6) ? random.below(8) * 4 : 0;
    const frame = Buffer.alloc(8 + extended + body.length);
    frame.writeUInt32BE(random.oneIn(20) ? random.uint32() : frame.length, 0);
    frame[4] = random.oneIn(20) ? random.below(256) : 2 + extended / 4;
    frame[5] = random.oneIn(5) ? random.below(256) : 0;
    body.copy(frame, 8 + extended);
    parts.push(frame);
  }
  const stream = Buffer.concat(parts);
  return random.oneIn(3) ? mutate(random, stream) : stream;
}

/** However a stream is cut, the same frames come out and the same error ends it. */
function checkStream(input: Buffer): void {
  const whole = framesOf(input, () => input.length);
  const random = new SeededRandom(input.length * 31 + (input[input.length - 1] ?? 0));
  const cuts = [() => 1, () => 1 + random.below(3), () => 1 + random.below(600)];
  for (const cut of cuts) {
    const pieces = framesOf(input, cut);
    if (!isDeepStrictEqual(pieces, whole)) throw new Error('the frames depend on how the stream was cut');
  }
}

function framesOf(input: Buffer, nextLength: () => number): string[] {
  const seen: string[] = [];
  const framer = new Framer(MAX_FRAME_SIZE, {
    header: (bytes) => void seen.push(`header ${bytes.toString('hex')}`),
    frame: (buffer, start, size, bodyStart) => {
      if (size > MAX_FRAME_SIZE || bodyStart < start + 8 || bodyStart > start + size)
        throw new Error('a frame out of bounds');
      seen.push(`frame ${bodyStart - start} ${buffer.toString('hex', start, start + size)}`);
    },
  });
  let position = 0;
  try {
    while (position < input.length) {
      const end = Math.min(input.length, position + nextLength());
      framer.push(input.subarray(position, end));
      position = end;
    }
  } catch (error) {
    if (!(error instanceof FramingError)) throw error;
    seen.push(`error ${error.message}`);
  }
  return seen;
}

// ---- b: scan against decoder ----

const FRAME_CODES = [0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x40, 0x41, 0x42, 0x43, 0x44];

function makeFrameBody(random: SeededRandom): Buffer {
  const fields = Array.from({ length: random.below(15) }, () => fieldOf(random));
  const list = compound(0xc0, fields.length, Buffer.concat(fields), random.oneIn(2));
  const body = Buffer.concat([Buffer.from([0, 0x53, random.pick(FRAME_CODES)]), list]);
  return random.oneIn(4) ? body : mutate(random, body);
}

/** What performatives hold most: small numbers, booleans, names, nulls. */
function fieldOf(random: SeededRandom): Buffer {
  switch (random.below(5)) {
    case 0:
      return Buffer.from([0x40]);
    case 1:
      return Buffer.from([random.pick([0x41, 0x42, 0x43])]);
    case 2:
      return Buffer.from([0x52, random.below(4)]);
    case 3:
      return Buffer.from([0xa1, 2, 0x6c, 0x31]);
    default:
      return wireValue(random);
  }
}

/** What the scan lets through decodes, or is refused with the right error; what became a frame can be written and read again. */
function checkFrameBody(input: Buffer): void {
  if (attempt(FramingError, () => scanFrameBody(input, 0, input.length) ?? true) !== undefined)
    attempt(DecodeError, () => decodeValue(input) ?? true);
  const control = attempt(FramingError, () => decodeControlFrame(input, 0, input.length));
  if (control !== undefined) {
    const written = attempt(EncodingFailure, () => encodeControlFrame(0, control));
    if (written !== undefined) same(decodeControlFrame(written, 8, written.length), control, 'a control frame');
  }
  const sasl = attempt(FramingError, () => decodeSaslFrame(input, 0, input.length));
  if (sasl !== undefined) {
    const written = attempt(EncodingFailure, () => encodeSaslFrame(sasl));
    if (written !== undefined) same(decodeSaslFrame(written, 8, written.length), sasl, 'a SASL frame');
  }
}

// ---- e: round trips ----

function makeValue(random: SeededRandom): Buffer {
  const bytes = wireValue(random);
  return random.oneIn(3) ? bytes : mutate(random, bytes);
}

/** What was decoded encodes again, or is refused with the right error, and then decodes to the same. */
function checkValue(input: Buffer): void {
  const decoded = attempt(DecodeError, () => ({ value: decodeValue(input) }));
  if (decoded === undefined) return;
  const written = attempt(EncodingFailure, () => encodeValue(decoded.value));
  if (written !== undefined) same(decodeValue(written), decoded.value, 'a value');
}

function makeMessage(random: SeededRandom): Buffer {
  const bytes = random.oneIn(3) ? sections(random) : encodeMessage(randomMessage(random));
  return random.oneIn(4) ? bytes : mutate(random, bytes);
}

/** Sections with whatever inside, mostly in order. */
function sections(random: SeededRandom): Buffer {
  const codes = Array.from({ length: 1 + random.below(6) }, () => 0x6f + random.below(11));
  if (!random.oneIn(3)) codes.sort((left, right) => left - right);
  return Buffer.concat(codes.flatMap((code) => [Buffer.from([0, 0x53, code]), wireValue(random)]));
}

/** As for values; and the bound is never too small. */
function checkMessage(input: Buffer): void {
  attempt(DecodeError, () => decodeDataSections(input, 0, input.length));
  const message = attempt(DecodeError, () => decodeMessage(input));
  if (message === undefined) return;
  const written = attempt(EncodingFailure, () => encodeMessage(message));
  if (written === undefined) return;
  if (written.length > encodedSizeBound(message)) throw new Error('the bound is too small');
  // A message without a body is written with a null value, as section 3.2 asks for one.
  const expected = message.bodyType === 'none' ? { ...message, bodyType: 'value', body: null } : message;
  same(decodeMessage(written), expected, 'a message');
}

export function decodeMessage(bytes: Buffer): AmqpMessage {
  const message: AmqpMessage = {
    header: undefined,
    deliveryAnnotations: undefined,
    messageAnnotations: undefined,
    properties: undefined,
    applicationProperties: undefined,
    footer: undefined,
    body: undefined,
    bodyType: 'none',
  };
  decodeMessageInto(message, bytes, 0, bytes.length);
  return message;
}

/** `undefined` when `action` fails as it may. */
function attempt<T>(allowed: abstract new (...given: never[]) => Error, action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof allowed) return undefined;
    throw error;
  }
}

function same(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(actual, expected))
    throw new Error(`${what} is not the same after it was written and read again`);
}
