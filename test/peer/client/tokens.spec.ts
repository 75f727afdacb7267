// Claims-based security: tokens that are put before any link is attached, and renewed on the open connection.

import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AmqpConnection,
  AuthenticationError,
  jwtToken,
  sasToken,
  type AuthenticationStatus,
  type ConnectionOptions,
  type SendClient,
} from '../../../lib/client/index.js';
import { claimsNode, type Answer, type ClaimsNode } from '../../support/client/claims-node.js';
import { eventually } from '../../support/eventually.js';
import {
  wire,
  type FrameOf,
  type PeerConnection,
  type PeerLink,
  type PeerScript,
} from '../../support/scripted-peer.js';
import { LATE_MS } from '../../support/time.js';

const nodes: ClaimsNode[] = [];
const connections: AmqpConnection[] = [];

async function nodeOf(answer?: Answer, script?: PeerScript, name?: string): Promise<ClaimsNode> {
  const node = await claimsNode(answer, script, name);
  nodes.push(node);
  return node;
}

interface Client {
  readonly connection: AmqpConnection;
  readonly log: string[];
  readonly seen: AuthenticationStatus[];
}

function clientOf(node: ClaimsNode, options: Partial<ConnectionOptions>): Client {
  const log: string[] = [];
  const seen: AuthenticationStatus[] = [];
  const write = (line: string): void => void log.push(line);
  const connection = new AmqpConnection({
    uri: node.peer.uri,
    bootTimeoutMs: 3_000,
    reconnect: { initialDelayMs: 2, maxDelayMs: 10 },
    logger: { log: write, warn: write, error: write },
    observer: { onAuthentication: (status) => void seen.push(status) },
    ...options,
  });
  connections.push(connection);
  return { connection, log, seen };
}

/** A new token each time it is asked, `token-1`, `token-2` ..., each good for `lifeMs`; from `token-<lastly>` on for an hour. */
function provider(
  lifeMs: number,
  lastly = Infinity,
): {
  readonly getToken: () => Promise<{ token: string; expiresOn: number }>;
  asked: number;
} {
  const made = {
    asked: 0,
    getToken: () => {
      made.asked += 1;
      const goodMs = made.asked < lastly ? lifeMs : HOUR;
      return Promise.resolve({ token: `token-${made.asked}`, expiresOn: Date.now() + goodMs });
    },
  };
  return made;
}

const AUDIENCE = 'sb://host/orders';
const HOUR = 3_600_000;

const failure = async (work: Promise<unknown>): Promise<AuthenticationError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AuthenticationError) return error;
  throw new Error(`no AuthenticationError: ${String(error)}`);
};

/** A client of "orders" that has sent one message, and its link as the peer sees it. */
async function attachedTo(
  node: ClaimsNode,
  connection: AmqpConnection,
): Promise<{ orders: SendClient; target: PeerLink }> {
  const orders = connection.createSendClient('orders');
  await orders.send('one');
  for (;;) {
    const target = await node.peer.nextLink('sender');
    if (!target.name.startsWith('cbs-')) return { orders, target };
  }
}

function refuse(via: PeerConnection, attach: FrameOf<'attach'>): void {
  via.reply('attach', attach.channel, { name: attach.name, handle: attach.handle, role: !attach.role });
  const error = { kind: 'error', condition: 'amqp:unauthorized-access' } as const;
  via.reply('detach', attach.channel, { handle: attach.handle, closed: true, error });
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(nodes.splice(0).map(({ peer }) => peer.close()));
});

describe('a token that is refused', () => {
  it('fails open() at once with the status and what the peer said, and without the token', async () => {
    const node = await nodeOf((put) => {
      put.answer({ applicationProperties: { 'status-code': 401, 'status-description': 'InvalidSignature' } });
      return undefined;
    });
    const { connection, log } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    const error = await failure(connection.open());
    expect(error).toMatchObject({ code: 'authentication', statusCode: 401, retryable: false, saslCode: undefined });
    expect(error.description).toBe('InvalidSignature');
    expect(error.message).toBe(
      `${node.peer.uri}: the token for "${AUDIENCE}" was not taken by "$cbs": the peer answered 401: InvalidSignature`,
    );
    expect(`${log.join()}${String(error)}${JSON.stringify(error)}`).not.toContain('token-1');
    expect(connection.authentication).toMatchObject({ state: 'failed', error });
    expect(node.puts).toHaveLength(1);
    await eventually('the connection is closed', () => node.peer.connections.every(({ isEnded }) => isEnded));
  });

  it.each([[500], [503], [408], [429]])(
    'with the passing status %d is tried again by the next attempt',
    async (status) => {
      const node = await nodeOf((_put, index) => (index === 0 ? status : 202));
      const { connection } = clientOf(node, {
        credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
      });
      await connection.open();
      expect(node.puts.map(({ token }) => token)).toEqual(['token-1', 'token-2']);
    },
  );

  it('by the disposition alone fails without waiting for an answer', async () => {
    const node = await nodeOf(() => undefined, {
      verdict: () => ({ kind: 'rejected', error: { kind: 'error', condition: 'amqp:not-allowed', description: 'no' } }),
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    const error = await failure(connection.open());
    expect(error).toMatchObject({ condition: 'amqp:not-allowed', retryable: false });
    expect(error.message).toContain('the peer rejected the request (amqp:not-allowed: no)');
  });

  it.each<[string, Record<string, unknown>]>([
    ['no status', {}],
    ['a status that is no number', { 'status-code': 'fine' }],
    ['a status that is no whole number', { 'status-code': wire.double(202.5) }],
  ])('by an answer with %s is an error that another attempt may mend', async (_name, applicationProperties) => {
    const node = await nodeOf((put, index) => {
      if (index > 0) return 200;
      put.answer({ applicationProperties });
      return undefined;
    });
    const { connection, log } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    await connection.open();
    expect(log.join('\n')).toContain('the answer has no status code');
  });
});

describe('a node for tokens', () => {
  it('that gives the id of a request back as a UUID is understood', async () => {
    const node = await nodeOf((put) => {
      const correlationId = wire.uuid(String(put.request.properties?.messageId));
      put.answer({ properties: { correlationId }, applicationProperties: { 'status-code': 202 } });
      return undefined;
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
      connectTimeoutMs: 4_000,
      reconnect: false,
    });
    await connection.open();
    expect(connection.authentication).toMatchObject({ state: 'ok' });
  });

  it('that never answers fails the attempt within its time', async () => {
    const node = await nodeOf(() => undefined);
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
      connectTimeoutMs: 1_200,
      reconnect: false,
    });
    const error = await failure(connection.open());
    expect(error).toMatchObject({ retryable: true });
    expect(error.message).toContain(`no token was taken for "${AUDIENCE}" within 1200 ms`);
  });

  it('that is not there fails the attempt with what the peer said', async () => {
    const node = await nodeOf(undefined, {
      on: {
        attach: (via, attach) => {
          via.reply('attach', attach.channel, { name: attach.name, handle: attach.handle, role: !attach.role });
          const error = { kind: 'error', condition: 'amqp:not-found', description: 'no such node' } as const;
          via.reply('detach', attach.channel, { handle: attach.handle, closed: true, error });
        },
      },
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    const error = await failure(connection.open());
    expect(error).toMatchObject({ condition: 'amqp:not-found', retryable: false });
    expect(error.message).toContain('no such node');
  });

  it('that gives no credit fails the attempt within its time', async () => {
    const node = await nodeOf(undefined, { credit: 0 });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
      connectTimeoutMs: 1_200,
      reconnect: false,
    });
    expect(await failure(connection.open())).toMatchObject({ retryable: true });
  });

  it('that detaches in place of an answer fails the attempt at once, and the next one is made', async () => {
    const node = await nodeOf((put, index) => {
      if (index > 0) return 202;
      put.requests.detach({ error: { kind: 'error', condition: 'amqp:internal-error' } });
      return undefined;
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    await connection.open();
    expect(node.puts).toHaveLength(2);
  });

  it('that detaches and repeats the token has it shown nowhere', async () => {
    const token = 'hunter2-of-nobody';
    const node = await nodeOf(({ requests }) => {
      const description = `what is ${token}?`;
      requests.detach({ error: { kind: 'error', condition: 'amqp:unauthorized-access', description } });
      return undefined;
    });
    const getToken = () => Promise.resolve({ token, expiresOn: Date.now() + 60_000 });
    const { connection, log, seen } = clientOf(node, {
      credentials: jwtToken({ audience: 'a', getToken }),
      reconnect: false,
    });
    const error = await failure(connection.open());
    expect(error).toMatchObject({ condition: 'amqp:unauthorized-access', message: expect.stringContaining('***?') });
    expect(inspect([error, log, seen], { depth: 9, showHidden: true })).not.toContain(token);
  });

  it('that drops the connection in place of an answer costs this attempt only', async () => {
    const node = await nodeOf((put, index) => {
      if (index > 0) return 202;
      put.via.drop();
      return undefined;
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    await connection.open();
    expect(node.puts).toHaveLength(2);
  });

  it('that answers twice, or to somebody else, is believed once', async () => {
    const node = await nodeOf((put) => {
      put.answer({ properties: { correlationId: 'other' }, applicationProperties: { 'status-code': 401 } });
      put.answer({ properties: {}, applicationProperties: { 'status-code': 401 } });
      put.answer({ applicationProperties: { 'status-code': 200 } });
      put.answer({ applicationProperties: { 'status-code': 500 } });
      return undefined;
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    await connection.open();
    expect(connection.authentication).toMatchObject({ state: 'ok' });
  });

  it.each<[string, (index: number) => object]>([
    ['that is larger than any', () => ({ value: 'x'.repeat(200_000) })],
    ['that is no message', () => ({})],
  ])('whose answer is one %s costs this attempt only', async (name, content) => {
    const node = await nodeOf((put, index) => {
      if (index > 0) return 202;
      if (name === 'that is no message') put.answers?.send(Buffer.from('not a message'));
      else put.answer({ applicationProperties: { 'status-code': 200 }, ...content(index) });
      return undefined;
    });
    const { connection, log } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    await connection.open();
    expect(log.join('\n')).toContain('an answer cannot be read');
    expect(node.puts).toHaveLength(2);
  });

  it('says at most so much of itself', async () => {
    const description = 'long '.repeat(2_000);
    const node = await nodeOf((put) => {
      put.answer({ applicationProperties: { 'status-code': 403, 'status-description': description } });
      return undefined;
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    expect((await failure(connection.open())).message.length).toBeLessThan(1_000);
  });
});

describe('a provider', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('hunter2');
      },
    ],
    ['rejects', () => Promise.reject(new Error('hunter2'))],
    ['gives nothing', () => undefined],
    ['gives no token', () => Promise.resolve({ token: '', expiresOn: Date.now() + HOUR })],
    ['gives no time', () => Promise.resolve({ token: 'hunter2' })],
    ['gives seconds for milliseconds', () => Promise.resolve({ token: 'hunter2', expiresOn: 4_000_000_000 })],
    ['gives a token whose time is over', () => Promise.resolve({ token: 'hunter2', expiresOn: Date.now() - 1 })],
  ])('that %s fails the attempt, which may be repeated, and puts nothing', async (_name, getToken) => {
    const node = await nodeOf();
    const { connection, log } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: getToken as () => Promise<never> }),
      reconnect: false,
    });
    const error = await failure(connection.open());
    expect(error).toMatchObject({ retryable: true, code: 'authentication' });
    expect(error.message).not.toContain('hunter2');
    expect(log.join()).not.toContain('hunter2');
    expect(node.puts).toEqual([]);
  });

  it('that never answers fails the attempt within its time', async () => {
    const node = await nodeOf();
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: () => new Promise(() => undefined) }),
      connectTimeoutMs: 1_200,
      reconnect: false,
    });
    expect((await failure(connection.open())).message).toContain('within 1200 ms');
  });

  it('is asked again at each connect, and one may serve several connections', async () => {
    const node = await nodeOf();
    const credentials = jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken });
    const first = clientOf(node, { credentials }).connection;
    const second = clientOf(node, { credentials }).connection;
    await first.open();
    await second.open();
    node.puts[0]?.via.drop();
    await eventually('a third token', () => node.puts.length === 3);
    await eventually('connected', () => first.status === 'connected');
    expect(node.puts.map(({ token }) => token)).toEqual(['token-1', 'token-2', 'token-3']);
    expect(node.puts.map(({ via }) => via.number)).toEqual([0, 1, 2]);
  });
});

describe('put-token', () => {
  it('goes out in the form of claims-based security, before any other link is attached', async () => {
    const node = await nodeOf();
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
    });
    await connection.createSendClient('orders').send('hello');
    const [put] = node.puts;
    expect(put?.request).toMatchObject({
      properties: { messageId: expect.any(String), to: '$cbs', replyTo: put?.answers?.target?.address },
      applicationProperties: { operation: 'put-token', type: 'jwt', name: AUDIENCE, expiration: expect.any(Date) },
      value: 'token-1',
    });
    expect(node.peer.connection.saslInit).toMatchObject({ mechanism: 'ANONYMOUS' });
    const attached = node.peer.records.flatMap((record) =>
      record.kind === 'frame' && record.direction === 'in' ? [record.frame] : [],
    );
    const names = attached.flatMap((frame) => (frame.performative === 'attach' ? [frame.name] : frame.performative));
    const [receiver, sender] = names.filter((name) => name.startsWith('cbs-'));
    expect(receiver).toMatch(/^cbs-receiver-/);
    expect(sender).toMatch(/^cbs-sender-/);
    expect(names.indexOf('transfer')).toBeLessThan(names.findIndex((name) => name.startsWith('orders-')));
    const sessions = new Set(node.peer.seen('attach').map(({ channel, name }) => `${name.slice(0, 3)} ${channel}`));
    expect([...sessions]).toEqual(['cbs 0', 'ord 1']);
    expect(node.peer.violations).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['int', wire.int(202)],
    ['long', wire.long(202n)],
    ['uint', wire.uint(202)],
    ['ushort', wire.ushort(202)],
    ['ubyte', wire.ubyte(202)],
    ['ulong', wire.ulong(202n)],
  ])('is answered by a status of the type %s, under either name', async (_type, code) => {
    for (const name of ['status-code', 'statusCode']) {
      const node = await nodeOf((put) => {
        put.answer({ applicationProperties: { [name]: code } });
        return undefined;
      });
      const { connection } = clientOf(node, {
        credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
      });
      await connection.open();
    }
  });

  it('is sent for every audience, with the one token', async () => {
    const node = await nodeOf();
    const audience = ['sb://host/a', 'sb://host/b', 'sb://host/a'];
    const { connection } = clientOf(node, { credentials: jwtToken({ audience, getToken: provider(HOUR).getToken }) });
    await connection.open();
    expect(node.puts.map((put) => [put.audience, put.token])).toEqual([
      ['sb://host/a', 'token-1'],
      ['sb://host/b', 'token-1'],
    ]);
    expect(connection.authentication).toMatchObject({ state: 'ok', audiences: ['sb://host/a', 'sb://host/b'] });
  });

  it('goes to the node and under the type that the options name', async () => {
    const node = await nodeOf(undefined, undefined, 'tokens');
    const credentials = sasToken({
      audience: AUDIENCE,
      keyName: 'k',
      key: 'secret',
      node: 'tokens',
      tokenType: 'my:sas',
    });
    await clientOf(node, { credentials }).connection.open();
    expect(node.puts[0]).toMatchObject({ type: 'my:sas', token: expect.stringMatching(/^SharedAccessSignature sr=/) });
  });

  it('follows SASL MSSBCBS without a response where only that is offered', async () => {
    const node = await nodeOf(undefined, { mechanisms: ['EXTERNAL', 'MSSBCBS'] });
    const credentials = sasToken({ audience: AUDIENCE, keyName: 'k', key: 'secret' });
    await clientOf(node, { credentials }).connection.open();
    expect(node.peer.connection.saslInit).toMatchObject({ mechanism: 'MSSBCBS' });
    expect(node.peer.connection.saslInit?.initialResponse).toBeUndefined();
    expect(node.puts).toHaveLength(1);
  });

  it('needs TLS or this machine, as every secret does', () => {
    const credentials = sasToken({ audience: AUDIENCE, keyName: 'k', key: 'secret' });
    expect(() => new AmqpConnection({ uri: 'amqp://host', credentials })).toThrow('allowInsecureCredentials');
  });
});

describe('a renewal', () => {
  /** After a failure the next try is a second later, after another one two. */
  const renewed = (connection: AmqpConnection): Promise<unknown> =>
    eventually('renewed', () => connection.authentication?.refreshes === 1, { timeoutMs: 8_000 });

  it('comes on the open connection before the end, and is visible', async () => {
    const node = await nodeOf();
    const { connection, log, seen } = clientOf(node, {
      // Long before the end, which on a busy machine would come first.
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: 2_800, getToken: provider(3_000, 4).getToken }),
    });
    await connection.open();
    const first = connection.authentication?.expiresAt ?? 0;
    await eventually('three renewals', () => node.puts.length === 4);
    await eventually('the last one is taken', () => connection.authentication?.refreshes === 3);
    expect(connection.authentication).toMatchObject({ state: 'ok', refreshes: 3, failures: 0 });
    expect(connection.authentication?.expiresAt).toBeGreaterThan(first + 500);
    expect(connection.status).toBe('connected');
    expect(node.peer.connections).toHaveLength(1);
    expect(node.puts.map(({ token }) => token)).toEqual(['token-1', 'token-2', 'token-3', 'token-4']);
    // One pair of links for all of them.
    expect(node.peer.seen('attach')).toHaveLength(2);
    expect(log.filter((line) => line.includes('was renewed, good until'))).toHaveLength(3);
    expect(seen.map(({ state }) => state).slice(0, 4)).toEqual(['in-progress', 'ok', 'refresh-required', 'ok']);
    expect(log.join()).not.toContain('token-');
  });

  it('that is refused is tried again within the window, and succeeds', async () => {
    const node = await nodeOf((_put, index) => (index === 1 || index === 2 ? 401 : 202));
    const { connection, log, seen } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: 5_800, getToken: provider(6_000, 2).getToken }),
    });
    await connection.open();
    await renewed(connection);
    expect(node.peer.connections).toHaveLength(1);
    expect(connection.status).toBe('connected');
    expect(seen.findLast(({ failures }) => failures === 2)).toMatchObject({
      state: 'refresh-required',
      error: { statusCode: 401 },
    });
    expect(connection.authentication).toMatchObject({ state: 'ok', failures: 0 });
    expect(log.filter((line) => line.includes('was not renewed'))).toHaveLength(2);
  }, 15_000);

  it('that the provider fails is tried again within the window', async () => {
    const node = await nodeOf();
    const { getToken } = provider(6_000, 2);
    let asked = 0;
    const flaky = (): Promise<{ token: string; expiresOn: number }> =>
      (asked += 1) === 2 ? Promise.reject(new Error('hunter2')) : getToken();
    const { connection, log } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: 5_800, getToken: flaky }),
    });
    await connection.open();
    await renewed(connection);
    expect(log.join('\n')).toContain('the function that gives the token failed');
    expect(log.join('\n')).not.toContain('hunter2');
  }, 15_000);

  it('does not put the same token again, and waits for a newer one', async () => {
    const node = await nodeOf();
    const expiresOn = Date.now() + 6_000;
    let asked = 0;
    const getToken = (): Promise<{ token: string; expiresOn: number }> => {
      asked += 1;
      return Promise.resolve(asked < 4 ? { token: 'same', expiresOn } : { token: 'new', expiresOn: Date.now() + HOUR });
    };
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: 5_800, getToken }),
    });
    await connection.open();
    await renewed(connection);
    expect(node.puts.map(({ token }) => token)).toEqual(['same', 'new']);
    expect(node.peer.connections).toHaveLength(1);
  }, 15_000);

  it('attaches its links anew when the peer has ended them', async () => {
    const node = await nodeOf();
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: 2_800, getToken: provider(3_000, 2).getToken }),
    });
    await connection.open();
    node.puts[0]?.requests.detach({ error: { kind: 'error', condition: 'amqp:link:detach-forced' } });
    await eventually('renewed', () => connection.authentication?.refreshes === 1);
    expect(connection.status).toBe('connected');
    expect(node.peer.seen('attach')).toHaveLength(4);
  });

  it('puts one token at a time for each audience', async () => {
    const held: (() => void)[] = [];
    const node = await nodeOf((put, index) => {
      if (index === 0) return 202;
      held.push(() => put.answer({ applicationProperties: { 'status-code': 202 } }));
      return undefined;
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: 5_000, getToken: provider(3_000).getToken }),
    });
    await connection.open();
    await eventually('a second put', () => held.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(node.puts).toHaveLength(2);
    held[0]?.();
    await eventually('renewed', () => connection.authentication?.refreshes === 1);
  });

  it('brings a link back at once that was refused for want of a good token', async () => {
    const node = await nodeOf();
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
      refusedRetryMs: 60_000,
    });
    const orders = connection.createSendClient('orders');
    await orders.send('one');
    const link = await node.peer.nextLink('sender');
    expect(link.name).toMatch(/^cbs-/);
    const target = await node.peer.nextLink('sender');
    // The last put was more than refusedRetryMs ago, or so it seems.
    const realNow = Date.now;
    try {
      Date.now = () => realNow() + 120_000;
      target.detach({ error: { kind: 'error', condition: 'amqp:unauthorized-access' } });
      await eventually('a new token', () => node.puts.length === 2);
    } finally {
      Date.now = realNow;
    }
    expect(await orders.send('two')).toMatchObject({ ok: true });
    expect(node.peer.connections).toHaveLength(1);
  });

  it('keeps what waits for a link that is ended, and refused, while a new token is on its way', async () => {
    let refusals = 0;
    let isRenewed = false;
    const node = await nodeOf((_put, index) => (index === 0 ? 202 : undefined), {
      on: {
        attach: (via, attach, byDefault) => {
          if (node.puts.length < 2 || isRenewed || attach.role || attach.name.startsWith('cbs-')) return byDefault();
          refusals += 1;
          refuse(via, attach);
        },
      },
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: HOUR / 2, getToken: provider(HOUR).getToken }),
      refusedRetryMs: 60_000,
    });
    const { orders, target } = await attachedTo(node, connection);
    target.grantCredit(0, { echo: true });
    const waiting = orders.send('two');
    const realNow = Date.now;
    try {
      // The time of renewal has come, and the timer is late.
      Date.now = () => realNow() + 0.6 * HOUR;
      target.detach({ error: { kind: 'error', condition: 'amqp:unauthorized-access' } });
      await eventually('refused again meanwhile', () => refusals > 0);
    } finally {
      Date.now = realNow;
    }
    expect(node.puts).toHaveLength(2);
    isRenewed = true;
    node.puts[1]?.answer({ applicationProperties: { 'status-code': 202 } });
    expect(await waiting).toMatchObject({ ok: true });
    expect(node.peer.connections).toHaveLength(1);
  });

  it('leaves a link refused whose right is gone for good, however often a new token is put, and logs it once', async () => {
    let isForbidden = false;
    const node = await nodeOf(() => 202, {
      on: {
        attach: (via, attach, byDefault) => {
          if (!isForbidden || attach.role || attach.name.startsWith('cbs-')) return byDefault();
          refuse(via, attach);
        },
      },
    });
    const { connection, log } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
      refusedRetryMs: 20,
    });
    const { orders, target } = await attachedTo(node, connection);
    isForbidden = true;
    target.detach({ error: { kind: 'error', condition: 'amqp:unauthorized-access' } });
    await eventually('refused', () => orders.state === 'refused');
    await eventually('several new tokens', () => {
      expect(orders.state).toBe('refused');
      return node.puts.length > 4;
    });
    expect(log.filter((line) => line.includes('"orders" was refused'))).toHaveLength(1);
  });

  it('takes nobody else with it, where a refusal ends the session, while a new token is on its way', async () => {
    let isForbidden = false;
    const attached: string[] = [];
    const count = (name: string): number => attached.filter((link) => link.startsWith(name)).length;
    const node = await nodeOf((_put, index) => (index === 0 ? 202 : undefined), {
      on: {
        attach: (via, attach, byDefault) => {
          attached.push(attach.name);
          if (!isForbidden || !attach.name.startsWith('victim')) return byDefault();
          via.session(attach.channel).end({ kind: 'error', condition: 'amqp:unauthorized-access' });
        },
      },
    });
    const { connection } = clientOf(node, {
      profile: 'rabbitmq-4',
      channelMax: 7,
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: HOUR / 2, getToken: provider(HOUR).getToken }),
      refusedRetryMs: 60_000,
    });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'neighbour', 'victim'])
      await connection.createSendClient(name).send(1);
    const links = [...(node.peer.connections[0]?.sessions.values() ?? [])].flatMap(({ links: all }) => [
      ...all.values(),
    ]);
    const realNow = Date.now;
    try {
      Date.now = () => realNow() + 0.6 * HOUR;
      isForbidden = true;
      links
        .find(({ name }) => name.startsWith('victim'))
        ?.detach({ error: { kind: 'error', condition: 'amqp:unauthorized-access' } });
      await eventually('refused again and again', () => count('victim') > 4);
    } finally {
      Date.now = realNow;
    }
    expect([node.puts.length, count('neighbour')]).toEqual([2, 1]);
  });

  it('does not hold up the first attach of what may not be used, while a token cannot be renewed', async () => {
    const node = await nodeOf((_put, index) => (index === 0 ? 202 : 500), {
      on: {
        attach: (via, attach, byDefault) => (attach.name.startsWith('forbidden') ? refuse(via, attach) : byDefault()),
      },
    });
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: HOUR, getToken: provider(3_000).getToken }),
      refusedRetryMs: 60_000,
    });
    await connection.open();
    await eventually('a renewal has failed', () => (connection.authentication?.failures ?? 0) > 0);
    await expect(connection.createSendClient('forbidden').send(1)).rejects.toMatchObject({
      code: 'link-closed',
      condition: 'amqp:unauthorized-access',
    });
  });

  it('fails what waits for a link that is refused in spite of a token that was put just now', async () => {
    const node = await nodeOf();
    const { connection } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: provider(HOUR).getToken }),
      refusedRetryMs: 60_000,
    });
    const { orders, target } = await attachedTo(node, connection);
    target.grantCredit(0, { echo: true });
    const waiting = orders.send('two');
    target.detach({ error: { kind: 'error', condition: 'amqp:unauthorized-access' } });
    await expect(waiting).rejects.toMatchObject({ code: 'link-closed', condition: 'amqp:unauthorized-access' });
    expect(node.puts).toHaveLength(1);
    expect(orders.state).toBe('refused');
  });
});

describe('a token that cannot be renewed', () => {
  it('ends the connection at its end and not before, and the next connection asks anew', async () => {
    let isDown = false;
    const node = await nodeOf(() => (isDown ? 503 : 202));
    const tokens = provider(1_800);
    const { connection, log, seen } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, refreshBeforeMs: 1_500, getToken: tokens.getToken }),
    });
    await connection.open();
    const { expiresAt = 0 } = connection.authentication ?? {};
    isDown = true;
    let endedAt = 0;
    connection.on('status', ({ status }) => {
      if (status === 'disconnected' && endedAt === 0) endedAt = Date.now();
    });
    await eventually('the end of the connection', () => endedAt > 0);
    expect(endedAt).toBeGreaterThanOrEqual(expiresAt - 5);
    expect(endedAt).toBeLessThan(expiresAt + LATE_MS);
    expect(seen.some(({ state }) => state === 'expired')).toBe(true);
    expect(log.join('\n')).toMatch(/has expired and was not renewed: .*the peer answered 503/);
    isDown = false;
    await eventually('connected again', () => connection.status === 'connected');
    expect(connection.authentication).toMatchObject({ state: 'ok' });
  });

  it('because it was given ready-made is good until its end', async () => {
    const node = await nodeOf();
    const expiresAt = Date.now() + 1_800;
    const credentials = sasToken({ audience: AUDIENCE, token: 'SharedAccessSignature sr=x', expiresAt });
    const { connection, log } = clientOf(node, { credentials });
    await connection.open();
    expect(connection.authentication).toMatchObject({ state: 'ok', expiresAt, refreshes: 0 });
    expect(connection.authentication?.refreshAt).toBeUndefined();
    let cause: unknown;
    connection.on('status', (event) => {
      if (event.status === 'disconnected') cause ??= event.cause;
    });
    await eventually('the end of the connection', () => cause !== undefined);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt - 5);
    expect(cause).toBeInstanceOf(AuthenticationError);
    expect((cause as AuthenticationError).message).toContain('was given ready-made: nothing renews it');
    expect(node.puts).toHaveLength(1);
    expect(log.join('\n')).toContain('; nothing renews it');
  });

  it('leaves no timer behind when the connection is closed', async () => {
    const node = await nodeOf();
    const tokens = provider(300);
    const { connection, seen } = clientOf(node, {
      credentials: jwtToken({ audience: AUDIENCE, getToken: tokens.getToken }),
    });
    await connection.open();
    await connection.close();
    const { length } = seen;
    const { asked } = tokens;
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect([seen.length, tokens.asked]).toEqual([length, asked]);
    expect(connection.authentication).toMatchObject({ state: 'idle' });
  });
});
