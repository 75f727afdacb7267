import { InvalidOptionsError, type AmqpMessage, type BodyType } from '../../protocol/index.js';
import { checkObject, checkOneOf, checkRecord } from '../options/check.js';
import { Message } from './message.js';

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
 * @throws InvalidOptionsError for an unknown section, or a body that does not fit its type
 */
export function createMessage(sections: Partial<AmqpMessage>): AmqpMessage {
  const given = checkObject(sections, 'message', [...SECTIONS, 'body', 'bodyType']);
  for (const section of SECTIONS) checkRecord(given[section], `message.${section}`);
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
