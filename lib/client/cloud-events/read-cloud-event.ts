// A message arriving: its sections -> the event that it carries, in whichever mode it was written.

import { AmqpError, DecodeError, type AmqpMessage } from '../../protocol/index.js';
import { coreProblemOf, isAttributeName, isOfEvents, type ReceivedCloudEvent } from './cloud-event.js';

const PREFIX = /^cloudEvents[_:](.*)$/;
const STRUCTURED = 'application/cloudevents';
const NEEDED = ['specversion', 'id', 'source', 'type'] as const;

/** Whether a message says that it is one: by its content type, or by the attributes that every event has. */
export function isCloudEvent(message: AmqpMessage): boolean {
  if (isStructured(message)) return true;
  const attributes = binaryAttributes(message);
  return NEEDED.every((name) => attributes.has(name));
}

/**
 * The event that a received message carries, in binary or in structured mode. Extension attributes are taken as they come; those whose name
 * none can have are left out.
 *
 * @throws DecodeError (condition `amqp:decode-error`) when it carries none, or one of another version, format or form
 */
export function cloudEventOf<Data = unknown>(message: AmqpMessage): ReceivedCloudEvent<Data> {
  const event = isStructured(message) ? fromBody(message) : fromSections(message);
  for (const name of NEEDED) if (!event.has(name)) throw noEvent(`it has no ${name}`);
  for (const [name, value] of event) {
    const problem = coreProblemOf(name, value);
    if (problem !== undefined) throw noEvent(`its ${name} must be ${problem}`);
  }
  // true: what the specification has was checked; what the data is nobody can know
  return Object.fromEntries(event) as unknown as ReceivedCloudEvent<Data>;
}

function isStructured({ properties }: AmqpMessage): boolean {
  return isOfEvents(properties?.contentType);
}

function binaryAttributes({ applicationProperties = {} }: AmqpMessage): Map<string, unknown> {
  const attributes = new Map<string, unknown>();
  for (const [key, value] of Object.entries(applicationProperties)) {
    const name = PREFIX.exec(key)?.[1];
    if (name !== undefined) add(attributes, name, value);
  }
  return attributes;
}

/** Null is no value; neither `data` nor the content type is an attribute of this kind. */
function add(attributes: Map<string, unknown>, name: string, value: unknown): void {
  if (value === null || value === undefined || !isAttributeName(name) || name === 'data') return;
  attributes.set(name, value instanceof Date ? value.toISOString() : value);
}

function fromSections(message: AmqpMessage): Map<string, unknown> {
  const event = binaryAttributes(message);
  event.delete('datacontenttype');
  const contentType = message.properties?.contentType;
  if (contentType !== undefined) event.set('datacontenttype', contentType);
  if (!isEmpty(message)) event.set('data', message.body);
  return event;
}

/** No body, or what brokers make of it on the way. */
function isEmpty({ body, bodyType, properties }: AmqpMessage): boolean {
  if (bodyType === 'none' || (bodyType === 'value' && body === null)) return true;
  return properties?.contentType === undefined && Buffer.isBuffer(body) && body.length === 0;
}

function fromBody({ body, properties }: AmqpMessage): Map<string, unknown> {
  const type = properties?.contentType?.split(';')[0]?.trim().toLowerCase();
  if (type !== `${STRUCTURED}+json`) throw noEvent('its event format is none that is known here');
  if (typeof body !== 'object' || body === null || Array.isArray(body) || body instanceof Uint8Array)
    throw noEvent('its body is not one event');
  const event = new Map<string, unknown>();
  const members = new Map<string, unknown>(Object.entries(body));
  for (const [name, value] of members) add(event, name, value);
  const encoded = members.get('data_base64') ?? undefined;
  if (encoded === undefined) {
    // Here null is data, unlike in an attribute.
    if (members.has('data')) event.set('data', members.get('data'));
    return event;
  }
  if (typeof encoded !== 'string' || members.has('data')) throw noEvent('its data_base64 is no text, or beside data');
  return event.set('data', Buffer.from(encoded, 'base64'));
}

function noEvent(why: string): DecodeError {
  return AmqpError.inOwnWords(
    new DecodeError(`the message carries no CloudEvent: ${why}`, { condition: 'amqp:decode-error' }),
  );
}
