// A message leaving: how much room its encoding needs at most.

import { EncodingFailure } from '../errors.js';
import { Decimal, Typed } from '../types/typed.js';
import { encodeValue } from '../types/encode.js';
import { at, failureAt } from '../types/failure-path.js';
import type { AmqpMessage, MessageProperties } from './amqp-message.js';

/** Above this many characters it pays to count a string's bytes rather than assume three for each. */
const COUNTED = 256;
/** The largest scalar of fixed width is a uuid or decimal128. */
const WIDEST = 17;
/** Descriptor, type code, size and count of a section. */
const SECTION = 12;
const HEADER_SECTION = 20;

/**
 * Bytes that `encodeMessageInto` needs at most: cheap, and never too small while the message is not changed in between.
 * @throws {EncodingFailure} a value that has to be encoded to be measured has no form in AMQP
 */
export function encodedSizeBound(message: AmqpMessage): number {
  let bound = boundBeforeBody(message);
  if (message.footer) bound += recordBound(message.footer, 'footer');
  bound += bodyBound(message);
  // Not a number: a bodyType that no compiler has seen.
  if (Number.isNaN(bound)) throw new EncodingFailure("must be 'data', 'value', 'sequence' or 'none'", 'bodyType');
  return bound;
}

/** The same of the sections that stand before the body. */
export function boundBeforeBody(message: AmqpMessage): number {
  let bound = message.header ? HEADER_SECTION : 0;
  if (message.properties) bound += propertiesBound(message.properties);
  if (message.applicationProperties) bound += recordBound(message.applicationProperties, 'applicationProperties');
  if (message.deliveryAnnotations) bound += recordBound(message.deliveryAnnotations, 'deliveryAnnotations');
  if (message.messageAnnotations) bound += recordBound(message.messageAnnotations, 'messageAnnotations');
  return bound;
}

function bodyBound(message: AmqpMessage): number {
  const body = message.body;
  switch (message.bodyType) {
    case 'data':
      if (typeof body === 'string') return SECTION + textBound(body);
      if (body instanceof Uint8Array) return SECTION + body.length;
      return Array.isArray(body) ? partsBound(body) : 0;
    case 'value':
    case 'sequence':
      return SECTION + at('body', () => valueBound(body));
    case 'none':
      // A message needs a body section: a null value is written.
      return SECTION;
  }
}

function partsBound(parts: readonly unknown[]): number {
  let bound = 0;
  for (const part of parts) {
    if (typeof part === 'string') bound += SECTION + textBound(part);
    else if (part instanceof Uint8Array) bound += SECTION + part.length;
  }
  return bound;
}

function propertiesBound(properties: MessageProperties): number {
  let bound = SECTION + 13;
  for (const key in properties) {
    // The keys of the object itself; anything unknown only makes the bound larger.
    const value = properties[key as keyof MessageProperties];
    if (typeof value === 'string') bound += textBound(value);
    else if (value !== undefined) bound += value instanceof Uint8Array ? value.length + 5 : WIDEST;
  }
  return bound;
}

function recordBound(record: Record<string, unknown>, section: string): number {
  let bound = SECTION;
  let key = '';
  try {
    for (key in record) bound += textBound(key) + valueBound(record[key]);
  } catch (error) {
    throw failureAt(section, failureAt(key, error));
  }
  return bound;
}

function valueBound(value: unknown): number {
  if (typeof value === 'string') return textBound(value);
  if (typeof value !== 'object' || value === null) return WIDEST;
  if (value instanceof Uint8Array) return value.length + 5;
  if (value instanceof Typed && typeof value.value === 'string') return Math.max(WIDEST, textBound(value.value));
  if (value instanceof Date || value instanceof Decimal) return WIDEST;
  return encodeValue(value).length;
}

function textBound(text: string): number {
  return (text.length > COUNTED ? Buffer.byteLength(text) : text.length * 3) + 5;
}
