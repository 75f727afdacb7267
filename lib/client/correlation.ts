// Whose answer it is: by the id that it carries, whatever the type in which the peer gives it back.

import type { MessageId } from '../protocol/index.js';

/** The key of an id in a map. Ids of different kinds have different ones: the number 1 is not the text '1'. */
export function keyOf(id: MessageId): string {
  if (typeof id === 'string') return id;
  if (typeof id === 'bigint') return ulongKey(String(id));
  return Buffer.isBuffer(id) ? binaryKey(id) : uuidKey(id.toString());
}

/**
 * What stands under this id: under its own key, or else under that of the same text in another type. Some peers make another type of an
 * id on its way: Qpid gives a text that looks like a UUID back as one.
 */
export function findById<Value>(byKey: ReadonlyMap<string, Value>, id: MessageId | undefined): Value | undefined {
  if (id === undefined) return undefined;
  const own = byKey.get(keyOf(id));
  if (own !== undefined) return own;
  const text = String(id);
  const keys = [text, uuidKey(text.toLowerCase()), ulongKey(text), binaryKey(Buffer.from(text))];
  const key = keys.find((candidate) => byKey.has(candidate));
  return key === undefined ? undefined : byKey.get(key);
}

const ulongKey = (text: string): string => `\0ulong ${text}`;
const uuidKey = (text: string): string => `\0uuid ${text}`;
const binaryKey = (bytes: Buffer): string => `\0binary ${bytes.toString('hex')}`;
