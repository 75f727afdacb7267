// Bytes that look like AMQP: every type code, and what a hostile or broken peer makes of them.

import type { SeededRandom } from './seeded-random.js';

/** Type codes of values without others inside, with the width of what follows; -1 and -4: a length of 1 or 4 bytes. */
const SCALARS: readonly (readonly [code: number, width: number])[] = [
  [0x40, 0],
  [0x41, 0],
  [0x42, 0],
  [0x43, 0],
  [0x44, 0],
  [0x45, 0],
  [0x50, 1],
  [0x51, 1],
  [0x52, 1],
  [0x53, 1],
  [0x54, 1],
  [0x55, 1],
  [0x56, 1],
  [0x60, 2],
  [0x61, 2],
  [0x70, 4],
  [0x71, 4],
  [0x72, 4],
  [0x73, 4],
  [0x74, 4],
  [0x80, 8],
  [0x81, 8],
  [0x82, 8],
  [0x83, 8],
  [0x84, 8],
  [0x94, 16],
  [0x98, 16],
  [0xa0, -1],
  [0xa1, -1],
  [0xa3, -1],
  [0xb0, -4],
  [0xb1, -4],
  [0xb3, -4],
];

const WORDS = [
  'a',
  'key',
  'x-opt-delivery',
  '__proto__',
  'constructor',
  'prototype',
  'amqp:accepted:list',
  '',
  'ünï',
  '17',
];

/** One well-formed value. */
export function wireValue(random: SeededRandom, depth = 0): Buffer {
  const kind = depth > 5 ? 0 : random.below(10);
  if (kind < 5) return wireScalar(random, random.pick(SCALARS));
  if (kind === 5) return Buffer.concat([Buffer.from([0]), wireDescriptor(random), wireValue(random, depth + 1)]);
  const count = random.below(random.oneIn(8) ? 12 : 4);
  if (kind === 6) return wireArray(random, count, depth);
  const isMap = kind > 7;
  const items = Array.from({ length: isMap ? count * 2 : count }, (_, index) =>
    isMap && index % 2 === 0 && !random.oneIn(6)
      ? wireText(random, random.pick([0xa1, 0xa3, 0xb1]))
      : wireValue(random, depth + 1),
  );
  return compound(isMap ? 0xc1 : 0xc0, items.length, Buffer.concat(items), random.oneIn(3));
}

export function compound(shortCode: number, count: number, content: Buffer, long = false): Buffer {
  if (content.length < 250 && count < 250 && !long) {
    return Buffer.concat([Buffer.from([shortCode, content.length + 1, count]), content]);
  }
  const head = Buffer.alloc(9);
  head[0] = shortCode + 0x10;
  head.writeUInt32BE(content.length + 4, 1);
  head.writeUInt32BE(count, 5);
  return Buffer.concat([head, content]);
}

function wireArray(random: SeededRandom, count: number, depth: number): Buffer {
  const nested = depth < 4 && random.oneIn(5);
  const scalar = random.pick(SCALARS);
  const items = Array.from({ length: count }, () =>
    nested ? compound(0xc0, 1, wireScalar(random, random.pick(SCALARS)), true) : wireScalar(random, scalar),
  );
  const code = nested ? 0xd0 : scalar[0];
  const described = random.oneIn(5) ? Buffer.concat([Buffer.from([0]), wireDescriptor(random)]) : Buffer.alloc(0);
  const content = Buffer.concat([described, Buffer.from([code]), ...items.map((item) => item.subarray(1))]);
  return compound(0xe0, count, content, random.oneIn(3));
}

function wireDescriptor(random: SeededRandom): Buffer {
  if (random.oneIn(5)) return wireText(random, 0xa3);
  return Buffer.from([
    0x53,
    random.oneIn(2) ? random.below(256) : random.pick([0x1d, 0x28, 0x29, 0x30, 0x24, 0x25, 0x70, 0x73, 0x75]),
  ]);
}

function wireText(random: SeededRandom, code: number): Buffer {
  const text = Buffer.from(random.pick(WORDS));
  const length = Buffer.alloc(code < 0xb0 ? 1 : 4);
  length.writeUIntBE(text.length, 0, length.length);
  return Buffer.concat([Buffer.from([code]), length, text]);
}

function wireScalar(random: SeededRandom, [code, width]: readonly [number, number]): Buffer {
  if (code === 0x56) return Buffer.from([code, random.below(2)]);
  if (code === 0x73) return Buffer.from([code, 0, 0, random.below(0xd7), random.below(256)]);
  if (width < 0 && code !== 0xa0 && code !== 0xb0) return wireText(random, code);
  if (width >= 0)
    return Buffer.concat([Buffer.from([code]), random.oneIn(4) ? edge(random, width) : random.bytes(width)]);
  const content = random.bytes(random.below(random.oneIn(10) ? 200 : 12));
  const length = Buffer.alloc(-width);
  length.writeUIntBE(content.length, 0, -width);
  return Buffer.concat([Buffer.from([code]), length, content]);
}

/** The ends of what a width can hold. */
function edge(random: SeededRandom, width: number): Buffer {
  const bytes = Buffer.alloc(width, random.pick([0, 255]));
  if (width > 0) bytes[0] = random.pick([0, 0x7f, 0x80, 0xff]);
  return bytes;
}

const NASTY = [0, 1, 0x40, 0x45, 0x53, 0x7f, 0x80, 0xa1, 0xc0, 0xc1, 0xd0, 0xe0, 0xf0, 0xfe, 0xff];

/** Changes a few bytes, cuts, repeats or inserts. */
export function mutate(random: SeededRandom, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let left = 1 + random.below(4); left > 0 && result.length > 0; left--) {
    const at = random.below(result.length);
    switch (random.below(6)) {
      case 0:
      case 1:
        result[at] = random.pick(NASTY);
        break;
      case 2:
        result[at] = random.below(256);
        break;
      case 3:
        result = Buffer.from(result.subarray(0, at));
        break;
      case 4:
        result = Buffer.concat([result.subarray(0, at), random.bytes(1 + random.below(4)), result.subarray(at)]);
        break;
      case 5: {
        const end = Math.min(result.length, at + 1 + random.below(16));
        result = Buffer.concat([result.subarray(0, end), result.subarray(at, end), result.subarray(end)]);
        break;
      }
    }
  }
  return result;
}
