// Nothing that can be seen of a connection shows a secret: its log, its trace of frames, what observers hear, its errors with all their
// causes, and what an inspection prints.

import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  jwtToken,
  ManagementError,
  saslPlain,
  saslScram,
  saslXoauth2,
  sasToken,
  type ConnectionOptions,
} from '../../../lib/client/index.js';
import { claimsNode, type ClaimsNode, type Put } from '../../support/client/claims-node.js';
import type { PeerScript } from '../../support/scripted-peer.js';

const SECRET = 'hunter2-is-the-secret';
/** What a peer has been given, as far as it may know it. */
const given: string[] = [];
const nodes: ClaimsNode[] = [];
const connections: AmqpConnection[] = [];

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(nodes.splice(0).map(({ peer }) => peer.close()));
});

/** The peer hears of it now. */
const told = (): string => {
  given.push(SECRET);
  return SECRET;
};

/** With the secret in whatever form it travels. */
const credentials: Record<string, (uri: string) => Pick<ConnectionOptions, 'uri' | 'credentials'>> = {
  'a URI': (uri) => ({ uri: uri.replace('//', `//user:${SECRET}@`) }),
  'saslPlain()': (uri) => ({ uri, credentials: saslPlain('user', told) }),
  'saslScram()': (uri) => ({ uri, credentials: saslScram('user', SECRET) }),
  'saslXoauth2()': (uri) => ({ uri, credentials: saslXoauth2('user', SECRET) }),
  'sasToken() with a key': (uri) => ({ uri, credentials: sasToken({ audience: 'a', keyName: 'k', key: SECRET }) }),
  'sasToken() with a token': (uri) => ({
    uri,
    credentials: sasToken({ audience: 'a', token: SECRET, expiresAt: Date.now() + 60_000 }),
  }),
  'jwtToken()': (uri) => ({
    uri,
    credentials: jwtToken({
      audience: 'a',
      getToken: () => Promise.resolve({ token: SECRET, expiresOn: Date.now() + 60_000 }),
    }),
  }),
};

interface Ending {
  readonly script?: PeerScript;
  /** The answer to a token. */
  readonly status?: number;
  /** In place of the answer. */
  readonly instead?: (put: Put) => void;
}

const repeated = (): string =>
  `not with ${given.flatMap((each) => [each, Buffer.from(each).toString('base64')]).join(' ')}`;
const failure = (condition = 'app:no') =>
  ({ kind: 'error', condition, description: repeated(), info: { said: [repeated()], [repeated()]: 1 } }) as const;

/** What may go wrong, or right. A peer that repeats what it was given is the worst. */
const endings: Record<string, Ending> = {
  'are taken': {},
  'SASL refuses': { script: { saslCode: 1 } },
  'the node for tokens refuses': { status: 401 },
  'have no mechanism there': { script: { mechanisms: ['EXTERNAL'] } },
  'are told again in the CLOSE that answers our OPEN': {
    script: {
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          via.close(failure());
        },
      },
    },
  },
  'are told again in a condition': {
    script: {
      on: {
        attach: (via) => via.close(failure(`app:${repeated()}`)),
      },
    },
  },
  'are told again in the END of a session': {
    script: { on: { attach: (via, attach) => via.sessions.get(attach.channel)?.end(failure()) } },
  },
  'are told again in a DETACH': {
    script: {
      on: {
        attach: (via, attach, byDefault) => {
          byDefault();
          via.sessions.get(attach.channel)?.links.get(attach.handle)?.detach({ error: failure() });
        },
      },
    },
  },
  'are told again in an outcome': {
    instead: () => undefined,
    script: { verdict: () => ({ kind: 'rejected', error: failure() }) },
  },
  'are told again in the CLOSE that answers a token': { instead: ({ via }) => via.close(failure()) },
  'are told again in the DETACH that answers a token': {
    instead: ({ answers }) => answers?.detach({ error: failure() }),
  },
  'are told again in the name of the product': {
    script: {
      get open() {
        return { properties: { product: repeated(), version: repeated() } };
      },
    },
  },
  'are told again in the list of mechanisms': {
    script: {
      get mechanisms() {
        return ['EXTERNAL', ...given];
      },
    },
  },
  'are told again as the name of a link': {
    script: {
      on: { attach: (via, { channel }) => via.reply('attach', channel, { name: repeated(), handle: 9, role: true }) },
    },
  },
  'lead elsewhere': {
    script: {
      on: {
        open: (via, _open, byDefault) => {
          byDefault();
          const info = { hostname: 'evil.example' };
          via.close({ kind: 'error', condition: 'amqp:connection:redirect', info });
        },
      },
    },
  },
};

const cases = Object.keys(credentials).flatMap((name) => Object.keys(endings).map((ending) => [name, ending] as const));

describe('secrets', () => {
  it.each(cases)('of %s that %s are nowhere to be seen', async (name, ending) => {
    // What the client has not asked for yet is nobody's to repeat.
    given.splice(0, Infinity, ...(name === 'jwtToken()' || name === 'saslPlain()' ? [] : [SECRET]));
    const { script, status = 202, instead } = endings[ending] ?? {};
    const node = await claimsNode((put) => {
      given.push(String(put.token));
      if (instead !== undefined) {
        instead(put);
        return undefined;
      }
      const description = repeated();
      put.answer({ applicationProperties: { 'status-code': status, 'status-description': description } });
      return undefined;
    }, script);
    nodes.push(node);
    const seen: unknown[] = [];
    const note = (what: unknown): void => void seen.push(what);
    const connection = new AmqpConnection({
      ...(credentials[name]?.(node.peer.uri) ?? { uri: '' }),
      reconnect: false,
      bootTimeoutMs: 2_000,
      trace: note,
      redirect: { follow: true, allowHosts: ['other.example'] },
      logger: { log: note, warn: note, error: note, debug: note },
      observer: { onStatus: note, onAuthentication: note },
    });
    connections.push(connection);
    await connection.open().then(
      async () => connection.createSendClient('orders').send('hello', { timeoutMs: 300 }).catch(note),
      (error: unknown) => note(error),
    );
    await connection.close();
    seen.push(connection, connection.authentication, connection.peer);
    const everything = seen
      .map((each) => `${inspect(each, { depth: 12, showHidden: true })} ${String(each)} ${JSON.stringify(each) ?? ''}`)
      .join('\n');
    expect(seen.length).toBeGreaterThan(5);
    for (const form of [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('base64').slice(0, 24)])
      expect(everything).not.toContain(form);
    // Nor what was made of it and is as good.
    for (const { token } of node.puts) expect(everything).not.toContain(String(token));
  });
});

describe('a management node that repeats the password', () => {
  const read = { operation: 'READ', type: 'queue', applicationProperties: { name: SECRET } };

  it.each<[string, string, (connection: AmqpConnection) => Promise<unknown>]>([
    ['to the topology of Artemis', 'not with ***', (connection) => connection.topology.inspect('orders')],
    ['to a request', 'no queue "***"', (connection) => connection.createManagementClient().request(read)],
  ])('%s does not bring it into the error', async (_what, shown, asks) => {
    const broker = await EmbeddedBroker.start({ users: { user: SECRET }, queues: ['activemq.management'] });
    const options = { uri: broker.uri, credentials: saslPlain('user', SECRET) };
    const node = new AmqpConnection(options);
    const asking = new AmqpConnection({ ...options, profile: 'artemis' });
    connections.push(node, asking);
    const answers = node.createSendClient(null);
    node.createReceiveClient('activemq.management').subscribe(async ({ properties }) => {
      const { correlationId, messageId, replyTo = '' } = properties ?? {};
      const said = `not with ${SECRET}`;
      await answers.send(JSON.stringify([said]), {
        to: replyTo,
        bodyType: 'value',
        correlationId: correlationId ?? messageId ?? '',
        applicationProperties: { statusCode: 403, statusDescription: said, _AMQ_OperationSucceeded: false },
      });
    });
    const error: unknown = await asks(asking).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ManagementError);
    expect(String(error)).toContain(shown);
    const { message, stack, description } = error as ManagementError;
    expect(`${message} ${stack ?? ''} ${description ?? ''}`).not.toContain(SECRET);
    await broker.stop();
  });
});
