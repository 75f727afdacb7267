// Messages as bytes, for those who keep or carry them by other means: the sections as the specification orders them.

import {
  DecodeError,
  decodeMessageInto,
  encodeMessage as encodeSections,
  EncodingFailure,
} from '../../protocol/index.js';
import type { AmqpMessage } from '../../protocol/index.js';
import { EncodeError } from '../errors.js';
import { Message } from './message.js';
import { rawBodyOf } from './raw-body.js';

/**
 * The sections of a message, encoded in the order of the specification. A received message is encoded as it came, before a codec saw its
 * body. Nothing is added: what `send` fills in (a message-id, a durable header) is not there unless the message has it.
 *
 * @throws EncodeError naming the value that has no form in AMQP
 */
export function encodeMessage(message: AmqpMessage): Buffer {
  try {
    return encodeSections({ ...sectionsOf(message), body: rawBodyOf(message) });
  } catch (cause) {
    if (!(cause instanceof EncodingFailure)) throw cause;
    throw new EncodeError(`the message cannot be encoded: ${cause.message}`, '', { cause });
  }
}

/** Bytes that `encodeMessage` gives. @throws EncodeError as it does */
export function encodedSize(message: AmqpMessage): number {
  return encodeMessage(message).length;
}

/**
 * The message that these bytes hold. Its body is as on the wire: data sections joined to one Buffer, sequences to one array, a value as
 * it is. `send` takes it.
 *
 * @throws DecodeError for anything that is not one well-formed message
 */
export function decodeMessage(bytes: Uint8Array): AmqpMessage {
  if (!(bytes instanceof Uint8Array)) throw new DecodeError('a message is decoded from bytes, and these are none');
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const message = new Message();
  decodeMessageInto(message, buffer, 0, buffer.length);
  return message;
}

function sectionsOf(message: AmqpMessage): AmqpMessage {
  const { header, deliveryAnnotations, messageAnnotations, properties, applicationProperties, footer } = message;
  const { body, bodyType } = message;
  return { header, deliveryAnnotations, messageAnnotations, properties, applicationProperties, footer, body, bodyType };
}
