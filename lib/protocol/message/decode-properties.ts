// A message arriving: the properties section (3.2.4). Addresses, subjects and content types repeat from message to message and
// are looked up instead of made.

import { DecodeError } from '../errors.js';
import type { Cursor } from '../types/cursor.js';
import { readValue } from '../types/decode.js';
import { Uuid } from '../types/uuid.js';
import type { MessageId, MessageProperties } from './amqp-message.js';

/** @throws {DecodeError} a field of the wrong type, or more fields than there are */
export function readProperties(cursor: Cursor): MessageProperties {
  const count = cursor.list();
  const end = cursor.listEnd;
  if (count > 13) throw new DecodeError('the properties have more than 13 fields');
  const properties: MessageProperties = {
    messageId: count > 0 ? readId(cursor) : undefined,
    userId: count > 1 ? cursor.ownedBinary() : undefined,
    to: count > 2 ? cursor.word() : undefined,
    subject: count > 3 ? cursor.word() : undefined,
    replyTo: count > 4 ? cursor.word() : undefined,
    correlationId: count > 5 ? readId(cursor) : undefined,
    contentType: count > 6 ? cursor.word() : undefined,
    contentEncoding: count > 7 ? cursor.word() : undefined,
    absoluteExpiryTime: count > 8 ? cursor.timestamp() : undefined,
    creationTime: count > 9 ? cursor.timestamp() : undefined,
    groupId: count > 10 ? cursor.word() : undefined,
    groupSequence: count > 11 ? cursor.uint() : undefined,
    replyToGroupId: count > 12 ? cursor.word() : undefined,
  };
  cursor.closeList(end);
  return properties;
}

/** A ulong is always a bigint here, so that it goes back as the ulong it was. */
function readId(cursor: Cursor): MessageId | undefined {
  switch (cursor.peek()) {
    case 0x40:
    case 0xa1:
    case 0xb1:
    case 0xa3:
    case 0xb3:
      return cursor.string();
    case 0xa0:
    case 0xb0:
      return cursor.ownedBinary();
    case 0x44:
    case 0x53:
    case 0x80:
      return BigInt(cursor.ulong() ?? 0);
    default: {
      const id = readValue(cursor);
      if (id instanceof Uuid) return id;
      throw new DecodeError('a message id or correlation id is neither a string, a binary, a ulong nor a uuid');
    }
  }
}
