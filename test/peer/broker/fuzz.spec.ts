import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import { AMQP_HEADER, encodeFrame, SASL_HEADER } from '../../support/wire/frames.mjs';
import { encodeMessage } from '../../support/wire/message.mjs';

const tag = (text: string): Buffer => Buffer.from(text);

/** A whole session, well-formed: what is broken below was once right. */
const PREAMBLE: readonly Buffer[] = [
  SASL_HEADER,
  encodeFrame('init', 0, { mechanism: 'ANONYMOUS', hostname: 'localhost' }),
  AMQP_HEADER,
];
const SESSION: readonly Buffer[] = [
  encodeFrame('open', 0, { containerId: 'fuzz', idleTimeOut: 60_000, properties: { product: 'fuzz' } }),
  encodeFrame('begin', 0, { nextOutgoingId: 0, incomingWindow: 100, outgoingWindow: 100 }),
  encodeFrame('attach', 0, {
    name: 'out',
    handle: 0,
    role: false,
    source: { kind: 'source' },
    target: { kind: 'target', address: 'fuzz' },
    initialDeliveryCount: 0,
  }),
  encodeFrame('attach', 0, {
    name: 'in',
    handle: 1,
    role: true,
    source: { kind: 'source', address: 'fuzz', capabilities: ['queue'] },
    target: { kind: 'target' },
  }),
  encodeFrame('attach', 0, {
    name: 'management',
    handle: 2,
    role: false,
    source: { kind: 'source' },
    target: { kind: 'target', address: '/management' },
    properties: { paired: true },
  }),
  encodeFrame('attach', 0, {
    name: 'tx',
    handle: 3,
    role: false,
    source: { kind: 'source' },
    target: { kind: 'coordinator', capabilities: ['amqp:local-transactions'] },
  }),
  encodeFrame('flow', 0, {
    nextIncomingId: 0,
    incomingWindow: 100,
    nextOutgoingId: 0,
    outgoingWindow: 100,
    handle: 1,
    deliveryCount: 0,
    linkCredit: 10,
    echo: true,
  }),
  encodeFrame(
    'transfer',
    0,
    { handle: 0, deliveryId: 0, deliveryTag: tag('a'), messageFormat: 0 },
    encodeMessage({
      header: { durable: true, ttl: 60_000, priority: 5 },
      messageAnnotations: { 'x-opt-delivery-delay': 0, 'x-opt-kept': [1, 'x'] },
      properties: { messageId: 'm', to: 'fuzz', subject: 's', absoluteExpiryTime: new Date(2_000_000_000_000) },
      applicationProperties: { a: 1, b: 'two' },
      value: { list: [1, 'x', null], map: { k: true } },
    }),
  ),
  encodeFrame(
    'transfer',
    0,
    { handle: 2, deliveryId: 1, deliveryTag: tag('b') },
    encodeMessage({
      properties: { messageId: 'r', to: '/queues/made?x=1', subject: 'PUT', replyTo: '$me' },
      value: { durable: true, arguments: { 'x-max-length': 10 } },
    }),
  ),
  encodeFrame('disposition', 0, {
    role: true,
    first: 0,
    last: 0,
    settled: true,
    state: { kind: 'modified', deliveryFailed: true, messageAnnotations: { 'x-opt-tried': 1, 'x-ä': { a: [true] } } },
  }),
  encodeFrame('disposition', 0, { role: true, first: 1, last: 9, settled: true, state: { kind: 'rejected' } }),
  encodeFrame('detach', 0, { handle: 0, closed: true }),
  encodeFrame('end', 0, {}),
  encodeFrame('close', 0, {}),
];

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Bytes changed, frames left out, doubled or swapped, and the whole cut anywhere. */
function mutated(frames: readonly Buffer[], random: (below: number) => number): Buffer {
  const list = frames.map((frame) => Buffer.from(frame));
  for (let change = 1 + random(3); change > 0; change--) {
    const index = random(list.length);
    const frame = list[index];
    if (frame === undefined) continue;
    switch (random(6)) {
      case 0:
        list.splice(index, 1);
        break;
      case 1:
        list.splice(random(list.length), 0, frame);
        break;
      case 2:
        list[index] = frame.subarray(0, random(frame.length));
        break;
      default:
        for (let byte = 1 + random(4); byte > 0; byte--) frame[random(frame.length)] = random(256);
    }
  }
  return Buffer.concat(list);
}

/** Most of the time of a session is that of its end. */
const AT_ONCE = 20;

describe('a session with something broken in it', () => {
  let broker: EmbeddedBroker;
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown): void => void uncaught.push(error);

  beforeAll(async () => {
    broker = await EmbeddedBroker.start({ port: false, queues: ['witness', { name: 'fuzz', deadLetter: 'witness' }] });
    process.on('uncaughtException', onUncaught);
    process.on('unhandledRejection', onUncaught);
  });

  afterAll(async () => {
    process.off('uncaughtException', onUncaught);
    process.off('unhandledRejection', onUncaught);
    await broker.stop();
  });

  async function brokenSession(random: (below: number) => number): Promise<void> {
    const isBeforeSasl = random(4) === 0;
    const bytes = isBeforeSasl
      ? mutated([...PREAMBLE, ...SESSION], random)
      : Buffer.concat([...PREAMBLE, mutated(SESSION, random)]);
    const stream = await broker.dial({ uri: broker.uri, signal: AbortSignal.timeout(5_000) });
    stream.on('error', () => undefined);
    stream.resume();
    const started = Date.now();
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random(400);
      stream.write(bytes.subarray(at, at + size));
      at += size;
    }
    stream.end();
    if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
    expect(Date.now() - started).toBeLessThan(10_000);
  }

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'always ends, throws nothing and blocks nobody (100 sessions from seed %i)',
    async (seed) => {
      for (let run = 0; run < 100; run += AT_ONCE)
        await Promise.all(
          Array.from({ length: AT_ONCE }, (_, more) => brokenSession(seeded(seed * 1_000 + run + more))),
        );
      expect(uncaught).toEqual([]);
      const { enqueued, ready, unsettled, accepted, deadLettered, dropped, purged } = broker.queue('witness').stats();
      expect(enqueued - ready - unsettled - accepted - deadLettered - dropped - purged).toBe(0);
    },
    60_000,
  );
});
