// What the serializers and deserializers of Nest take and give in place of messages.

import type { Deserializer } from '@nestjs/microservices';

import type { ReceivedMessage } from '../../client/index.js';
import type { ReplyKind } from '../reply/replies.js';

/** What a deserializer makes of a message; it may leave the pattern to the message's own. */
export async function readPacket(
  deserializer: Deserializer,
  message: ReceivedMessage,
): Promise<{ readonly pattern?: unknown; readonly data?: unknown }> {
  // As Nest's deserializers answer.
  return (await deserializer.deserialize(message.body, { message })) as { pattern?: unknown; data?: unknown };
}

/** A reply as a serializer takes it. */
export function replyPacket(kind: ReplyKind, body: unknown, request: ReceivedMessage): object {
  const id = String(request.properties?.correlationId ?? request.properties?.messageId);
  if (kind === 'error') return { id, err: body, isDisposed: true };
  if (kind === 'complete') return { id, isDisposed: true };
  return kind === 'value' ? { id, response: body, isDisposed: true } : { id, response: body };
}
