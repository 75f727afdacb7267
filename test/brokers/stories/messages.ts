// What a message keeps on its way.

import { expect } from '@jest/globals';
import { cloudEvent, cloudEventOf, createMessage, type ReceivedMessage } from '../../../lib/client/index.js';
import { drainQueue, withConnection } from '../peer.js';
import { refusal, type Story } from '../story.js';

function only(messages: readonly ReceivedMessage[]): ReceivedMessage {
  expect(messages).toHaveLength(1);
  const [message] = messages;
  if (message === undefined) throw new Error('no message');
  return message;
}

export const messages: readonly Story[] = [
  {
    title: 'send and receive, every property kept',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const orders = connection.createSendClient(queue.name);
        const sent = await orders.send(
          { id: 7, name: 'Ångström' },
          {
            subject: 'order.placed',
            correlationId: 'c-1',
            replyTo: 'answers',
            groupId: 'g',
            groupSequence: 3,
            contentEncoding: 'identity',
            applicationProperties: { tenant: 'acme', retries: 2, vip: true },
          },
        );
        expect(sent).toMatchObject({ ok: true, outcome: { kind: 'accepted' }, routed: true, attempts: 1 });
        const message = only(await drainQueue(connection, queue.name, { atLeast: 1 }));
        expect(message.body).toEqual({ id: 7, name: 'Ångström' });
        expect(message.properties).toMatchObject({
          messageId: sent.messageId,
          subject: 'order.placed',
          correlationId: 'c-1',
          // ActiveMQ says which kind of node it is: queue://answers
          replyTo: expect.stringMatching(/answers$/),
          groupId: 'g',
          groupSequence: 3,
          contentType: 'application/json',
          contentEncoding: 'identity',
        });
        expect(message.applicationProperties).toMatchObject({ tenant: 'acme', retries: 2, vip: true });
        expect(message.header?.durable).toBe(true);
        expect(message.redelivered).toBe(false);
        return 'yes';
      }),
  },
  {
    title: 'a CloudEvent in binary mode, with either separator, and in structured mode',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const client = connection.createSendClient(queue.name);
        const time = new Date(1_700_000_000_123);
        const event = { id: 'e-1', source: '/shop', type: 'order.placed', time, vip: true, tries: -3, data: { id: 7 } };
        const none = { id: 'e-2', source: '/shop', type: 'order.gone' };
        await client.send(...cloudEvent(event));
        await client.send(...cloudEvent(event, { separator: ':' }));
        await client.send(...cloudEvent(event, { mode: 'structured' }));
        await client.send(...cloudEvent(none));
        const events = (await drainQueue(connection, queue.name, { atLeast: 4 })).map((message) =>
          cloudEventOf(message),
        );
        const full = { ...event, specversion: '1.0', time: time.toISOString() };
        const binary = { ...full, datacontenttype: 'application/json' };
        expect(events).toEqual([binary, binary, full, { ...none, specversion: '1.0' }]);
        return 'yes';
      }),
  },
  {
    title: 'bodies: text, bytes, value, sequence, none',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const client = connection.createSendClient(queue.name);
        await client.send('grüße');
        await client.send(Buffer.from([0, 1, 2, 255]));
        await client.send({ a: [1, 'x', true] }, { bodyType: 'value' });
        await client.send(createMessage({ body: [1, 'two'], bodyType: 'sequence' }));
        const [text, bytes, value, sequence] = await drainQueue(connection, queue.name, { atLeast: 4 });
        expect(text?.body).toBe('grüße');
        expect(bytes?.body).toEqual(Buffer.from([0, 1, 2, 255]));
        expect(value?.body).toEqual({ a: [1, 'x', true] });
        expect(sequence?.body).toEqual([1, 'two']);
        return 'yes';
      }),
  },
  {
    title: 'a batch in one transfer is read whole',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const values = [{ a: 1 }, 'b', Buffer.from('c')];
        try {
          await connection.createSendClient(queue.name).sendBatchMessage(values);
        } catch (error) {
          return refusal(error);
        }
        const received = await drainQueue(connection, queue.name, { atLeast: 1 });
        expect(received.flatMap((message) => message.unbatch().map(({ body }) => body))).toEqual(values);
        return 'yes';
      }),
    known: {
      'rabbitmq-4': 'no: SendError not-supported',
      'rabbitmq-3': 'no: SendError not-supported',
      activemq: 'no: SendError not-supported',
      qpid: 'no: SendError not-supported',
    },
  },
  {
    title: 'pre-settled sends arrive',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const client = connection.createSendClient(queue.name, { settleMode: 'settled' });
        const sent = await client.send('at most once');
        expect(sent.outcome).toBeUndefined();
        expect(only(await drainQueue(connection, queue.name, { atLeast: 1 })).body).toBe('at most once');
        return 'yes';
      }),
  },
  {
    title: 'a message of 10 MB',
    timeoutMs: 60_000,
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const body = Buffer.alloc(10_000_000, 'nestjs-amqp10');
        await connection.createSendClient(queue.name).send(body);
        const message = only(await drainQueue(connection, queue.name, { atLeast: 1 }));
        expect(body.equals(message.body as Buffer)).toBe(true);
        return 'yes';
      }),
  },
  {
    title: 'a thousand messages through eight handlers, none lost, none twice',
    timeoutMs: 60_000,
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const seen: number[] = [];
        let running = 0;
        let most = 0;
        await new Promise<void>((resolve, reject) => {
          const consumer = connection.createReceiveClient(queue.name).subscribe(
            async (message) => {
              running += 1;
              most = Math.max(most, running);
              await new Promise(setImmediate);
              running -= 1;
              seen.push((message.body as { n: number }).n);
              if (seen.length === 1_000) resolve();
            },
            { concurrency: 8, prefetch: 50 },
          );
          const numbers = Array.from({ length: 1_000 }, (_, n) => ({ n }));
          const send = connection.createSendClient(queue.name).sendBatch(numbers);
          send.then((results) => expect(results.every((result) => result.ok)).toBe(true)).catch(reject);
          expect(consumer.state).not.toBe('failed');
        });
        expect(new Set(seen).size).toBe(1_000);
        expect(most).toBeLessThanOrEqual(8);
        return 'yes';
      }),
  },
  {
    title: 'an expired message is not delivered',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const client = connection.createSendClient(queue.name);
        await client.send('short-lived', { ttlMs: 1 });
        await client.send('lasting');
        // the sweep of ActiveMQ and Artemis runs every second or more; a message past its time is dropped when it is reached
        const bodies = (await drainQueue(connection, queue.name, { atLeast: 1 })).map((message) => message.body);
        expect(bodies).toContain('lasting');
        return bodies.includes('short-lived') ? 'no: delivered all the same' : 'yes';
      }),
  },
  {
    title: 'higher priority first',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection, { kind: 'classic', declaration: { maxPriority: 10 } });
        const client = connection.createSendClient(queue.name);
        await client.send('low', { priority: 1 });
        await client.send('high', { priority: 9 });
        const bodies = (await drainQueue(connection, queue.name, { atLeast: 2 })).map((message) => message.body);
        return bodies[0] === 'high' ? 'yes' : 'no: first in, first out';
      }),
  },
  {
    title: 'a delayed message comes later',
    run: (peer) =>
      withConnection(peer, async (connection) => {
        const queue = await peer.queue(connection);
        const client = connection.createSendClient(queue.name);
        try {
          await client.send('later', { delayMs: 1_500 });
        } catch (error) {
          expect(error).toMatchObject({ code: 'not-supported', delivered: 'no' });
          return 'no: SendError not-supported';
        }
        const receiver = connection.createReceiveClient(queue.name);
        expect(await receiver.receiveBatch({ maxMessages: 1, waitMs: 500 })).toEqual([]);
        const [message] = await receiver.receiveBatch({ maxMessages: 1, waitMs: 10_000 });
        expect(message?.body).toBe('later');
        await message?.accept();
        return 'yes';
      }),
    known: {
      'rabbitmq-4': 'no: SendError not-supported',
      'rabbitmq-3': 'no: SendError not-supported',
      qpid: 'no: SendError not-supported',
    },
  },
];
