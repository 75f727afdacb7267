// What a waiting message holds in memory, near enough to bound a queue.

import type { AmqpMessage } from '../../protocol/index.js';

/** Deeper values are guessed. */
const MAX_DEPTH = 4;
const SCALAR = 8;

/** The bytes of the body and of the maps beside it; identifiers and the like are not counted. */
export function bytesOf(message: AmqpMessage): number {
  const { body, applicationProperties, messageAnnotations, footer } = message;
  let bytes = typeof body === 'string' ? Buffer.byteLength(body) : sizeOf(body, 0);
  if (applicationProperties !== undefined) bytes += sizeOf(applicationProperties, 1);
  if (messageAnnotations !== undefined) bytes += sizeOf(messageAnnotations, 1);
  if (footer !== undefined) bytes += sizeOf(footer, 1);
  return bytes;
}

function sizeOf(value: unknown, depth: number): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object') return SCALAR;
  if (value instanceof Uint8Array) return value.length;
  if (depth === MAX_DEPTH) return SCALAR;
  let bytes = 0;
  if (Array.isArray(value)) for (const item of value) bytes += sizeOf(item, depth + 1);
  else if (value instanceof Map)
    for (const [key, item] of value) bytes += sizeOf(key, depth + 1) + sizeOf(item, depth + 1);
  else for (const key in value) bytes += key.length + sizeOf(Reflect.get(value, key), depth + 1);
  return bytes;
}
