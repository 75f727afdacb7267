// Who may connect, and how.

import { expect } from '@jest/globals';
import { AmqpConnection, saslAnonymous, saslExternal, saslPlain } from '../../../lib/client/index.js';
import { withConnection, type Peer } from '../peer.js';
import { failureOf, refusal, type Story } from '../story.js';

function tlsOf(peer: Peer): NonNullable<Peer['tls']> {
  if (peer.tls === undefined) throw new Error('this peer has no TLS here');
  return peer.tls;
}

const withoutTls = (peer: Peer): string | undefined => (peer.tls === undefined ? 'no TLS listener here' : undefined);

export const security: readonly Story[] = [
  {
    title: 'TLS with a verified certificate',
    skip: withoutTls,
    run: (peer) =>
      withConnection(
        peer,
        async (connection) => {
          const queue = await peer.queue(connection);
          expect(await connection.createSendClient(queue.name).send('over TLS')).toMatchObject({ ok: true });
          return 'yes';
        },
        { uri: tlsOf(peer).uri, tls: { ca: tlsOf(peer).ca } },
      ),
  },
  {
    title: 'a certificate of an unknown authority is refused',
    skip: withoutTls,
    async run(peer) {
      const connection = new AmqpConnection({ uri: tlsOf(peer).uri, bootTimeoutMs: 5_000 });
      expect(await failureOf(connection.open())).toMatchObject({ name: 'ConnectionError', code: 'tls' });
      await connection.close();
      return 'yes';
    },
  },
  {
    title: 'SASL EXTERNAL by client certificate',
    skip: withoutTls,
    async run(peer) {
      const { uri, ca, cert, key } = tlsOf(peer);
      const connection = new AmqpConnection({
        uri: uri.replace('guest:guest@', ''),
        credentials: saslExternal(),
        tls: { ca, cert, key },
        bootTimeoutMs: 5_000,
      });
      try {
        await connection.open();
        return 'yes';
      } catch (error) {
        return refusal(error);
      } finally {
        await connection.close();
      }
    },
    known: {
      activemq: 'no: AuthenticationError authentication',
      artemis: 'no: AuthenticationError authentication',
      qpid: 'no: AuthenticationError authentication',
    },
  },
  {
    title: 'a wrong password is refused at once, once',
    skip: (peer) =>
      peer.name === 'embedded' ? 'this embedded broker has no users; test/peer/broker has the case' : undefined,
    async run(peer) {
      const connection = new AmqpConnection({
        uri: peer.uri.replace('guest:guest@', ''),
        credentials: saslPlain('guest', 'wrong-secret'),
      });
      const error = await failureOf(connection.open());
      expect(error).toMatchObject({ name: 'AuthenticationError', code: 'authentication' });
      expect(String(error)).not.toContain('wrong-secret');
      await connection.close();
      return 'yes';
    },
  },
  {
    title: 'SASL ANONYMOUS',
    async run(peer) {
      const connection = new AmqpConnection({
        uri: peer.uri.replace('guest:guest@', ''),
        credentials: saslAnonymous(),
        bootTimeoutMs: 10_000,
      });
      try {
        await connection.open();
        return 'yes';
      } catch (error) {
        return refusal(error);
      } finally {
        await connection.close();
      }
    },
    known: {
      qpid: 'no: AuthenticationError authentication',
      artemis: 'no: ConnectionError connection-lost (amqp:unauthorized-access)',
    },
  },
];
