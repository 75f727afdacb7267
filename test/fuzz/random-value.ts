// JavaScript values as users hand them over: everything that AMQP can say.

import { amqp } from '../../lib/protocol/types/amqp.js';
import { Decimal, Described } from '../../lib/protocol/types/typed.js';
import { Uuid } from '../../lib/protocol/types/uuid.js';
import type { AmqpMessage, MessageId } from '../../lib/protocol/message/amqp-message.js';
import type { SeededRandom } from './seeded-random.js';

const TEXTS = [
  '',
  'a',
  'ascii',
  'grün',
  '日本語',
  '💚',
  'a\u0000b',
  '\uFFFD',
  'x'.repeat(31),
  'x'.repeat(33),
  'ß'.repeat(40),
];

export function randomText(random: SeededRandom): string {
  if (random.oneIn(3)) return random.pick(TEXTS);
  const unit = random.pick(['k', 'é', '€', '💚']);
  return unit.repeat(random.below(random.oneIn(10) ? 400 : 30));
}

/** A value that decodes to itself: no wrapper that only says a type. */
export function plainValue(random: SeededRandom, depth = 0): unknown {
  switch (random.below(depth > 4 ? 11 : 15)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
      return random.below(256) - 128;
    case 3:
      return random.uint32() - 2 ** 31;
    case 4:
      return (random.uint32() - 2 ** 31) * 2 ** 21 + random.below(2 ** 21);
    case 5:
      return random.pick([
        0.5,
        -0,
        Number.NaN,
        Infinity,
        -Infinity,
        1e300,
        Number.MAX_VALUE,
        Number.MIN_VALUE,
        2 ** 60,
      ]);
    case 6:
      return random.pick([2n ** 62n, -(2n ** 63n), 2n ** 63n - 1n]);
    case 7:
      return randomText(random);
    case 8:
      return random.bytes(random.below(40));
    case 9:
      return new Date(random.uint32() * 1000);
    case 10:
      return random.oneIn(2) ? new Uuid(random.bytes(16)) : new Decimal(random.bytes(random.pick([4, 8, 16])));
    case 11:
      return Array.from({ length: random.below(5) }, () => plainValue(random, depth + 1));
    case 12:
      return new Described(random.pick([0x24, 200, 2n ** 60n, 'a:b']), plainValue(random, depth + 1));
    case 13:
      return new Map([[random.below(1000) + 0.5, plainValue(random, depth + 1)]]);
    default:
      return plainRecord(random, depth);
  }
}

export function plainRecord(random: SeededRandom, depth = 0, simple = false): Record<string, unknown> {
  const keys = Array.from({ length: random.below(6) }, () =>
    random.oneIn(5) ? randomText(random) : `key${random.below(20)}`,
  );
  return Object.fromEntries(keys.map((key) => [key, simple ? simpleValue(random) : plainValue(random, depth + 1)]));
}

function simpleValue(random: SeededRandom): unknown {
  for (;;) {
    const value = plainValue(random, 5);
    if (value !== undefined) return value;
  }
}

function symbolRecord(random: SeededRandom): Record<string, unknown> {
  return Object.fromEntries(Object.entries(plainRecord(random)).map(([, value], index) => [`x-opt-${index}`, value]));
}

function randomId(random: SeededRandom): MessageId {
  switch (random.below(4)) {
    case 0:
      return randomText(random);
    case 1:
      return BigInt(random.uint32()) * BigInt(random.pick([0, 1, 2 ** 32]));
    case 2:
      return random.bytes(random.below(40));
    default:
      return new Uuid(random.bytes(16));
  }
}

function maybe<T>(random: SeededRandom, make: () => T): T | undefined {
  return random.oneIn(2) ? make() : undefined;
}

/** A message of any sections, as it is after decoding. */
export function randomMessage(random: SeededRandom): AmqpMessage {
  const text = (): string => randomText(random);
  const time = (): Date => new Date(random.uint32() * 1000 - 10 ** 12);
  const message = {
    header: maybe(random, () => ({
      durable: maybe(random, () => random.oneIn(2)),
      priority: maybe(random, () => random.below(256)),
      ttl: maybe(random, () => random.uint32()),
      firstAcquirer: maybe(random, () => random.oneIn(2)),
      deliveryCount: maybe(random, () => random.uint32()),
    })),
    deliveryAnnotations: maybe(random, () => symbolRecord(random)),
    messageAnnotations: maybe(random, () => symbolRecord(random)),
    properties: maybe(random, () => ({
      messageId: maybe(random, () => randomId(random)),
      userId: maybe(random, () => random.bytes(random.below(300))),
      to: maybe(random, text),
      subject: maybe(random, text),
      replyTo: maybe(random, text),
      correlationId: maybe(random, () => randomId(random)),
      contentType: maybe(random, () => 'text/plain'),
      contentEncoding: maybe(random, () => 'g'.repeat(random.below(300))),
      absoluteExpiryTime: maybe(random, time),
      creationTime: maybe(random, time),
      groupId: maybe(random, text),
      groupSequence: maybe(random, () => random.uint32()),
      replyToGroupId: maybe(random, text),
    })),
    applicationProperties: maybe(random, () => plainRecord(random, 0, true)),
    footer: maybe(random, () => symbolRecord(random)),
  };
  switch (random.below(3)) {
    case 0:
      return { ...message, bodyType: 'data', body: random.bytes(random.below(random.oneIn(5) ? 700 : 60)) };
    case 1:
      return { ...message, bodyType: 'value', body: plainValue(random) };
    default:
      return { ...message, bodyType: 'sequence', body: [plainValue(random), plainValue(random)] };
  }
}

/** Each wrapper with values it takes, and what each decodes to. */
export const WRAPPED: readonly (readonly [unknown, unknown])[] = [
  [amqp.ubyte(255), 255],
  [amqp.ushort(65_535), 65_535],
  [amqp.uint(0), 0],
  [amqp.uint(255), 255],
  [amqp.uint(256n), 256],
  [amqp.uint(2 ** 32 - 1), 2 ** 32 - 1],
  [amqp.ulong(0), 0],
  [amqp.ulong(255n), 255],
  [amqp.ulong(256), 256],
  [amqp.ulong(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER],
  [amqp.ulong(2n ** 64n - 1n), 2n ** 64n - 1n],
  [amqp.byte(-128), -128],
  [amqp.short(-32_768), -32_768],
  [amqp.int(-129), -129],
  [amqp.int(-(2 ** 31)), -(2 ** 31)],
  [amqp.int(127), 127],
  [amqp.int(128), 128],
  [amqp.int(-128), -128],
  [amqp.long(127), 127],
  [amqp.long(128), 128],
  [amqp.long(-128), -128],
  [amqp.long(-129), -129],
  [amqp.long(2n ** 63n - 1n), 2n ** 63n - 1n],
  [amqp.long(Number.MIN_SAFE_INTEGER), Number.MIN_SAFE_INTEGER],
  [amqp.float(1.5), 1.5],
  [amqp.float(Number.NaN), Number.NaN],
  [amqp.float(-Infinity), -Infinity],
  [amqp.double(0.1), 0.1],
  [amqp.symbol('x-opt'), 'x-opt'],
  [amqp.symbol('s'.repeat(300)), 's'.repeat(300)],
  [amqp.timestamp(new Date(1)), new Date(1)],
  [amqp.timestamp(-1), new Date(-1)],
  [amqp.timestamp(1_700_000_000_000n), new Date(1_700_000_000_000)],
  [amqp.uuid('00112233-4455-6677-8899-aabbccddeeff'), new Uuid('00112233-4455-6677-8899-aabbccddeeff')],
  [amqp.uuid(Buffer.alloc(16, 7)), new Uuid(Buffer.alloc(16, 7))],
  [amqp.char('€'), '€'],
  [amqp.char('💚'), '💚'],
  [amqp.list([]), []],
  [amqp.list([1, amqp.ubyte(2)]), [1, 2]],
  [amqp.map({ a: 1 }), { a: 1 }],
  [amqp.map(new Map([[amqp.symbol('a'), 1]])), { a: 1 }],
  [amqp.array([]), []],
  [amqp.array([amqp.symbol('a'), amqp.symbol('b')]), ['a', 'b']],
  [amqp.array([1, -2, 300]), [1, -2, 300]],
  [amqp.array([1, 2 ** 40]), [1, 2 ** 40]],
  [amqp.array([1, 2 ** 40, 0.5]), [1, 2 ** 40, 0.5]],
  [amqp.array([-0]), [-0]],
  [amqp.array([1, -0]), [1, -0]],
  [amqp.array([true, false]), [true, false]],
  [amqp.array([null, undefined]), [null, null]],
  [amqp.array(['a', 'bc', 'ü']), ['a', 'bc', 'ü']],
  [amqp.array([5n, -5n]), [5, -5]],
  [amqp.array([Buffer.from('a'), Buffer.alloc(0)]), [Buffer.from('a'), Buffer.alloc(0)]],
  [amqp.array([new Date(0)]), [new Date(0)]],
  [amqp.array([new Uuid(Buffer.alloc(16))]), [new Uuid(Buffer.alloc(16))]],
  [amqp.array([amqp.ubyte(1), amqp.ubyte(2)]), [1, 2]],
  [amqp.array([amqp.ulong(1), amqp.ulong(2n ** 64n - 1n)]), [1, 2n ** 64n - 1n]],
  [amqp.array([amqp.char('a')]), ['a']],
  [amqp.array([[], [1], [[2]]]), [[], [1], [[2]]]],
  [amqp.array([{ a: 1 }, {}]), [{ a: 1 }, {}]],
  [amqp.array([amqp.array(['a']), amqp.array([1])]), [['a'], [1]]],
  [amqp.array([new Described(1, 'a'), new Described(1, 'b')]), [new Described(1, 'a'), new Described(1, 'b')]],
];
