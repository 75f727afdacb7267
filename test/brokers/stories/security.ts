// Who may connect, and how.

import { expect } from '@jest/globals';
import { AmqpConnection, saslAnonymous, saslExternal, saslPlain, saslScram } from '../../../lib/client/index.js';
import { drainQueue, uniqueName, withConnection, type Peer } from '../peer.js';
import { failureOf, refusal, type Story } from '../story.js';

function tlsOf(peer: Peer): NonNullable<Peer['tls']> {
  if (peer.tls === undefined) throw new Error('this peer has no TLS here');
  return peer.tls;
}

const AT_FIRST_SEND = 'yes, but a sender only when it sends';
const withoutTls = (peer: Peer): string | undefined => {
  if (peer.tls !== undefined) return undefined;
  return peer.name === 'embedded'
    ? 'it speaks TCP without TLS, for development on one machine'
    : 'no TLS listener here';
};

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
    title: 'SASL SCRAM-SHA-256, with the right password and with a wrong one',
    async run(peer) {
      const options = { uri: peer.uri.replace('guest:guest@', ''), bootTimeoutMs: 5_000 };
      const connection = new AmqpConnection({ ...options, credentials: saslScram('guest', 'guest') });
      try {
        await connection.open();
      } catch (error) {
        return refusal(error);
      } finally {
        await connection.close();
      }
      const wrong = new AmqpConnection({ ...options, credentials: saslScram('guest', 'wrong-secret') });
      expect(await failureOf(wrong.open())).toMatchObject({ name: 'AuthenticationError', saslCode: 1 });
      await wrong.close();
      return 'yes';
    },
    known: {
      embedded: 'no: AuthenticationError authentication',
      'rabbitmq-3': 'no: AuthenticationError authentication',
      'rabbitmq-4': 'no: AuthenticationError authentication',
      activemq: 'no: AuthenticationError authentication',
      artemis: 'no: AuthenticationError authentication',
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
  {
    title: 'a user without rights is refused by name, and its connection lives on',
    skip: (peer) => (peer.nobodyUri === undefined ? 'every user of it may do everything' : undefined),
    run: (peer) =>
      withConnection(peer, async (owner) => {
        const queue = await peer.queue(owner);
        let cell = 'yes';
        const withoutRights = expect.stringMatching(/^amqp:(unauthorized-access|not-allowed)$/);
        await withConnection(
          peer,
          async (nobody) => {
            const receive = await failureOf(nobody.createReceiveClient(queue.name).attach());
            expect(receive).toMatchObject({ name: 'LinkError', condition: withoutRights });
            const send = await failureOf(nobody.createSendClient(queue.name).send('mine'));
            expect(send).toMatchObject({ name: 'SendError', code: 'link-closed', condition: withoutRights });
            if (Reflect.get(send as object, 'delivered') === 'unknown') cell = AT_FIRST_SEND;
            await failureOf(nobody.topology.declare({ queues: [uniqueName('forbidden')] }));
            expect(nobody.status).toBe('connected');
          },
          { uri: peer.nobodyUri ?? '' },
        );
        expect(await drainQueue(owner, queue.name)).toEqual([]);
        return cell;
      }),
    known: { 'rabbitmq-3': AT_FIRST_SEND, qpid: AT_FIRST_SEND },
  },
];
