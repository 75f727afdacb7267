// A message leaving, after the codec where the send asks for it: its body is compressed off the event loop.

import { compressor, type Compression } from '../codec/compression.js';
import type { PendingSend } from './pending-send.js';
import type { Sender } from './sender.js';

/** @throws TypeError at once when there is nothing to compress, or nothing to do it with; what fails later fails the send */
export function compressBody(pending: PendingSend, how: Compression, sender: Sender): void {
  const { body, bodyType, properties, messageFormat } = pending.message;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (bodyType !== 'data' || !(bytes instanceof Uint8Array) || messageFormat !== undefined)
    throw new TypeError("only a body of type 'data' in one section can be compressed");
  if (properties?.contentEncoding !== undefined)
    throw new TypeError(`the message says that it is encoded already (${properties.contentEncoding})`);
  const compress = compressor(how);
  pending.isCompressing = true;
  const done = (compressed: Buffer): void => {
    pending.message.body = pending.ownBody = compressed;
    pending.message.properties = { ...pending.message.properties, contentEncoding: how };
    sender.compressed(pending, undefined);
  };
  compress(bytes).then(done, (error: unknown) => sender.compressed(pending, error));
}
