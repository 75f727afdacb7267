// A batch in one transfer (message format 0x80013700): each data section holds one whole message.

import { DecodeError, describedStart, descriptorCode, scanValue } from '../../protocol/acceptor/index.js';
import { MessageContent } from './message-content.js';

export const BATCH_MESSAGE_FORMAT = 0x80013700;

/**
 * The messages of a batch, in order.
 *
 * @throws {DecodeError} it has something else than data sections for its body, or one of them holds no message
 */
export function splitBatch(batch: MessageContent): MessageContent[] {
  const messages: MessageContent[] = [];
  const bytes = batch.bareMessage;
  for (let at = 0; at < bytes.length;) {
    const code = descriptorCode(bytes, at, bytes.length);
    const end = scanValue(bytes, at, bytes.length);
    if (code > DATA) throw new DecodeError('a batch holds something else than data sections');
    if (code === DATA) messages.push(new MessageContent(binaryAt(bytes, describedStart(bytes, at), end)));
    at = end;
  }
  if (messages.length === 0) throw new DecodeError('a batch holds no message');
  return messages;
}

const DATA = 0x75;
const SHORT_BINARY = 0xa0;

function binaryAt(bytes: Buffer, start: number, end: number): Buffer {
  return Buffer.from(bytes.subarray(start + (bytes[start] === SHORT_BINARY ? 2 : 5), end));
}
