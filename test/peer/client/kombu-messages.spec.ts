// What kombu's Message and Producer do, on the embedded broker and a scripted peer.

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AmqpConnection,
  EncodeError,
  settleOrLog,
  type Codec,
  type ReceivedMessage,
} from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { Stage } from './stage.js';

const stage = new Stage(['q']);
afterEach(() => stage.clear());

async function fetched(connection: AmqpConnection, count: number): Promise<ReceivedMessage[]> {
  return connection.createReceiveClient('q').receiveBatch({ maxMessages: count, waitMs: 3_000 });
}

describe('decoding', () => {
  it.each([['{}'], ['0'], ['""'], ['null'], ['{"a":1}']])(
    '%s happens once, however often it is looked at',
    async (json) => {
      let decoded = 0;
      const codec: Codec = {
        contentType: 'application/json',
        encode: (value) => Buffer.from(String(value)),
        decode: (body) => {
          decoded++;
          return JSON.parse(body.toString()) as unknown;
        },
      };
      const { connection } = await stage.onBroker({ codecs: [codec] });
      await connection.createSendClient('q').send(json, { contentType: 'application/json' });
      const [message] = await fetched(connection, 1);
      expect([message?.body, message?.body, message?.body]).toEqual(Array.from({ length: 3 }, () => JSON.parse(json)));
      expect(decoded).toBe(1);
    },
  );
});

describe('giving back', () => {
  it('is counted or not, as the caller says; a rejection is a dead letter; and each is done once', async () => {
    const { broker, connection } = await stage.onBroker({}, [{ name: 'q', deadLetter: 'dead' }, 'dead']);
    const client = connection.createReceiveClient('q');
    broker.queue('q').publish('x');
    const counts: (number | undefined)[] = [];
    for (const giveBack of ['release', 'modify', 'reject'] as const) {
      const [message] = await client.receiveBatch({ maxMessages: 1, waitMs: 3_000 });
      counts.push(message?.deliveryCount);
      if (giveBack === 'modify') await message?.modify({ deliveryFailed: true });
      else await message?.[giveBack]();
      await expect(message?.accept()).rejects.toMatchObject({ code: 'already-settled' });
    }
    expect(counts).toEqual([0, 0, 1]);
    await eventually('a dead letter', () => broker.queue('dead').messages().length === 1);
  });
});

describe('settling with multiple', () => {
  it('settles what was fetched before it, marks each, and leaves what was fetched after it', async () => {
    const peer = await stage.peer();
    const connection = await stage.opened({ uri: peer.uri });
    const fetching = fetched(connection, 5);
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(5);
    const ids = Array.from({ length: 5 }, (_, index) => link.send({ data: `${index}` }));
    const messages = await fetching;
    await messages[1]?.reject();
    await messages[3]?.accept({ multiple: true });
    expect(messages.map(({ outcome }) => outcome?.kind)).toEqual([
      'accepted',
      'rejected',
      'accepted',
      'accepted',
      undefined,
    ]);
    // Nothing that was settled so is settled again, and nothing is refused for it.
    expect(await messages[0]?.accept()).toBe('settled');
    await peer.until('three ranges', () => peer.seen('disposition').length === 3);
    const ranges = peer.seen('disposition').map(({ first, last, state }) => [state?.kind, first, last ?? first]);
    expect(ranges).toContainEqual(['accepted', ids[2], ids[3]]);
  });

  it('within a transaction settles all of them with it', async () => {
    const { broker, connection } = await stage.onBroker();
    for (const value of [1, 2, 3]) broker.queue('q').publish(value);
    const messages = await fetched(connection, 3);
    await connection.transaction(async (transaction) => {
      await messages[2]?.accept({ multiple: true, transaction });
      expect(broker.queue('q').stats().accepted).toBe(0);
    });
    expect(messages.map(({ settled }) => settled)).toEqual([true, true, true]);
  });

  it('is refused in a handler, beside which others run', async () => {
    const { broker, connection } = await stage.onBroker();
    const refused = new Promise<unknown>((resolve) => {
      connection.createReceiveClient('q').subscribe((message) => message.accept({ multiple: true }).catch(resolve));
    });
    broker.queue('q').publish('x');
    expect(await refused).toMatchObject({ name: 'InvalidOptionsError', option: 'multiple' });
  });
});

describe('settleOrLog', () => {
  it('logs a settlement that fails, without its body, and never rejects', async () => {
    const { broker, connection } = await stage.onBroker();
    broker.queue('q').publish('secret');
    const [message] = await fetched(connection, 1);
    const logged: string[] = [];
    const logger = { error: (line: string) => void logged.push(line) };
    if (message === undefined) throw new Error('nothing came');
    expect(await settleOrLog(message.accept(), logger)).toBe('settled');
    expect(await settleOrLog(message.reject(), logger)).toBe('failed');
    expect(await settleOrLog(Promise.reject(new TypeError('secret')), logger)).toBe('failed');
    expect(logged).toHaveLength(2);
    expect(logged[0]).toContain('accepted');
    expect(logged.join()).not.toContain('secret');
  });
});

describe('a serializer of the user’s own', () => {
  it('writes and reads its content type, on one client or on all of a connection; what nobody can write is refused', async () => {
    const msgpack: Codec = {
      contentType: 'application/x-msgpack',
      // Stands for a library: the point is who calls it, and with what.
      encode: (value) => Buffer.from(`packed:${JSON.stringify(value)}`),
      decode: (body) => JSON.parse(body.toString().slice('packed:'.length)) as unknown,
    };
    const { broker, connection } = await stage.onBroker({ codecs: [msgpack] });
    await connection.createSendClient('q').send({ a: 1 }, { contentType: 'application/x-msgpack' });
    await connection.createSendClient('q', { codec: msgpack }).send({ a: 2 });
    const stored = broker.queue('q').messages();
    expect(stored.map(({ properties }) => properties?.contentType)).toEqual(Array(2).fill(msgpack.contentType));
    expect(String(stored[0]?.body)).toBe('packed:{"a":1}');
    expect((await fetched(connection, 2)).map(({ body }) => body)).toEqual([{ a: 1 }, { a: 2 }]);
    const pickled = connection.createSendClient('q').send({ a: 1 }, { contentType: 'application/x-python-serialize' });
    await expect(pickled).rejects.toBeInstanceOf(EncodeError);
  });
});
