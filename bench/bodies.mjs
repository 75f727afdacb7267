// The messages of a row: JSON of an exact size that carries its number, and a hash over them in order that all three processes can compute.

const FIRST = 10_000_000;

/** The value with the number `index`; as JSON it has `size` bytes. */
export function maker(size) {
  const bare = JSON.stringify({ id: FIRST, name: 'order', ok: true, pad: '' }).length;
  const pad = 'x'.repeat(Math.max(0, size - bare));
  return (index) => ({ id: FIRST + index, name: 'order', ok: true, pad });
}

/** Folds one body into a hash; the order counts. */
export function fold(hash, bytes, start, end) {
  let result = hash;
  let at = start;
  for (; at + 4 <= end; at += 4) result = Math.imul(result ^ bytes.readInt32LE(at), 0x0100_0193);
  for (; at < end; at += 1) result = Math.imul(result ^ bytes[at], 0x0100_0193);
  return result | 0;
}

/** Writes the number into an encoded body. `offset`: where its eight digits stand. */
export function writeNumber(bytes, offset, index) {
  let rest = FIRST + index;
  for (let at = offset + 7; at >= offset; at -= 1) {
    bytes[at] = 48 + (rest % 10);
    rest = Math.trunc(rest / 10);
  }
}

/** Where the digits stand in an encoded body. */
export const NUMBER_OFFSET = '{"id":'.length;

/** The hash over the bodies 0 to `count` - 1. */
export function expectedHash(size, count) {
  const bytes = Buffer.from(JSON.stringify(maker(size)(0)));
  let hash = 0;
  for (let index = 0; index < count; index += 1) {
    writeNumber(bytes, NUMBER_OFFSET, index);
    hash = fold(hash, bytes, 0, bytes.length);
  }
  return hash;
}

/** Folds the number of a received value into a checksum that does not depend on the order. */
export const sumOf = (count) => {
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += FIRST + index;
  return sum;
};

/** What a message with properties carries beside its body, the same for every client. */
export const RICH = {
  correlationId: 'c-1',
  subject: 'orders.created',
  applicationProperties: { pattern: 'orders.created', tenant: 't-17', attempt: 1 },
};
