// Outcomes that are larger than a frame of the peer's may be (section 2.7.1).

import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import { AmqpConnection, EncodeError, policy, type ConnectionStatus } from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { failure } from '../../support/failure.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface World {
  readonly broker: EmbeddedBroker;
  readonly connection: AmqpConnection;
  readonly statuses: ConnectionStatus[];
}

/** Frames of 512 bytes: the least that there are. */
async function start(): Promise<World> {
  const broker = await EmbeddedBroker.start({
    queues: [{ name: 'orders', deadLetter: 'dead' }, 'dead'],
    maxFrameSize: 512,
  });
  ends.push(() => broker.stop());
  const statuses: ConnectionStatus[] = [];
  const logger = { log: () => undefined, warn: () => undefined, error: () => undefined };
  const connection = new AmqpConnection({
    uri: broker.uri,
    logger,
    observer: { onStatus: ({ status }) => void statuses.push(status) },
  });
  ends.push(() => connection.close({ timeoutMs: 1_000 }));
  await connection.open();
  return { broker, connection, statuses };
}

describe('an outcome that is larger than a frame', () => {
  it('has its description cut, between two characters', async () => {
    const { broker, connection, statuses } = await start();
    const inbox = connection.createReceiveClient('orders');
    broker.queue('orders').publish(1);
    const [message] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 4_000 });
    expect(await message?.reject('app:long', 'ä€😀'.repeat(500))).toBe('settled');
    await eventually('it is dead', () => broker.queue('dead').stats().ready === 1);
    const said = broker.queue('dead').messages()[0]?.messageAnnotations?.['x-opt-death-description'];
    expect(said).toMatch(/^(ä€😀)+(ä€?)?$/u);
    expect(statuses).toEqual(['connecting', 'connected']);
  });

  it('of which nothing can be cut is an error of the call, and the message is settled otherwise', async () => {
    const { broker, connection, statuses } = await start();
    const inbox = connection.createReceiveClient('orders');
    broker.queue('orders').publish(1);
    const [message] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 4_000 });
    const error = await failure(
      message?.modify({ messageAnnotations: { 'x-why': 'y'.repeat(1_000) } }) ?? inbox.close(),
    );
    expect(error).toBeInstanceOf(EncodeError);
    expect(error).toMatchObject({ message: expect.stringMatching(/"orders".*outcome has \d+ bytes.*room for \d+/) });
    expect(await message?.accept()).toBe('settled');
    await broker.idle();
    expect(broker.queue('orders').stats()).toMatchObject({ accepted: 1, ready: 0, unsettled: 0 });
    expect(statuses).toEqual(['connecting', 'connected']);
  });

  it('of a policy becomes a plain rejection', async () => {
    const { broker, connection, statuses } = await start();
    const errorPolicy = policy.modify({ messageAnnotations: { 'x-why': 'y'.repeat(1_000) } });
    const failing = (): never => {
      throw new Error('as the test wants');
    };
    const consumer = connection.createReceiveClient('orders').subscribe(failing, { errorPolicy });
    broker.queue('orders').publish(1);
    await eventually('it is dead', () => broker.queue('dead').stats().ready === 1);
    await consumer.close();
    expect(statuses).toEqual(['connecting', 'connected']);
  });
});
