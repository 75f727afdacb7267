// Messages for the test side of the wire: sections by name.

import { Described, Reader, Typed, encode, symbol, timestamp, ubyte, uint, ulong } from './values.mjs';

const headerFields = ['durable', 'priority', 'ttl', 'firstAcquirer', 'deliveryCount'];
const headerTypes = { priority: ubyte, ttl: uint, deliveryCount: uint };
const propertyFields = [
  'messageId',
  'userId',
  'to',
  'subject',
  'replyTo',
  'correlationId',
  'contentType',
  'contentEncoding',
  'absoluteExpiryTime',
  'creationTime',
  'groupId',
  'groupSequence',
  'replyToGroupId',
];
const propertyTypes = {
  contentType: symbol,
  contentEncoding: symbol,
  absoluteExpiryTime: timestamp,
  creationTime: timestamp,
  groupSequence: uint,
};

function list(fields, types, values) {
  const items = fields.map((name) => {
    const value = values[name];
    return value === undefined || value === null || value instanceof Typed || !types[name]
      ? (value ?? null)
      : types[name](value);
  });
  while (items.length > 0 && items.at(-1) === null) items.pop();
  return items;
}

const symbolMap = (values) => new Map(Object.entries(values).map(([key, value]) => [symbol(key), value]));
const section = (code, value) => encode(new Described(ulong(code), value));

/** The encoded sections. `data`: one or several binaries; `value`: an amqp-value; `sequence`: one or several lists. */
export function encodeMessage(message) {
  const parts = [];
  if (message.header) parts.push(section(0x70, list(headerFields, headerTypes, message.header)));
  if (message.deliveryAnnotations) parts.push(section(0x71, symbolMap(message.deliveryAnnotations)));
  if (message.messageAnnotations) parts.push(section(0x72, symbolMap(message.messageAnnotations)));
  if (message.properties) parts.push(section(0x73, list(propertyFields, propertyTypes, message.properties)));
  if (message.applicationProperties) parts.push(section(0x74, message.applicationProperties));
  if (message.data !== undefined) {
    for (const data of Array.isArray(message.data) ? message.data : [message.data])
      parts.push(section(0x75, Buffer.from(data)));
  }
  if (message.sequence !== undefined) for (const items of message.sequence) parts.push(section(0x76, items));
  if ('value' in message) parts.push(section(0x77, message.value));
  if (message.footer) parts.push(section(0x78, symbolMap(message.footer)));
  return Buffer.concat(parts);
}

function object(fields, items) {
  const result = {};
  fields.forEach((name, index) => {
    if (items[index] !== undefined && items[index] !== null) result[name] = items[index];
  });
  return result;
}

/** The sections of an encoded message. `data` is one Buffer (several sections joined). */
export function decodeMessage(bytes) {
  const reader = new Reader(bytes);
  const message = {};
  while (!reader.done) {
    const { descriptor, value } = reader.value();
    if (descriptor === 0x70) message.header = object(headerFields, value);
    else if (descriptor === 0x71) message.deliveryAnnotations = value;
    else if (descriptor === 0x72) message.messageAnnotations = value;
    else if (descriptor === 0x73) message.properties = object(propertyFields, value);
    else if (descriptor === 0x74) message.applicationProperties = value;
    else if (descriptor === 0x75) message.data = message.data ? Buffer.concat([message.data, value]) : value;
    else if (descriptor === 0x76) message.sequence = [...(message.sequence ?? []), value];
    else if (descriptor === 0x77) message.value = value;
    else if (descriptor === 0x78) message.footer = value;
    else throw new Error(`unknown section ${String(descriptor)}`);
  }
  return message;
}
