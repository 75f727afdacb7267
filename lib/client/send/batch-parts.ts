// A message leaving as one of a batch: encoded messages -> as few data bodies as the peer's limit allows, in their order.

/** A data section around so many bytes: its descriptor, the type code and the length (section 1.6.19). */
const SMALL_SECTION = 5;
const LARGE_SECTION = 8;
const MOST_OF_SMALL = 255;

export interface BatchParts {
  /** The bodies, each a list of encoded messages. */
  readonly parts: readonly (readonly Buffer[])[];
  /** Places of those that fit in no transfer at all; they are in no part. */
  readonly tooLarge: readonly number[];
}

/** @param room bytes for the data sections of one transfer; Infinity: the peer has no limit */
export function packBatch(encoded: readonly Buffer[], room: number): BatchParts {
  const parts: Buffer[][] = [];
  const tooLarge: number[] = [];
  let left = 0;
  for (const [index, message] of encoded.entries()) {
    const size = message.length + (message.length > MOST_OF_SMALL ? LARGE_SECTION : SMALL_SECTION);
    if (size > room) {
      tooLarge.push(index);
      continue;
    }
    const part = parts.at(-1);
    if (part === undefined || size > left) {
      parts.push([message]);
      left = room - size;
    } else {
      part.push(message);
      left -= size;
    }
  }
  return { parts, tooLarge };
}
