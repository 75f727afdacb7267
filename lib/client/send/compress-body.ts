// A message leaving, after the codec where the send asks for it: its body is compressed off the event loop.

import type { AmqpMessage } from '../../protocol/index.js';
import { compressor, type Compression } from '../codec/compression.js';
import type { PendingSend } from './pending-send.js';
import type { Sender } from './sender.js';

/** The message keeps its place in the queue meanwhile. @throws as `compressed`; what fails later fails the send */
export function compressBody(pending: PendingSend, how: Compression, sender: Sender): void {
  const bytes = compressed(pending.message, how);
  pending.isCompressing = true;
  const done = (body: Buffer): void => {
    if (!pending.isShared) pending.ownBody = body;
    replaceBody(pending.message, body, how);
    sender.compressed(pending, undefined);
  };
  bytes.then(done, (error: unknown) => sender.compressed(pending, error));
}

/** For a message that is sent within another. @throws as `compressed`, and zlib's error */
export async function compressMessage(message: AmqpMessage, how: Compression): Promise<void> {
  replaceBody(message, await compressed(message, how), how);
}

/** @throws TypeError at once when there is nothing to compress, or nothing to do it with */
function compressed({ body, bodyType, properties, messageFormat }: AmqpMessage, how: Compression): Promise<Buffer> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (bodyType !== 'data' || !(bytes instanceof Uint8Array) || messageFormat !== undefined)
    throw new TypeError("only a body of type 'data' in one section can be compressed");
  if (properties?.contentEncoding !== undefined)
    throw new TypeError(`the message says that it is encoded already (${properties.contentEncoding})`);
  return compressor(how)(bytes);
}

function replaceBody(message: AmqpMessage, body: Buffer, how: Compression): void {
  message.body = body;
  message.properties = { ...message.properties, contentEncoding: how };
}
