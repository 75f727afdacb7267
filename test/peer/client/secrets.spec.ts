// Nothing that can be seen of a connection shows a secret: its log, its trace of frames, what observers hear, its errors with all their
// causes, and what an inspection prints.

import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AmqpConnection,
  jwtToken,
  saslPlain,
  saslScram,
  saslXoauth2,
  sasToken,
  type ConnectionOptions,
} from '../../../lib/client/index.js';
import { claimsNode, type ClaimsNode } from '../../support/client/claims-node.js';
import type { PeerScript } from '../../support/scripted-peer.js';

const SECRET = 'hunter2-is-the-secret';
const nodes: ClaimsNode[] = [];
const connections: AmqpConnection[] = [];

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(nodes.splice(0).map(({ peer }) => peer.close()));
});

/** With the secret in whatever form it travels. */
const credentials: Record<string, (uri: string) => Pick<ConnectionOptions, 'uri' | 'credentials'>> = {
  'a URI': (uri) => ({ uri: uri.replace('//', `//user:${SECRET}@`) }),
  'saslPlain()': (uri) => ({ uri, credentials: saslPlain('user', () => SECRET) }),
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

/** What may go wrong, or right. A peer that repeats what it was given is the worst. */
const endings: Record<string, { readonly script?: PeerScript; readonly status?: number }> = {
  'are taken': {},
  'SASL refuses': { script: { saslCode: 1 } },
  'the node for tokens refuses': { status: 401 },
  'have no mechanism there': { script: { mechanisms: ['EXTERNAL'] } },
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
    const { script, status = 202 } = endings[ending] ?? {};
    const node = await claimsNode((put) => {
      const description = `not with ${String(put.token)}`;
      put.answer({ applicationProperties: { 'status-code': status, 'status-description': description } });
      return undefined;
    }, script);
    nodes.push(node);
    const seen: unknown[] = [];
    const note = (what: unknown): void => void seen.push(what);
    const connection = new AmqpConnection({
      ...(credentials[name]?.(node.peer.uri) ?? { uri: '' }),
      reconnect: false,
      trace: note,
      redirect: { follow: true, allowHosts: ['other.example'] },
      logger: { log: note, warn: note, error: note, debug: note },
      observer: { onStatus: note, onAuthentication: note },
    });
    connections.push(connection);
    await connection.open().then(
      async () => connection.createSendClient('orders').send('hello'),
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
