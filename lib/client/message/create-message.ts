import {
  InvalidOptionsError,
  type AmqpMessage,
  type BodyType,
  type MessageHeader,
  type MessageProperties,
} from '../../protocol/index.js';
import { checkObject, checkOneOf, checkRecord, checkWhole } from '../options/check.js';
import { BYTES, checkFields, DATE, ID, TEXT, UBYTE, UINT, YES_OR_NO, type FieldCheck } from './field-check.js';
import { Message } from './message.js';

const HEADER: ReadonlyMap<string, FieldCheck> = new Map<keyof MessageHeader, FieldCheck>([
  ['durable', YES_OR_NO],
  ['priority', UBYTE],
  ['ttl', UINT],
  ['firstAcquirer', YES_OR_NO],
  ['deliveryCount', UINT],
]);
const PROPERTIES: ReadonlyMap<string, FieldCheck> = new Map<keyof MessageProperties, FieldCheck>([
  ['messageId', ID],
  ['userId', BYTES],
  ['to', TEXT],
  ['subject', TEXT],
  ['replyTo', TEXT],
  ['correlationId', ID],
  ['contentType', TEXT],
  ['contentEncoding', TEXT],
  ['absoluteExpiryTime', DATE],
  ['creationTime', DATE],
  ['groupId', TEXT],
  ['groupSequence', UINT],
  ['replyToGroupId', TEXT],
]);

const SECTIONS = [
  'header',
  'deliveryAnnotations',
  'messageAnnotations',
  'properties',
  'applicationProperties',
  'footer',
] as const;

/**
 * A message section by section, which `send` takes in place of a value and no codec touches.
 *
 * Without `bodyType` a Buffer, Uint8Array, string or list of Buffers is sent as data, nothing as no body, all else as a value.
 * A durable header and a message-id are added when it is sent without them.
 *
 * @throws InvalidOptionsError for an unknown section or field, a field of a wrong type, or a body that does not fit its type
 */
export function createMessage(sections: Partial<AmqpMessage>): AmqpMessage {
  const given = checkObject(sections, 'message', [...SECTIONS, 'body', 'bodyType', 'messageFormat']);
  for (const section of SECTIONS) checkRecord(given[section], `message.${section}`);
  checkFields(sections.header ?? {}, 'message.header', HEADER);
  checkFields(sections.properties ?? {}, 'message.properties', PROPERTIES);
  checkWhole(given['messageFormat'], 'message.messageFormat', { min: 0, max: 4_294_967_295, default: undefined });
  const { body } = given;
  const bodyType = checkOneOf(
    given['bodyType'],
    'message.bodyType',
    ['data', 'value', 'sequence', 'none'],
    typeOf(body),
  );
  if (bodyType === 'sequence' && !Array.isArray(body))
    throw new InvalidOptionsError('message.body', "an array when bodyType is 'sequence'", body, 'secret');
  if (bodyType === 'data' && typeOf(body) !== 'data')
    throw new InvalidOptionsError('message.body', "bytes or a string when bodyType is 'data'", body, 'secret');
  return Object.assign(new Message(), sections, { bodyType });
}

function typeOf(body: unknown): BodyType {
  if (body === undefined) return 'none';
  if (typeof body === 'string' || body instanceof Uint8Array) return 'data';
  // An empty list would be no section at all, which is no body.
  return Array.isArray(body) && body.length > 0 && body.every((part) => part instanceof Uint8Array) ? 'data' : 'value';
}
