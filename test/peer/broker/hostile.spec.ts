import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import { AMQP_HEADER, EMPTY_FRAME, encodeFrame, rawFrame, SASL_HEADER } from '../../support/wire/frames.mjs';
import { encodeMessage } from '../../support/wire/message.mjs';
import { Described, encode, Raw, string, symbol } from '../../support/wire/values.mjs';
import { RawClient } from './support/raw-client.js';
import { LATE_MS, processorMs } from '../../support/time.js';
import { collectGarbage } from '../../support/garbage.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const frameOf = (body: Buffer, channel = 0): Buffer => rawFrame(body, { channel });
const described = (code: number, list: Buffer): Buffer => Buffer.concat([hex('0053'), Buffer.from([code]), list]);

/** A list inside a list inside a list, each of which says that it holds a million values. */
const countBomb = (depth: number): Buffer => {
  let inner = hex('40');
  for (let level = 0; level < depth; level++) {
    const head = Buffer.alloc(9);
    head[0] = 0xd0;
    head.writeUInt32BE(inner.length + 4, 1);
    head.writeUInt32BE(1_000_000, 5);
    inner = Buffer.concat([head, inner]);
  }
  return inner;
};
const nested = (depth: number): Buffer => {
  let inner = hex('45');
  for (let level = 0; level < depth; level++) {
    const head = Buffer.alloc(9);
    head[0] = 0xd0;
    head.writeUInt32BE(inner.length + 4, 1);
    head.writeUInt32BE(1, 5);
    inner = Buffer.concat([head, inner]);
  }
  return inner;
};
/** 2^32 - 1 items that take no byte each. */
const ZERO_WIDTH = hex('f0 00000005 ffffffff 40');

let broker: EmbeddedBroker;
let witness: RawClient;
let asked = 0;

beforeAll(async () => {
  broker = await EmbeddedBroker.start({ queues: ['witness', 'q'] });
  witness = await RawClient.session(broker.port);
  await witness.attachSender('witness');
});

afterAll(async () => {
  witness.destroy();
  await broker.stop();
});

const brokers: EmbeddedBroker[] = [];

/** A broker of the test's own, with other limits. */
async function start(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const started = await EmbeddedBroker.start(options);
  brokers.push(started);
  return started;
}

/** Somebody else's connection still sends and is answered, at once. */
async function othersLiveOn(): Promise<void> {
  const started = Date.now();
  witness.send(
    'transfer',
    0,
    { handle: 0, deliveryId: asked, deliveryTag: Buffer.from([asked & 0xff]) },
    encodeMessage({ value: asked }),
  );
  asked += 1;
  const { state } = await witness.next('disposition');
  expect(state).toMatchObject({ kind: 'accepted' });
  expect(Date.now() - started).toBeLessThan(LATE_MS);
}

afterEach(async () => {
  await othersLiveOn();
  RawClient.destroyAll((client) => client !== witness);
  await Promise.all(brokers.splice(0).map((started) => started.stop()));
});

/** The broker ends the connection, although the peer never would. */
async function endsAfter(client: RawClient): Promise<void> {
  await client.closed;
  expect(client.isClosed).toBe(true);
}

describe('before anybody has said who they are, one connection ends for', () => {
  it.each<[string, Buffer]>([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a TLS record', hex('16030100a5010000a10303')],
    ['AMQP 0-9-1', Buffer.from('AMQP\0\0\x09\x01')],
    ['AMQP 0-10', Buffer.from('AMQP\x01\x01\0\x0a')],
    ['another version of the protocol', Buffer.from('AMQP\0\x02\0\0')],
    ['the header of TLS', Buffer.from('AMQP\x02\x01\0\0')],
    ['zeros', Buffer.alloc(64)],
    ['a size of 2^32 - 1', hex('ffffffff 02010000')],
    ['a size of 2^31', hex('80000000 02010000')],
    ['a size of 7', hex('00000007 02010000')],
    ['a size above the limit', hex('00020001 02010000')],
  ])('%s in place of a header', async (_name, bytes) => {
    const client = await RawClient.connect(broker.port);
    client.write(bytes);
    await endsAfter(client);
  });

  it.each<[string, Buffer[]]>([
    ['the header twice', [SASL_HEADER]],
    ['an AMQP header inside SASL', [AMQP_HEADER]],
    ['a mechanism called constructor', [encodeFrame('init', 0, { mechanism: 'constructor' })]],
    ['a mechanism called __proto__', [encodeFrame('init', 0, { mechanism: '__proto__' })]],
    ['a mechanism called enable_plain', [encodeFrame('init', 0, { mechanism: 'enable_plain' })]],
    [
      'PLAIN where it is not offered',
      [encodeFrame('init', 0, { mechanism: 'PLAIN', initialResponse: Buffer.from('\0a\0b') })],
    ],
    ['a response before the init', [encodeFrame('response', 0, { response: Buffer.from('x') })]],
    ['an outcome', [encodeFrame('outcome', 0, { code: 0 })]],
    ['mechanisms', [encodeFrame('mechanisms', 0, { mechanisms: ['ANONYMOUS'] })]],
    ['an init without a mechanism', [encodeFrame('init', 0, { mechanism: null })]],
    ['an init whose mechanism is a number', [encodeFrame('init', 0, { mechanism: new Raw([0x54, 5]) })]],
    ['an AMQP frame', [encodeFrame('open', 0, { containerId: 'x' })]],
    ['an empty AMQP frame', [EMPTY_FRAME]],
    ['a frame of type 2', [rawFrame(encode(1), { type: 2 })]],
    ['a data offset of 0', [rawFrame(encode(1), { type: 1, doff: 0 })]],
    ['a data offset beyond the frame', [rawFrame(encode(1), { type: 1, doff: 255 })]],
    ['an empty SASL frame', [rawFrame(Buffer.alloc(0), { type: 1 })]],
    ['a body that is not described', [rawFrame(encode('x'), { type: 1 })]],
    ['a nested count bomb', [rawFrame(described(0x41, countBomb(40)), { type: 1 })]],
    ['four billion values of no width', [rawFrame(described(0x41, ZERO_WIDTH), { type: 1 })]],
    ['lists a thousand deep', [rawFrame(described(0x41, nested(1_000)), { type: 1 })]],
  ])('%s', async (_name, writes) => {
    const client = await RawClient.connect(broker.port);
    client.write(SASL_HEADER);
    for (const bytes of writes) client.write(bytes);
    await endsAfter(client);
  });

  it.each<[string, Buffer[]]>([
    ['a frame before its header', [encodeFrame('open', 0, { containerId: 'x' })]],
    ['another header', [SASL_HEADER]],
    [
      'a begin in place of the open',
      [AMQP_HEADER, encodeFrame('begin', 0, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 })],
    ],
    ['a transfer in place of the open', [AMQP_HEADER, encodeFrame('transfer', 0, { handle: 0 })]],
    ['an open without a container', [AMQP_HEADER, encodeFrame('open', 0, { containerId: null })]],
    ['an open with a count bomb', [AMQP_HEADER, frameOf(described(0x10, countBomb(40)))]],
    [
      'an open whose properties hold four billion values of no width',
      [AMQP_HEADER, encodeFrame('open', 0, { containerId: 'x', properties: new Raw(ZERO_WIDTH) })],
    ],
    ['a max-frame-size below 512', [AMQP_HEADER, encodeFrame('open', 0, { containerId: 'x', maxFrameSize: 511 })]],
    ['a SASL frame', [AMQP_HEADER, encodeFrame('init', 0, { mechanism: 'ANONYMOUS' })]],
  ])('%s after SASL', async (_name, writes) => {
    const client = await RawClient.connect(broker.port);
    client.write(SASL_HEADER);
    client.send('init', 0, { mechanism: 'ANONYMOUS' });
    await client.next('outcome');
    for (const bytes of writes) client.write(bytes);
    await endsAfter(client);
  });

  it('a frame that is begun and never ends is not given its memory in advance', async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect(broker.port)));
    await collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (const client of clients) client.write(Buffer.concat([SASL_HEADER, hex('00020000 02010000')]));
    await othersLiveOn();
    await collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 65_536);
  }, 30_000);
});

/** Frames on an open session 0, and the condition of the CLOSE or END that answers. */
const BROKEN: readonly (readonly [string, string, Buffer[]])[] = [
  ['a second open', 'amqp:not-allowed', [encodeFrame('open', 0, { containerId: 'x' })]],
  [
    'a begin on a channel in use',
    'amqp:not-allowed',
    [encodeFrame('begin', 0, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 })],
  ],
  [
    'a begin beyond channel-max',
    'amqp:connection:framing-error',
    [encodeFrame('begin', 60_000, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 })],
  ],
  [
    'a begin that answers one never sent',
    'amqp:not-allowed',
    [encodeFrame('begin', 5, { remoteChannel: 3, nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 })],
  ],
  ['an attach without a session', 'amqp:not-allowed', [encodeFrame('attach', 9, { name: 'x', handle: 0, role: true })]],
  [
    'an attach beyond handle-max',
    'amqp:connection:framing-error',
    [encodeFrame('attach', 0, { name: 'x', handle: 4_000_000_000, role: true })],
  ],
  ['an attach without a name', 'amqp:invalid-field', [encodeFrame('attach', 0, { name: null, handle: 0, role: true })]],
  [
    'an attach with a handle in use',
    'amqp:session:handle-in-use',
    [encodeFrame('attach', 0, { name: 'other', handle: 0, role: true, source: { kind: 'source', address: 'q' } })],
  ],
  [
    'a transfer on a handle that is not attached',
    'amqp:session:unattached-handle',
    [encodeFrame('transfer', 0, { handle: 77, deliveryId: 0, deliveryTag: Buffer.from('t') })],
  ],
  [
    'a transfer on a link that receives',
    'amqp:not-allowed',
    [encodeFrame('transfer', 0, { handle: 1, deliveryId: 0, deliveryTag: Buffer.from('t') })],
  ],
  ['a transfer without a delivery-id', 'amqp:invalid-field', [encodeFrame('transfer', 0, { handle: 0 })]],
  [
    'a flow for a handle that is not attached',
    'amqp:session:unattached-handle',
    [encodeFrame('flow', 0, { incomingWindow: 1, nextOutgoingId: 0, outgoingWindow: 1, handle: 77 })],
  ],
  [
    'a detach for a handle that is not attached',
    'amqp:session:unattached-handle',
    [encodeFrame('detach', 0, { handle: 77 })],
  ],
  ['an end without a session', 'amqp:not-allowed', [encodeFrame('end', 9, {})]],
  ['a SASL frame', 'amqp:connection:framing-error', [encodeFrame('init', 0, { mechanism: 'x' })]],
  ['a protocol header', 'amqp:connection:framing-error', [AMQP_HEADER]],
  ['a frame of 2^31 bytes', 'amqp:connection:framing-error', [hex('80000000 02000000')]],
  ['a frame of 4 bytes', 'amqp:connection:framing-error', [hex('00000004 02000000')]],
  ['a frame of type 255', 'amqp:connection:framing-error', [rawFrame(encode(1), { type: 255 })]],
  ['a body that is not described', 'amqp:decode-error', [frameOf(encode(5))]],
  ['an unknown performative', 'amqp:decode-error', [frameOf(described(0x19, hex('45')))]],
  ['a message section for a performative', 'amqp:decode-error', [frameOf(described(0x75, hex('a000')))]],
  ['a symbolic descriptor', 'amqp:decode-error', [frameOf(encode(new Described(symbol('amqp:begin:list'), [])))]],
  ['a descriptor called __proto__', 'amqp:decode-error', [frameOf(encode(new Described(symbol('__proto__'), [])))]],
  ['a descriptor that is a list', 'amqp:decode-error', [frameOf(hex('00 45 45'))]],
  ['a performative that is a map', 'amqp:decode-error', [frameOf(described(0x12, hex('c10100')))]],
  ['too many fields', 'amqp:decode-error', [frameOf(described(0x17, hex('c0 04 03 40 40 40')))]],
  [
    'a wrong type in a field',
    'amqp:decode-error',
    [encodeFrame('attach', 0, { name: 'x', handle: string('one'), role: true })],
  ],
  ['a count bomb in an attach', 'amqp:decode-error', [frameOf(described(0x12, countBomb(40)))]],
  ['lists ten thousand deep', 'amqp:decode-error', [frameOf(described(0x12, nested(2_000)))]],
  [
    'bytes after the performative',
    'amqp:decode-error',
    [frameOf(Buffer.concat([described(0x17, hex('45')), hex('40')]))],
  ],
  [
    'an unsettled map that is a bomb',
    'amqp:decode-error',
    [encodeFrame('attach', 0, { name: 'x', handle: 9, role: true, unsettled: new Raw(countBomb(20)) })],
  ],
];

describe('after the open, one connection is closed with its condition for', () => {
  it.each(BROKEN)('%s', async (_name, condition, writes) => {
    const client = await RawClient.session(broker.port);
    await client.attachSender('q', 0);
    await client.attachReceiver('q', 1);
    for (const bytes of writes) client.write(bytes);
    const close = await client.next('close');
    expect(close.error).toMatchObject({ condition });
    await endsAfter(client);
  });
});

describe('after the open, the connection lives on and nothing is held up by', () => {
  it('a disposition over all ids there are', async () => {
    const client = await RawClient.session(broker.port);
    const spent = await processorMs(async () => {
      for (let round = 0; round < 20; round++) {
        client.send('disposition', 0, {
          role: true,
          first: 0,
          last: 0xffff_ffff,
          settled: true,
          state: { kind: 'accepted' },
        });
        client.send('disposition', 0, { role: false, first: 5, last: 2, settled: true });
      }
      await client.attachReceiver('q');
    });
    expect(spent).toBeLessThan(1_000);
  });

  it('a storm of empty frames and of flows that ask for an echo', async () => {
    const client = await RawClient.session(broker.port);
    await client.attachReceiver('q', 1);
    client.write(Buffer.concat(Array.from({ length: 20_000 }, () => EMPTY_FRAME)));
    for (let round = 0; round < 2_000; round++) client.credit(1, 0, { echo: true });
    await othersLiveOn();
    client.send('close', 0, {});
    await client.next('close');
    await client.closed;
  });

  it('a peer that asks for a heartbeat every millisecond', async () => {
    const started = performance.now();
    const client = await RawClient.open(broker.port, { idleTimeOut: 1 });
    // Of two that wait to be read, nobody knows when they were written.
    for (let beat = 0; beat < 4; beat++) await client.next('empty');
    expect(performance.now() - started).toBeGreaterThan(400);
  });

  it('a message of thirty times the limit: it is rejected when it ends', async () => {
    const small = await start({ queues: ['q'], maxMessageBytes: 1_000_000 });
    const client = await RawClient.session(small.port);
    await client.attachSender('q');
    const chunk = Buffer.alloc(60_000);
    for (let part = 0; part < 500; part++) {
      const first = part === 0 ? { deliveryId: 0, deliveryTag: Buffer.from('t') } : {};
      client.send('transfer', 0, { handle: 0, more: true, ...first }, chunk);
    }
    client.send('transfer', 0, { handle: 0, more: false }, chunk);
    const { state } = await client.next('disposition');
    expect(state).toMatchObject({ kind: 'rejected', error: { condition: 'amqp:link:message-size-exceeded' } });
    client.send(
      'transfer',
      0,
      { handle: 0, deliveryId: 1, deliveryTag: Buffer.from('u') },
      encodeMessage({ value: 'still here' }),
    );
    expect((await client.next('disposition')).state).toMatchObject({ kind: 'accepted' });
  });

  it('an aborted message: it is as if it had not been sent', async () => {
    const client = await RawClient.session(broker.port);
    await client.attachSender('q');
    const { enqueued } = broker.queue('q').stats();
    client.send(
      'transfer',
      0,
      { handle: 0, deliveryId: 0, deliveryTag: Buffer.from('t'), more: true },
      Buffer.alloc(10),
    );
    client.send('transfer', 0, { handle: 0, aborted: true });
    client.send(
      'transfer',
      0,
      { handle: 0, deliveryId: 1, deliveryTag: Buffer.from('u') },
      encodeMessage({ value: 1 }),
    );
    await client.next('disposition');
    expect(broker.queue('q').stats().enqueued).toBe(enqueued + 1);
  });

  it.each<[string, Buffer]>([
    ['no sections', Buffer.from('garbage')],
    ['a count bomb in the properties', described(0x73, countBomb(30))],
    ['application properties of four billion values', described(0x74, ZERO_WIDTH)],
    ['annotations with text that is not UTF-8', hex('005372 c10b02 a303782d61 a102fffe 0000')],
    ['sections out of order', hex('005377 40 005370 45')],
  ])('a message of %s: it is rejected', async (_name, payload) => {
    const client = await RawClient.session(broker.port);
    await client.attachSender('q');
    client.send('transfer', 0, { handle: 0, deliveryId: 0, deliveryTag: Buffer.from('t') }, payload);
    const { state } = await client.next('disposition');
    expect(state).toMatchObject({ kind: 'rejected', error: { condition: 'amqp:decode-error' } });
  });

  it('a map with __proto__ for a key: no object gets new parents', async () => {
    const client = await RawClient.session(broker.port);
    await client.attachSender('q');
    const proto = encode(new Map<unknown, unknown>([['__proto__', { isAdmin: true }]]));
    client.send('attach', 0, {
      name: 'p',
      handle: 3,
      role: false,
      source: { kind: 'source' },
      target: { kind: 'target', address: 'q' },
      properties: new Raw(proto),
    });
    client.send('transfer', 0, { handle: 0, deliveryId: 0, deliveryTag: Buffer.from('t') }, described(0x74, proto));
    await client.next('disposition');
    expect(
      broker
        .queue('q')
        .messages()
        .every((message) => !('isAdmin' in (message.applicationProperties ?? {}))),
    ).toBe(true);
    expect('isAdmin' in {}).toBe(false);
  });
});

describe('one link or session pays for', () => {
  it('a transfer without credit', async () => {
    const little = await start({ queues: ['q'], senderCredit: 2 });
    little.queue('q').inject({ kind: 'no-credit' });
    const client = await RawClient.session(little.port);
    client.send('attach', 0, {
      name: 's',
      handle: 0,
      role: false,
      source: { kind: 'source' },
      target: { kind: 'target', address: 'q' },
      initialDeliveryCount: 0,
    });
    await client.next('attach');
    client.send(
      'transfer',
      0,
      { handle: 0, deliveryId: 0, deliveryTag: Buffer.from('t') },
      encodeMessage({ value: 1 }),
    );
    expect((await client.next('detach')).error).toMatchObject({ condition: 'amqp:link:transfer-limit-exceeded' });
  });

  it('a second link of the same name and direction, but not of the other direction', async () => {
    const client = await RawClient.session(broker.port);
    await client.attachSender('q', 0, { name: 'same' });
    await client.attachReceiver('q', 1, { name: 'same' });
    client.send('attach', 0, { name: 'same', handle: 2, role: true, source: { kind: 'source', address: 'q' } });
    expect((await client.next('end')).error).toMatchObject({ condition: 'amqp:not-allowed' });
    client.send('end', 0, {});
    await client.begin(0);
    await client.attachReceiver('q', 1, { name: 'same' });
  });

  it('links beyond the limit of the connection, which lives on', async () => {
    const small = await start({ queues: ['q'], maxLinksPerConnection: 2 });
    const client = await RawClient.session(small.port);
    await client.attachSender('q', 0);
    await client.attachReceiver('q', 1);
    await client.attachReceiver('q', 2);
    expect((await client.next('detach')).error).toMatchObject({ condition: 'amqp:resource-limit-exceeded' });
    client.send('detach', 0, { handle: 2, closed: true });
    client.send('detach', 0, { handle: 1, closed: true });
    await client.next('detach');
    await client.attachReceiver('q', 1);
    client.credit(1, 1);
    small.queue('q').publish('x');
    await client.next('transfer');
  });

  it('connections beyond the limit are told so', async () => {
    const small = await start({ maxConnections: 1 });
    const first = await RawClient.open(small.port);
    const second = await RawClient.open(small.port);
    expect((await second.next('close')).error).toMatchObject({ condition: 'amqp:resource-limit-exceeded' });
    await second.closed;
    first.send('close', 0, {});
    await first.closed;
    const third = await RawClient.open(small.port);
    await third.begin(0);
  });
});

describe('a handshake', () => {
  it('may come byte by byte, and all at once', async () => {
    const bytes = Buffer.concat([
      SASL_HEADER,
      encodeFrame('init', 0, { mechanism: 'ANONYMOUS' }),
      AMQP_HEADER,
      encodeFrame('open', 0, { containerId: 'pipelined' }),
      encodeFrame('begin', 0, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 }),
    ]);
    const fast = await RawClient.connect(broker.port);
    fast.write(bytes);
    await fast.next('begin');
    const slow = await RawClient.connect(broker.port);
    for (const byte of bytes) slow.write(Buffer.from([byte]));
    await slow.next('begin');
  });

  it('may leave SASL out where anybody may come in', async () => {
    const client = await RawClient.connect(broker.port);
    client.write(AMQP_HEADER);
    client.send('open', 0, { containerId: 'no sasl' });
    const open = await client.next('open');
    expect(open.properties).toMatchObject({ product: 'nestjs-amqp10-embedded' });
  });

  it('ends after one wrong password, and after none at all', async () => {
    const closed = await start({ users: { guest: 'secret' } });
    const wrong = await RawClient.connect(closed.port);
    wrong.write(SASL_HEADER);
    expect((await wrong.next('mechanisms')).mechanisms).toEqual(['PLAIN']);
    wrong.send('init', 0, { mechanism: 'PLAIN', initialResponse: Buffer.from('\0guest\0wrong') });
    expect((await wrong.next('outcome')).code).toBe(1);
    await wrong.closed;
    const challenged = await RawClient.connect(closed.port);
    challenged.write(SASL_HEADER);
    challenged.send('init', 0, { mechanism: 'PLAIN' });
    await challenged.next('challenge');
    challenged.send('response', 0, { response: Buffer.from('\0guest\0secret') });
    expect((await challenged.next('outcome')).code).toBe(0);
    const without = await RawClient.connect(closed.port);
    without.write(AMQP_HEADER);
    await without.closed;
    expect(without.headers).toEqual([SASL_HEADER]);
  });
});
