// Which errors tell their words in spans and dead letters: those that the library wrote, and none that quotes somebody else.

import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import { AmqpConnection, AmqpError, cloudEventOf, createMessage } from '../../../lib/client/index.js';
import { failure } from '../../support/failure.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function brokerOf(): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ queues: ['orders'], autoCreateQueues: false });
  ends.push(() => broker.stop());
  return broker;
}

function connectionTo(uri: string, dial?: () => Promise<Duplex>): AmqpConnection {
  const logger = { log: () => undefined, warn: () => undefined, error: () => undefined };
  const connection = new AmqpConnection({ uri, dial, logger, reconnect: { initialDelayMs: 5 } });
  ends.push(() => connection.close({ timeoutMs: 500 }));
  return connection;
}

function asAmqp(error: unknown): AmqpError {
  if (error instanceof AmqpError) return error;
  throw new Error(`no AmqpError: ${String(error)}`);
}

describe('an error of the library tells its words', () => {
  it.each<[string, RegExp, (connection: AmqpConnection) => Promise<unknown>]>([
    ['a queue that is not there', /"none" is not there/, ({ topology }) => topology.inspect('none')],
    [
      'what the peer has not',
      /no priorities of consumers/,
      (connection) => connection.createReceiveClient({ queue: 'orders', priority: 1 }).attach(),
    ],
    [
      'a queue that is refused',
      /was refused: amqp:not-found/,
      (connection) => connection.createSendClient('none').send(1),
    ],
    [
      'a message that is no event',
      /carries no CloudEvent/,
      () => Promise.resolve().then(() => cloudEventOf(createMessage({ body: 1 }))),
    ],
  ])('%s', async (_name, words, act) => {
    const connection = connectionTo((await brokerOf()).uri);
    const error = asAmqp(await failure(act(connection)));
    expect(error.message).toMatch(words);
    expect(AmqpError.hasOwnWords(error)).toBe(true);
  });

  it('a peer that is not there, also through the error of a send', async () => {
    const broker = await brokerOf();
    const { uri } = broker;
    await broker.stop();
    const error = asAmqp(await failure(connectionTo(uri).createSendClient('orders').send(1, { timeoutMs: 200 })));
    expect(error.message).toMatch(/cannot connect to .*ECONNREFUSED/);
    expect([error, error.cause].map((one) => AmqpError.hasOwnWords(one))).toEqual([true, true]);
  });
});

it.each<[string, Error, boolean]>([
  ['the words of a dialler', new Error('the tunnel of bob with password hunter2 broke'), false],
  ["a system error's name", Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), true],
])('an error that quotes %s: %p', async (_name, cause, isOurs) => {
  const { port = 0 } = await brokerOf();
  const streams: Duplex[] = [];
  const connection = connectionTo('amqp://somewhere', async () => {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    streams.push(socket);
    return socket;
  });
  await connection.open();
  const lost = new Promise<AmqpError | undefined>((resolve) => {
    connection.on('status', ({ status, cause: why }) => {
      if (status === 'disconnected') resolve(why);
    });
  });
  streams[0]?.destroy(cause);
  expect(AmqpError.hasOwnWords(await lost)).toBe(isOurs);
});
