// A message leaving: a large text is kept as bytes. As a string it would be moved about by the garbage collector until its outcome comes.

import { utf8Bytes, type AmqpMessage } from '../../protocol/index.js';

/** In characters. Below it a string costs less than memory of its own. */
const LARGE_TEXT = 16_384;

/** Makes bytes of a large text in a data body, which nobody else has; `undefined`: the body stays as it is. */
export function takeBytesOfText(message: AmqpMessage): Buffer | undefined {
  const { body, bodyType } = message;
  if (typeof body !== 'string' || body.length < LARGE_TEXT || bodyType !== 'data') return undefined;
  const bytes = utf8Bytes(body);
  // What has no UTF-8 form is refused where it is encoded.
  if (bytes !== undefined) message.body = bytes;
  return bytes;
}
