import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { scramExchange } from '../../../lib/client/credentials/scram.js';
import { AmqpError, AuthenticationError, ConnectionError } from '../../../lib/protocol/errors.js';
import type { SaslMechanism } from '../../../lib/protocol/connection.js';
import { eventually } from '../../support/eventually.js';
import {
  AMQP_HEADER,
  dropped,
  encodeFrame,
  replacedBy,
  rawFrame,
  type PeerScript,
} from '../../support/scripted-peer.js';
import { ANONYMOUS, Bench, TestSender, catchRethrown, deadline, turn } from './harness.js';
import { failure } from '../../support/failure.js';
import { LATE_MS } from '../../support/time.js';

const bench = new Bench();
afterEach(() => bench.clear());

const PLAIN: SaslMechanism = {
  ...ANONYMOUS,
  name: 'PLAIN',
  initialResponse: () => Buffer.from('\0üser\0pässwörd'),
};

describe('SASL of a client', () => {
  it('refuses to go on when the peer does not offer the mechanism, and says what it offers', async () => {
    const peer = await bench.peer({ mechanisms: ['EXTERNAL', 'constructor'] });
    const error = await failure(bench.connect(peer, { sasl: PLAIN }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ saslCode: undefined, retryable: false });
    expect(String(error)).toContain('EXTERNAL, constructor');
    expect(peer.seen('init')).toEqual([]);
  });

  it.each([
    [1, false],
    [2, false],
    [3, false],
    [4, true],
    [77, false],
  ])('outcome %d rejects with the code, retryable %s', async (saslCode, retryable) => {
    const peer = await bench.peer({ saslCode });
    const error = await failure(bench.connect(peer, { sasl: PLAIN }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ saslCode, retryable });
    expect(String(error)).not.toContain('pässwörd');
  });

  it('does not take the word of a peer that has not proved itself where the mechanism asks for that', async () => {
    const peer = await bench.peer({ mechanisms: ['SCRAM-SHA-256'] });
    const sasl = scramExchange('user', () => Promise.resolve('pencil'));
    const error = await failure(bench.connect(peer, { sasl }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(String(error)).toContain('it ended with success, without a proof that it knows the password');
    expect(peer.seen('open')).toEqual([]);
  });

  it.each<[string, PeerScript]>([
    ['an AMQP header in place of the SASL one', { onHeader: (connection) => connection.replyHeader(0) }],
    ['AMQP 0-9-1', { onHeader: (connection) => connection.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1')) }],
  ])('%s is an AuthenticationError', async (_what, script) => {
    const peer = await bench.peer(script);
    expect(await failure(bench.connect(peer))).toBeInstanceOf(AuthenticationError);
    expect(peer.seen('init')).toEqual([]);
  });

  it.each<[string, PeerScript]>([
    [
      'an HTTP banner',
      { onConnection: (connection) => connection.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')) },
    ],
    [
      'an outcome before anything was asked',
      {
        replies: {
          mechanisms: replacedBy(rawFrame(Buffer.from('005344c0030150 00'.replaceAll(' ', ''), 'hex'), { type: 1 })),
        },
      },
    ],
    ['an AMQP frame inside SASL', { replies: { mechanisms: replacedBy(rawFrame(Buffer.from('00531845', 'hex'))) } }],
    [
      'mechanisms twice',
      {
        replies: {
          outcome: replacedBy(rawFrame(Buffer.from('005340c003 01a300'.replaceAll(' ', ''), 'hex'), { type: 1 })),
        },
      },
    ],
    ['an empty frame', { replies: { mechanisms: replacedBy(rawFrame(Buffer.alloc(0), { type: 1 })) } }],
  ])('%s is a protocol error, and the stream is gone', async (_what, script) => {
    const peer = await bench.peer(script);
    const error = await failure(bench.connect(peer));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'protocol-error' });
    await eventually('the stream is closed', () => peer.connection.isClosed);
  });

  it('a mechanism that throws is an AuthenticationError with the cause, not a crash', async () => {
    const cause = new Error('no token today');
    const peer = await bench.peer();
    const error = await failure(
      bench.connect(peer, { sasl: { ...PLAIN, initialResponse: () => Promise.reject(cause) } }),
    );
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ cause });
  });

  it('hears a refusal also from a peer that goes on with its AMQP header in the same breath, as Artemis does', async () => {
    const refusal = encodeFrame('outcome', 0, { code: 1 });
    const peer = await bench.peer({ replies: { outcome: replacedBy(Buffer.concat([refusal, AMQP_HEADER])) } });
    const error = await failure(bench.connect(peer));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ saslCode: 1, retryable: false });
  });

  it('gives up on a peer that asks for ever', async () => {
    const peer = await bench.peer({
      on: {
        init: (connection) => connection.reply('challenge', 0, { challenge: Buffer.from('more') }),
        response: (connection) => connection.reply('challenge', 0, { challenge: Buffer.from('more') }),
      },
    });
    const sasl: SaslMechanism = { ...PLAIN, step: (challenge) => challenge };
    expect(await failure(bench.connect(peer, { sasl }))).toBeInstanceOf(AuthenticationError);
    expect(peer.seen('response').length).toBeLessThan(20);
  });

  it('answers challenges in order, and sends the response byte for byte', async () => {
    const peer = await bench.peer({
      mechanisms: ['X-STEPS', 'PLAIN'],
      on: {
        init: (connection) => connection.reply('challenge', 0, { challenge: Buffer.from('one') }),
        response: (connection, frame) =>
          frame.response.toString() === 'one!'
            ? connection.reply('challenge', 0, { challenge: Buffer.from('two') })
            : connection.reply('outcome', 0, { code: 0 }),
      },
    });
    const sasl: SaslMechanism = {
      ...PLAIN,
      alternatives: ['X-STEPS'],
      name: 'X-MISSING',
      step: (challenge) => Promise.resolve(Buffer.from(`${challenge.toString()}!`)),
    };
    await bench.connect(peer, { sasl, hostname: 'vhost:a' });
    expect(peer.seen('init')).toMatchObject([
      { mechanism: 'X-STEPS', hostname: 'vhost:a', initialResponse: Buffer.from('\0üser\0pässwörd', 'utf8') },
    ]);
    expect(peer.seen('response').map((frame) => frame.response.toString())).toEqual(['one!', 'two!']);
  });
});

describe('OPEN', () => {
  it('a peer that says nothing ends with the signal, and the stream is destroyed', async () => {
    const peer = await bench.peer({ silent: true });
    const reason = new ConnectionError('connect-timeout', 'too slow');
    const abort = new AbortController();
    const stream = await bench.stream(peer);
    const opening = failure(bench.connect(peer, { stream, signal: abort.signal }));
    abort.abort(reason);
    expect(await opening).toBe(reason);
    expect(stream.destroyed).toBe(true);
  });

  it('a peer that never answers OPEN ends with the signal', async () => {
    const peer = await bench.peer({ replies: { open: dropped } });
    const reason = new ConnectionError('connect-timeout', 'too slow');
    const abort = new AbortController();
    const opening = failure(bench.connect(peer, { signal: abort.signal }));
    await peer.next('open');
    abort.abort(reason);
    expect(await opening).toBe(reason);
  });

  it.each<[string, PeerScript, string, boolean]>([
    ['the stream ends', { on: { open: (connection) => connection.finish() } }, 'connection-lost', true],
    ['the stream is reset', { on: { open: (connection) => connection.drop() } }, 'connection-lost', true],
    [
      'CLOSE follows OPEN at once',
      {
        on: {
          open: (connection, _frame, byDefault) => {
            byDefault();
            connection.close({ kind: 'error', condition: 'amqp:not-allowed', description: 'vhost' });
          },
        },
      },
      'connection-lost',
      false,
    ],
    ['max-frame-size is under 512', { open: { maxFrameSize: 511 } }, 'protocol-error', true],
    [
      'it is not the first frame',
      {
        on: {
          open: (connection) =>
            connection.reply('begin', 0, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 }),
        },
      },
      'protocol-error',
      true,
    ],
  ])('rejects when %s', async (_what, script, code, retryable) => {
    const peer = await bench.peer(script);
    const error = await failure(bench.connect(peer));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code, retryable });
    await eventually('the stream is closed', () => peer.connection.isClosed);
  });

  it('says why in CLOSE when the peer offers frames under 512 bytes', async () => {
    const peer = await bench.peer({ open: { maxFrameSize: 16 } });
    await failure(bench.connect(peer));
    const close = await peer.next('close');
    expect(close.error).toMatchObject({ condition: 'amqp:invalid-field' });
  });

  it('tells what the peer said, and says what it was told to', async () => {
    const peer = await bench.peer({
      open: {
        containerId: 'broker-7',
        maxFrameSize: 70_000,
        channelMax: 9,
        properties: { product: 'Scripted', version: '1' },
        offeredCapabilities: ['ANONYMOUS-RELAY'],
      },
    });
    const { connection } = await bench.connect(peer, {
      containerId: 'me',
      hostname: 'vhost:x',
      maxFrameSize: 4_096,
      channelMax: 63,
      idleTimeoutMs: 30_000,
      properties: { product: 'ours' },
      desiredCapabilities: ['A', 'B'],
    });
    expect(connection.peer).toEqual({
      containerId: 'broker-7',
      maxFrameSize: 70_000,
      channelMax: 9,
      idleTimeoutMs: undefined,
      properties: { product: 'Scripted', version: '1' },
      offeredCapabilities: ['ANONYMOUS-RELAY'],
    });
    expect(connection.sessionLimit).toBe(10);
    expect(peer.seen('open')).toMatchObject([
      {
        containerId: 'me',
        hostname: 'vhost:x',
        maxFrameSize: 4_096,
        channelMax: 63,
        idleTimeOut: 15_000,
        properties: { product: 'ours' },
        desiredCapabilities: ['A', 'B'],
      },
    ]);
  });

  it('opens when every reply comes byte by byte, and when all come at once', async () => {
    const slow = await bench.peer({ chunk: 1 });
    const { connection } = await bench.connect(slow);
    expect(connection.peer.containerId).toBe('scripted-peer');
    expect(slow.violations).toEqual([]);
  });

  it.each([
    [0, undefined],
    [500, 1_000],
    [1_999, 1_000],
    [60_000, 30_000],
  ])('an idle time-out of %d ms is advertised as %s', async (idleTimeoutMs, advertised) => {
    const peer = await bench.peer();
    await bench.connect(peer, { idleTimeoutMs });
    expect(peer.seen('open')[0]?.idleTimeOut).toBe(advertised);
  });
});

describe('the end of a connection', () => {
  it('is told once when the peer resets, ends or closes', async () => {
    for (const end of ['drop', 'finish', 'close'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, to tell them apart
      const { peer, lost } = await bench.session();
      peer.connection[end]();
      // oxlint-disable-next-line no-await-in-loop -- as above
      await eventually('it is noticed', () => lost.length > 0);
      // oxlint-disable-next-line no-await-in-loop -- as above
      await eventually('the stream is closed', () => peer.connection.isClosed);
      expect(lost).toHaveLength(1);
      expect(lost[0]).toMatchObject({ code: 'connection-lost', retryable: true });
    }
  });

  it('carries the condition of the peer, and answers its CLOSE', async () => {
    const { peer, lost } = await bench.session();
    peer.connection.close({ kind: 'error', condition: 'amqp:connection:forced', description: 'maintenance' });
    await peer.next('close');
    expect(lost).toMatchObject([{ condition: 'amqp:connection:forced', retryable: true }]);
    expect(lost[0]?.message).toContain('maintenance');
  });

  it('close() says CLOSE, resolves when it is answered, and is not a loss', async () => {
    const { peer, connection, lost } = await bench.session();
    await connection.close({ timeoutMs: 1_000 });
    await connection.close({ timeoutMs: 1_000 });
    expect(peer.seen('close')).toHaveLength(1);
    expect(lost).toEqual([]);
    expect(peer.violations).toEqual([]);
    expect(await failure(connection.beginSession({ signal: deadline() }))).toBeInstanceOf(AmqpError);
  });

  it('close() resolves in its time when the peer is a black hole', async () => {
    const { peer, connection, lost } = await bench.session();
    peer.connection.silent = true;
    const start = performance.now();
    await connection.close({ timeoutMs: 100 });
    expect(performance.now() - start).toBeLessThan(100 + LATE_MS);
    expect(lost).toEqual([]);
  });

  it('destroy() drops everything without a word and without onLost', async () => {
    const { peer, connection, session, lost } = await bench.session();
    const sender = await TestSender.attach(session);
    connection.destroy(new ConnectionError('connection-lost', 'enough'));
    expect(sender.closed.map((error) => error.message)).toEqual(['enough']);
    await eventually('the stream is closed', () => peer.connection.isClosed);
    expect(peer.seen('close')).toEqual([]);
    expect(lost).toEqual([]);
  });

  it('a throwing onLost does not come back through the socket', async () => {
    const peer = await bench.peer();
    const { thrown, restore } = catchRethrown();
    try {
      await bench.connect(peer, {
        onLost: () => {
          throw new Error('mine');
        },
      });
      peer.connection.drop();
      await eventually('it is rethrown', () => thrown.length > 0);
    } finally {
      restore();
    }
    expect(thrown).toMatchObject([{ message: 'mine' }]);
  });
});

describe('keep-alive', () => {
  it('gives a silent peer up after the idle time-out, with a reason on the wire', async () => {
    const { peer, lost } = await bench.session({ heartbeats: false }, { idleTimeoutMs: 1_000 });
    const close = await peer.next('close');
    expect(close.error).toMatchObject({ condition: 'amqp:resource-limit-exceeded' });
    expect(lost).toMatchObject([{ code: 'connection-lost' }]);
    expect(lost[0]?.message).toContain('silent');
  });

  it('does not take a blocked event loop for a silent peer', async () => {
    const { peer, lost, connection } = await bench.session({}, { idleTimeoutMs: 2_000 });
    // What the peer sends while nobody reads waits in the socket.
    peer.connection.write(rawFrame(Buffer.alloc(0)));
    const until = performance.now() + 2_300;
    while (performance.now() < until);
    await connection.beginSession({ signal: deadline() });
    // It looks again behind what waited in the socket.
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(lost).toEqual([]);
  });

  it.each([
    [600, undefined, 250, 400],
    [1, undefined, 200, 400],
    [60_000, 250, 200, 400],
  ])(
    'a peer that asks for %s ms, with a wish of %s: frames about every 250 to 300 ms',
    async (idleTimeOut, heartbeatMs, least, most) => {
      const peer = await bench.peer({ open: { idleTimeOut } });
      jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] });
      try {
        const { connection } = await bench.connect(peer, heartbeatMs === undefined ? {} : { heartbeatMs });
        await jest.advanceTimersByTimeAsync(3_000);
        // Comes behind them all.
        await connection.beginSession({ signal: deadline() });
        const gap = 3_000 / peer.seen('empty').length;
        expect(gap).toBeGreaterThan(least / 2);
        expect(gap).toBeLessThan(most);
      } finally {
        jest.useRealTimers();
      }
    },
  );
});
