import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { memoryStreamPair } from '../../../lib/broker/stream/memory-stream.js';
import {
  acceptConnection,
  type AcceptedConnection,
  type AcceptorHandlers,
  type AcceptorOptions,
  type AmqpError,
  type AttachRequest,
  type ServerSaslMechanism,
} from '../../../lib/protocol/acceptor/index.js';
import { AMQP_HEADER, encodeFrame, SASL_HEADER } from '../../support/wire/frames.mjs';
import { RawClient } from './support/raw-client.js';

const anonymous: ServerSaslMechanism = {
  name: 'ANONYMOUS',
  needsResponse: false,
  authenticate: () => ({ identity: 'anonymous' }),
};

interface Accepted {
  readonly client: RawClient;
  readonly opened: AcceptedConnection[];
  readonly identities: string[];
  readonly ended: (AmqpError | undefined)[];
}

function accept(
  options: Partial<AcceptorOptions> = {},
  handlers: Partial<AcceptorHandlers> = {},
  mechanism = anonymous,
): Accepted {
  const [near, far] = memoryStreamPair();
  const opened: AcceptedConnection[] = [];
  const identities: string[] = [];
  const ended: (AmqpError | undefined)[] = [];
  acceptConnection(
    far,
    {
      containerId: 'server',
      maxFrameSize: 4_096,
      channelMax: 7,
      handleMax: 7,
      idleTimeoutMs: 0,
      handshakeTimeoutMs: 5_000,
      maxMessageBytes: 1_000,
      sasl: { mechanisms: [mechanism] },
      ...options,
    },
    {
      onOpen: (connection, identity) => {
        opened.push(connection);
        identities.push(identity);
        return undefined;
      },
      onAttach: (request) => request.refuse({ condition: 'amqp:not-found', description: 'nothing here' }),
      onClosed: (_connection, error) => ended.push(error),
      ...handlers,
    },
  );
  return { client: RawClient.over(near), opened, identities, ended };
}

afterEach(() => {
  jest.useRealTimers();
  RawClient.destroyAll();
});

/** For what depends on the clock and on nothing else. */
const stopClock = (): void => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] });

describe('an accepted byte stream', () => {
  it.each<[string, Buffer[]]>([
    ['nothing', []],
    ['a header and no more', [SASL_HEADER]],
    ['everything but the open', [SASL_HEADER, encodeFrame('init', 0, { mechanism: 'ANONYMOUS' }), AMQP_HEADER]],
  ])('is given up when %s came within the handshake deadline, and nobody hears of it', async (_name, writes) => {
    const { client, opened, ended } = accept({ handshakeTimeoutMs: 30 });
    for (const bytes of writes) client.write(bytes);
    await client.closed;
    expect([opened, ended]).toEqual([[], []]);
  });

  it('is not given up when the handshake was in time', async () => {
    stopClock();
    const { client } = accept({ handshakeTimeoutMs: 50 });
    await client.open();
    jest.advanceTimersByTime(100);
    await client.begin(0);
  });

  it('keeps what the peer pipelined until a slow mechanism has answered', async () => {
    let answer: ((identity: { identity: string }) => void) | undefined;
    const slow = {
      ...anonymous,
      authenticate: async () =>
        await new Promise<{ identity: string }>((resolve) => {
          answer = resolve;
        }),
    };
    const { client, opened, identities } = accept({}, {}, slow);
    client.write(Buffer.concat([SASL_HEADER, encodeFrame('init', 0, { mechanism: 'ANONYMOUS' }), AMQP_HEADER]));
    client.write(encodeFrame('open', 0, { containerId: 'eager' }));
    await client.next('mechanisms');
    expect(opened).toHaveLength(0);
    answer?.({ identity: 'somebody' });
    await client.next('open');
    expect(identities).toEqual(['somebody']);
    expect(opened[0]?.peer.containerId).toBe('eager');
  });

  it.each<[string, ServerSaslMechanism['authenticate'], number]>([
    ['refuses', () => undefined, 1],
    [
      'throws',
      () => {
        throw new Error('the user store is down');
      },
      4,
    ],
    ['rejects', async () => await Promise.reject(new Error('the user store is down')), 4],
  ])('ends with the right code when the mechanism %s', async (_name, authenticate, code) => {
    const { client, opened } = accept({}, {}, { ...anonymous, authenticate });
    client.write(SASL_HEADER);
    client.send('init', 0, { mechanism: 'ANONYMOUS' });
    expect((await client.next('outcome')).code).toBe(code);
    await client.closed;
    expect(opened).toHaveLength(0);
  });

  it('is closed with the error that the layer above gives for the open', async () => {
    const { client, ended } = accept({}, { onOpen: () => ({ condition: 'amqp:resource-limit-exceeded' }) });
    await client.open();
    expect((await client.next('close')).error).toMatchObject({ condition: 'amqp:resource-limit-exceeded' });
    await client.closed;
    expect(ended).toHaveLength(1);
  });

  it('is closed, and nothing else happens, when the layer above throws', async () => {
    const onAttach = (): void => {
      throw new Error('a bug');
    };
    const { client, ended } = accept({}, { onAttach });
    await client.open();
    await client.begin(0);
    client.send('attach', 0, { name: 'x', handle: 0, role: true });
    const { error } = await client.next('close');
    expect(error).toMatchObject({ condition: 'amqp:internal-error' });
    expect(JSON.stringify(error)).not.toContain('a bug');
    await client.closed;
    expect(ended).toMatchObject([{ code: 'protocol-error', cause: { message: 'a bug' } }]);
  });

  it('ends in order when the peer closes, and tells why when the peer says why', async () => {
    const orderly = accept();
    await orderly.client.open();
    orderly.client.send('close', 0, {});
    await orderly.client.next('close');
    await orderly.client.closed;
    expect(orderly.ended).toEqual([undefined]);
    const angry = accept();
    await angry.client.open();
    angry.client.send('close', 0, { error: { kind: 'error', condition: 'app:why' } });
    await angry.client.next('close');
    await angry.client.closed;
    expect(angry.ended).toMatchObject([{ condition: 'app:why' }]);
  });

  it('is told of once when it breaks, and destroyed without a word when that is asked', async () => {
    const broken = accept();
    await broken.client.open();
    broken.client.destroy();
    await broken.client.closed;
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(broken.ended).toMatchObject([{ code: 'connection-lost' }]);
    const destroyed = accept();
    await destroyed.client.open();
    destroyed.opened[0]?.destroy();
    destroyed.opened[0]?.close();
    await destroyed.client.closed;
    expect(destroyed.client.frames.filter(({ performative }) => performative === 'close')).toEqual([]);
    expect(destroyed.ended).toHaveLength(1);
  });

  it('closes once, however often it is asked', async () => {
    const { client, opened, ended } = accept();
    await client.open();
    opened[0]?.close({ condition: 'app:first' });
    opened[0]?.close({ condition: 'app:second' });
    expect((await client.next('close')).error).toMatchObject({ condition: 'app:first' });
    await client.closed;
    expect(client.frames.filter(({ performative }) => performative === 'close')).toEqual([]);
    expect(ended).toHaveLength(1);
  });
});

describe('silence', () => {
  it('ends the connection after the idle time-out, with a word', async () => {
    const { client, ended } = accept({ idleTimeoutMs: 60 });
    await client.open();
    expect((await client.next('close')).error).toMatchObject({ condition: 'amqp:resource-limit-exceeded' });
    await client.closed;
    expect(ended).toMatchObject([{ code: 'connection-lost' }]);
  });

  it('is broken by empty frames', async () => {
    const { client } = accept({ idleTimeoutMs: 80 });
    await client.open();
    const started = Date.now();
    const beat = setInterval(() => client.write(Buffer.from([0, 0, 0, 8, 2, 0, 0, 0])), 15);
    await new Promise((resolve) => setTimeout(resolve, 400));
    clearInterval(beat);
    expect(client.isClosed).toBe(false);
    await client.closed;
    expect(Date.now() - started).toBeGreaterThan(400);
  });

  it('of ours is broken as often as the peer asked', async () => {
    stopClock();
    const { client } = accept();
    await client.open({ idleTimeOut: 600 });
    for (let silence = 0; silence < 3; silence++) {
      await jest.advanceTimersByTimeAsync(599);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      expect(client.frames.splice(0).map(({ performative }) => performative)).toContain('empty');
    }
  });
});

describe('an attach', () => {
  async function attachWith(onAttach: (request: AttachRequest) => void): Promise<RawClient> {
    const { client } = accept({}, { onAttach });
    await client.open();
    await client.begin(0);
    client.send('attach', 0, {
      name: 'x',
      handle: 0,
      role: true,
      source: { kind: 'source', address: 'a' },
      target: { kind: 'target', address: 'b' },
    });
    return client;
  }

  it('that is refused is answered with a null source and a closing detach', async () => {
    const client = await attachWith((request) => {
      request.refuse({ condition: 'amqp:not-found', description: 'nothing here' });
      request.refuse({ condition: 'app:second' });
    });
    const attach = await client.next('attach');
    expect([attach.name, attach.role, attach.source, attach.target?.address]).toEqual(['x', false, undefined, 'b']);
    const detach = await client.next('detach');
    expect(detach).toMatchObject({ handle: 0, closed: true, error: { condition: 'amqp:not-found' } });
    client.send('detach', 0, { handle: 0, closed: true });
    client.send('end', 0, {});
    await client.next('end');
  });

  it('that nobody answers is refused', async () => {
    const client = await attachWith(() => undefined);
    expect((await client.next('detach')).error).toMatchObject({ condition: 'amqp:internal-error' });
  });

  it("that is refused in RabbitMQ's way ends its session and no other", async () => {
    const client = await attachWith((request) => request.refuseSession({ condition: 'amqp:not-found' }));
    expect((await client.next('end')).error).toMatchObject({ condition: 'amqp:not-found' });
    client.send('attach', 0, { name: 'y', handle: 1, role: true });
    client.send('end', 0, {});
    await client.begin(1);
  });

  it('that is detached by the peer is answered with the same word', async () => {
    const closed: boolean[] = [];
    const client = await attachWith((request) => {
      if (request.role !== 'peer-receives') return;
      request.accept({
        source: { address: 'a' },
        onSendable: () => undefined,
        onDrain: () => undefined,
        onClosed: (isClosed) => closed.push(isClosed),
      });
    });
    await client.next('attach');
    client.send('detach', 0, { handle: 0, closed: false });
    expect((await client.next('detach')).closed ?? false).toBe(false);
    expect(closed).toEqual([false]);
  });
});

describe('a peer that never reads', () => {
  it('is not read any more, instead of being answered into memory', async () => {
    const [near, far] = memoryStreamPair();
    acceptConnection(
      far,
      {
        containerId: 'server',
        maxFrameSize: 65_536,
        channelMax: 7,
        handleMax: 7,
        idleTimeoutMs: 0,
        handshakeTimeoutMs: 5_000,
        maxMessageBytes: 1_000,
        sasl: { mechanisms: [anonymous], identityWithout: 'anonymous' },
      },
      { onOpen: () => undefined, onAttach: () => undefined, onClosed: () => undefined },
    );
    far.on('error', () => undefined);
    near.write(Buffer.concat([AMQP_HEADER, encodeFrame('open', 0, { containerId: 'deaf' })]));
    near.write(encodeFrame('begin', 0, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 }));
    const flow = encodeFrame('flow', 0, {
      nextIncomingId: 0,
      incomingWindow: 1,
      nextOutgoingId: 0,
      outgoingWindow: 1,
      echo: true,
    });
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => flow));
    let isHeldBack = false;
    for (let round = 0; round < 500 && !isHeldBack; round++) {
      isHeldBack = !near.write(flood);
      // Several turns for the other end to read in.
      for (let turn = 0; isHeldBack && turn < 10; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        isHeldBack = near.writableNeedDrain;
      }
    }
    expect(isHeldBack).toBe(true);
    expect(far.writableLength).toBeLessThan(32 * 1024 * 1024);
    near.destroy();
  }, 30_000);
});
