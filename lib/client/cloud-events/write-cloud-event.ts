// An event leaving: event -> the value and the options of a send, in either mode of the AMQP protocol binding.

import { randomUUID } from 'node:crypto';
import { amqp, InvalidOptionsError } from '../../protocol/index.js';
import { createMessage } from '../message/create-message.js';
import type { SendOptions } from '../message/send-options.js';
import { checkObject, checkOneOf } from '../options/check.js';
import { attributesOf, isOfEvents, type AttributeValue, type CloudEvent } from './cloud-event.js';

/** How an event is written. */
export interface CloudEventOptions {
  /** `binary`: the data is the body, the attributes are application properties. `structured`: all of it is one JSON body. @default 'binary' */
  readonly mode?: 'binary' | 'structured' | undefined;
  /**
   * Binary mode: what stands between `cloudEvents` and the attribute's name. The specification prefers `_`; readers that only know its older
   * text want `:`. @default '_'
   */
  readonly separator?: '_' | ':' | undefined;
}

const STRUCTURED = 'application/cloudevents+json; charset=utf-8';

/**
 * What to give to `send` or `queueMessage`: `client.send(...cloudEvent({ type, source, data }))`. Options of the send go in between:
 * `const [value, options] = cloudEvent(event)`, then `client.send(value, { ...options, ttlMs })`.
 *
 * @throws InvalidOptionsError for an attribute that is missing or cannot be one (`event.NAME`), and for unknown options
 */
export function cloudEvent(event: CloudEvent, options?: CloudEventOptions): [value: unknown, options: SendOptions] {
  const given = checkObject(options, 'options', ['mode', 'separator']);
  const mode = checkOneOf(given['mode'], 'options.mode', ['binary', 'structured'], 'binary');
  const separator = checkOneOf(given['separator'], 'options.separator', ['_', ':'], '_');
  const attributes = attributesOf(event, randomUUID);
  if (mode === 'binary' && isOfEvents(event.datacontenttype))
    throw new InvalidOptionsError(
      'event.datacontenttype',
      "that of the data; whole events are sent with mode: 'structured'",
      event.datacontenttype,
    );
  return mode === 'binary' ? binary(event, attributes, separator) : structured(event, attributes);
}

function binary(
  { data, datacontenttype }: CloudEvent,
  attributes: ReadonlyMap<string, AttributeValue>,
  separator: '_' | ':',
): [unknown, SendOptions] {
  const applicationProperties: Record<string, unknown> = {};
  for (const [name, value] of attributes)
    if (name !== 'datacontenttype') applicationProperties[`cloudEvents${separator}${name}`] = inAmqp(value);
  const content = datacontenttype === undefined ? {} : { contentType: datacontenttype };
  // No data is no body; a value would get one.
  return [data === undefined ? createMessage({}) : data, { ...content, applicationProperties }];
}

function structured(
  { data }: CloudEvent,
  attributes: ReadonlyMap<string, AttributeValue>,
): [Record<string, unknown>, SendOptions] {
  const body: Record<string, unknown> = {};
  for (const [name, value] of attributes) body[name] = inJson(value);
  if (data instanceof Uint8Array) body['data_base64'] = Buffer.from(data).toString('base64');
  else if (data !== undefined) body['data'] = data;
  return [body, { contentType: STRUCTURED }];
}

/** A whole number is a long there, whatever its size. */
function inAmqp(value: AttributeValue): unknown {
  return typeof value === 'number' ? amqp.long(value) : value;
}

function inJson(value: AttributeValue): string | boolean | number {
  if (Buffer.isBuffer(value)) return value.toString('base64');
  return value instanceof Date ? value.toISOString() : value;
}
