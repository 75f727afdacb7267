import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AMQP_HEADER,
  SASL_HEADER,
  ScriptedPeer,
  decodeMessage,
  delayed,
  dropped,
  duplicated,
  encodeFrame,
  encodeMessage,
  firstOnly,
  reordered,
  replacedBy,
  type PeerScript,
} from '../../support/scripted-peer.js';

const peers: ScriptedPeer[] = [];
const sockets: Socket[] = [];

async function start(script: PeerScript = {}): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen(script);
  peers.push(peer);
  return peer;
}

/** A client that only writes what it is told. */
async function rawClient(peer: ScriptedPeer): Promise<Socket> {
  const socket = connect({ port: peer.port, host: '127.0.0.1', noDelay: true });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(SASL_HEADER);
  socket.write(encodeFrame('init', 0, { mechanism: 'ANONYMOUS' }));
  socket.write(AMQP_HEADER);
  socket.write(encodeFrame('open', 0, { containerId: 'raw' }));
  socket.write(encodeFrame('begin', 0, { nextOutgoingId: 0, incomingWindow: 100, outgoingWindow: 100 }));
  return socket;
}

const attachSender = encodeFrame('attach', 0, {
  name: 's',
  handle: 0,
  role: false,
  source: { kind: 'source' },
  target: { kind: 'target', address: 'orders' },
  initialDeliveryCount: 0,
});
const attachReceiver = encodeFrame('attach', 0, {
  name: 'r',
  handle: 1,
  role: true,
  source: { kind: 'source', address: 'orders' },
  target: { kind: 'target' },
});
const body = encodeMessage({ data: 'hello' });
const transfer = (deliveryId: number, more = false, handle = 0): Buffer =>
  encodeFrame('transfer', 0, { handle, deliveryId, deliveryTag: Buffer.from([deliveryId]), more }, body);
const flow = (fields: object): Buffer =>
  encodeFrame('flow', 0, { incomingWindow: 100, nextOutgoingId: 0, outgoingWindow: 100, ...fields });

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(peers.splice(0).map(async (peer) => peer.close()));
});

describe('ScriptedPeer', () => {
  it('says what was on the wire when a frame does not come', async () => {
    const peer = await start();
    await rawClient(peer);
    await peer.next('begin');

    await expect(peer.next('attach', { timeoutMs: 20 })).rejects.toThrow(/no frame "attach" within 20 ms.*<- open/s);
  });

  it('fails the waits that are open when it closes', async () => {
    const peer = await start();
    const waiting = peer.next('open');
    const outcome = expect(waiting).rejects.toThrow('closed');

    await peer.close();
    await outcome;
  });

  it.each([
    ['a transfer without credit', { credit: 1 }, [attachSender, transfer(0), transfer(1)], 'without credit'],
    ['a gap in the delivery ids', {}, [attachSender, transfer(0), transfer(2)], 'delivery-id 2 where 1 was due'],
    [
      'a transfer after detach',
      {},
      [attachSender, encodeFrame('detach', 0, { handle: 0, closed: true }), transfer(0)],
      'transfer on handle 0, which is not attached',
    ],
    [
      'a frame over the peer’s size',
      { open: { maxFrameSize: 512 } },
      [attachSender, encodeFrame('transfer', 0, { handle: 0, deliveryId: 0, deliveryTag: body }, Buffer.alloc(600))],
      '512 allowed',
    ],
    ['a delivery inside another', {}, [attachSender, transfer(0, true), transfer(1)], 'begins inside delivery 0'],
    ['a message over the link’s size', { attach: { maxMessageSize: 5 } }, [attachSender, transfer(0)], '5 allowed'],
    [
      'a handle in use',
      {},
      [attachSender, encodeFrame('attach', 0, { name: 'other', handle: 0, role: true })],
      'in use',
    ],
    [
      'a link name twice',
      {},
      [attachSender, encodeFrame('attach', 0, { name: 's', handle: 1, role: false, initialDeliveryCount: 0 })],
      'twice',
    ],
    ['a transfer beyond the window', { incomingWindow: 0 }, [attachSender, transfer(0)], 'window'],
    ['a frame on no session', {}, [encodeFrame('end', 7)], 'has no session'],
    ['a frame after close', {}, [encodeFrame('close', 0), attachSender], 'after close'],
    [
      'a disposition of what was never sent',
      {},
      [encodeFrame('disposition', 0, { role: true, first: 3, settled: true, state: { kind: 'accepted' } })],
      'never sent unsettled',
    ],
  ] satisfies [string, PeerScript, Buffer[], string][])('finds %s', async (_what, script, frames, fault) => {
    const peer = await start(script);
    const socket = await rawClient(peer);
    await peer.next('begin');
    for (const frame of frames) {
      const seen = peer.records.length;
      socket.write(frame);
      // oxlint-disable-next-line no-await-in-loop -- one frame after the other on purpose
      await peer.until('the frame', () => peer.records.slice(seen).some((record) => record.direction === 'in'));
    }

    expect(peer.violations).toHaveLength(1);
    expect(peer.violations[0]).toContain(fault);
  });

  it('finds a second disposition of one delivery', async () => {
    const peer = await start();
    const socket = await rawClient(peer);
    socket.write(attachReceiver);
    const link = await peer.nextLink('receiver');
    const first = link.send({ data: 'a' });
    socket.write(encodeFrame('disposition', 0, { role: true, first, settled: true, state: { kind: 'accepted' } }));
    socket.write(encodeFrame('disposition', 0, { role: true, first, settled: true, state: { kind: 'released' } }));
    await peer.next('disposition');
    await peer.next('disposition');

    expect(peer.violations).toEqual([expect.stringContaining(`second disposition of delivery ${first}`)]);
  });

  it('accepts what is sent, puts frames together, and finds no fault in it', async () => {
    const peer = await start();
    const socket = await rawClient(peer);
    socket.write(attachSender);
    await peer.until('credit', () => peer.sent('flow').length > 0);
    socket.write(transfer(0));
    socket.write(transfer(1, true));
    socket.write(transfer(1));

    const one = await peer.nextDelivery();
    const two = await peer.nextDelivery();
    expect(decodeMessage(one.payload).data?.toString()).toBe('hello');
    expect(two.frames).toBe(2);
    expect(peer.sent('disposition').map(({ first, state }) => [first, state])).toEqual([
      [0, { kind: 'accepted' }],
      [1, { kind: 'accepted' }],
    ]);
    expect(peer.violations).toEqual([]);
  });

  it('sends with counters that wrap, and knows the credit of a receiver', async () => {
    const peer = await start();
    const socket = await rawClient(peer);
    socket.write(attachReceiver);
    const link = await peer.nextLink('receiver');
    socket.write(flow({ handle: 1, deliveryCount: 0xffff_fffb, linkCredit: 10 }));
    await link.creditAtLeast(10);

    const ids = [
      link.send({ data: 'a' }),
      link.send({ data: 'b' }),
      link.send({ data: 'c' }),
      link.send({ data: 'd' }),
    ];
    expect(ids).toEqual([0xffff_fffd, 0xffff_fffe, 0xffff_ffff, 0]);
    expect(link.credit).toBe(6);
    expect(link.session.unsettled.size).toBe(4);
  });

  it('answers a drain with the credit used up', async () => {
    const peer = await start({ initialDeliveryCount: 0 });
    const socket = await rawClient(peer);
    socket.write(attachReceiver);
    socket.write(flow({ handle: 1, deliveryCount: 0, linkCredit: 10, drain: true }));
    await peer.until('the answer', () => peer.sent('flow').length > 0);

    expect(peer.sent('flow')[0]).toMatchObject({ handle: 1, deliveryCount: 10, linkCredit: 0, drain: true });
  });

  it.each([
    ['dropped', { begin: dropped }, []],
    ['duplicated', { begin: duplicated }, ['begin', 'begin']],
    ['delayed', { open: delayed(5) }, ['begin', 'open']],
    ['reordered', { open: reordered(2), begin: duplicated }, ['begin', 'begin']],
    ['replaced', { begin: replacedBy(encodeFrame('end', 0)) }, ['end']],
    ['dropped once', { begin: firstOnly(dropped) }, []],
  ] satisfies [string, NonNullable<PeerScript['replies']>, string[]][])(
    'sends replies %s',
    async (_what, replies, expected) => {
      const peer = await start({ replies });
      await rawClient(peer);
      await peer.next('begin');
      await peer.until(
        'the replies',
        () => sentKinds(peer).filter((kind) => expected.includes(kind)).length >= expected.length,
      );

      expect(sentKinds(peer).filter((kind) => kind !== 'mechanisms' && kind !== 'outcome')).toEqual(
        expected.includes('open') || 'open' in replies ? expected : ['open', ...expected],
      );
    },
  );

  it('lets a handler answer, or ask for the usual answer', async () => {
    const seen: string[] = [];
    const peer = await start({
      on: {
        open: (_connection, open, byDefault) => {
          seen.push(open.containerId);
          byDefault();
        },
        begin: (connection) => connection.close({ kind: 'error', condition: 'amqp:not-allowed' }),
      },
    });
    await rawClient(peer);
    await peer.next('begin');

    expect(seen).toEqual(['raw']);
    expect(peer.sent('close')[0]?.error?.condition).toBe('amqp:not-allowed');
  });

  it('writes in small pieces when told so', async () => {
    const peer = await start({ chunk: 3 });
    const socket = await rawClient(peer);
    const sizes: number[] = [];
    const all = new Promise<void>((resolve) => {
      let total = 0;
      socket.on('data', (chunk) => {
        sizes.push(chunk.length);
        total += chunk.length;
        if (total >= 100) resolve();
      });
    });
    await all;

    expect(sizes.length).toBeGreaterThan(10);
  });

  it('serves in-memory streams in the same way', async () => {
    const peer = new ScriptedPeer();
    peers.push(peer);
    const stream = await peer.dial();
    stream.resume();
    stream.write(SASL_HEADER);
    stream.write(encodeFrame('init', 0, { mechanism: 'PLAIN', initialResponse: Buffer.from('\0u\0p') }));
    const init = await peer.next('init');
    expect(init.initialResponse?.toString('latin1')).toBe('\0u\0p');

    const closed = once(stream, 'close');
    init.via.drop();
    await closed;
  });
});

function sentKinds(peer: ScriptedPeer): string[] {
  return peer.records.flatMap((record) =>
    record.direction === 'out' && record.kind === 'frame' ? [record.frame.performative] : [],
  );
}
