// A JMS client that nobody here wrote (Apache Qpid JMS) and this library, through each broker: what either sends, the other understands.

import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';

import { amqp, AmqpClientProxy, AmqpTransportStrategy, createMessage } from '../../lib/index.js';
import { ask } from '../nest/scenarios/stage.js';
import { jms, startJms, whyNoJms } from './jms/client.js';
import { embeddedPeer, type Peer, realPeers, withConnection } from './peer.js';

const whyNot = whyNoJms();
if (whyNot !== undefined) process.stdout.write(`skipped: Qpid JMS: ${whyNot}\n`);

const { up } = await realPeers();
const embedded = await embeddedPeer();
afterAll(() => embedded.close());
const peers = [embedded, ...up.filter(({ name }) => name !== 'rabbitmq-3')];

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const written = (peer: Peer, queue: string): string => (peer.name === 'rabbitmq-4' ? `/queues/${queue}` : queue);

async function queueAt(peer: Peer): Promise<string> {
  return (await withConnection(peer, (connection) => peer.queue(connection))).name;
}

@Controller()
class Service {
  @MessagePattern({ cmd: 'sum' })
  sum(@Payload() { left, right }: { left: number; right: number }): number {
    return left + right;
  }
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return { data };
  }
}

(whyNot === undefined ? describe : describe.skip).each(peers.map((peer) => ({ name: peer.name, peer })))(
  'Qpid JMS over $name',
  ({ peer }) => {
    it('sends each kind of message, and a handler has its value', async () => {
      const queue = await queueAt(peer);
      const [told] = await jms(peer, 'send', written(peer, queue), written(peer, 'answers'));
      // Without a body: RabbitMQ 4.0 cannot take one.
      const bodies = peer.name === 'rabbitmq-4' ? 6 : 7;
      const messages = await withConnection(peer, async (connection) => {
        const seen: { body: unknown; message: object }[] = [];
        let isThere = (): void => undefined;
        const all = new Promise<void>((resolve) => (isThere = resolve));
        const subscription = connection.createReceiveClient(queue).subscribe(
          ({ body, properties, header, applicationProperties }) => {
            const { contentType, subject, correlationId, replyTo, groupId, groupSequence, messageId } =
              properties ?? {};
            const about = { subject, correlationId, replyTo, groupId, groupSequence, messageId };
            const { durable, priority } = { durable: false, priority: 4, ...header };
            seen.push({ body, message: { contentType, ...about, durable, priority, applicationProperties } });
            if (seen.length === bodies) isThere();
          },
          { concurrency: 1 },
        );
        await all;
        await subscription.close();
        return seen;
      });

      expect(messages.slice(0, 4).map(({ body }) => body)).toEqual([
        'Käse',
        Buffer.from([0, 1, 0xff]),
        { item: 'bread', count: 2, price: 1.25, raw: Buffer.from([7]) },
        [1, 'two', false],
      ]);
      // Java's serialization: handed on as it is, never read.
      expect(messages[4]).toMatchObject({
        body: expect.any(Buffer),
        message: { contentType: 'application/x-java-serialized-object' },
      });
      expect(messages.slice(5).map(({ body }) => body)).toEqual(['', undefined].slice(0, bodies - 5));
      expect(messages[0]?.message).toEqual({
        contentType: undefined,
        messageId: (told as { id: string }).id,
        subject: 'order.placed',
        correlationId: 'jms-correlation',
        replyTo: peer.name === 'activemq' ? 'queue://answers' : written(peer, 'answers'),
        groupId: 'group',
        groupSequence: 3,
        durable: true,
        priority: 7,
        applicationProperties: {
          tenant: 'acme',
          boolean: true,
          byte: -1,
          short: -2,
          int: -3,
          long: -(2n ** 63n),
          float: 2.5,
          double: 0.1,
        },
      });
    }, 60_000);

    it('reads what a send client sends', async () => {
      const queue = await queueAt(peer);
      await withConnection(peer, async (connection) => {
        const client = connection.createSendClient(queue);
        await client.send('Käse', {
          messageId: 'ID:1',
          subject: 'order.placed',
          correlationId: 'ID:of-jms',
          replyTo: written(peer, 'answers'),
          priority: 8,
          ttlMs: 600_000,
          applicationProperties: { text: 'x', whole: 1, big: 2n ** 60n, fraction: 1.5, flag: true },
        });
        await client.send({ id: 1 }, { messageId: 'm-2', correlationId: 'plain' });
        await client.send(Buffer.from([1, 2]), { messageId: 'm-3' });
        const typed = (type: number, body: unknown) =>
          createMessage({ messageAnnotations: { 'x-opt-jms-msg-type': amqp.byte(type) }, body, bodyType: 'value' });
        await client.send(typed(2, { item: 'bread', count: 2 }), { messageId: 'm-4' });
        await client.send(typed(4, [1, 'two']), { messageId: 'm-5' });
      });
      const once = { JMSXDeliveryCount: 'Integer 1' };
      const usual = {
        correlation: null,
        expires: false,
        isPersistent: true,
        priority: 4,
        properties: once,
        redelivered: false,
        replyTo: null,
        type: null,
      };
      expect(await jms(peer, 'receive', written(peer, queue), '5')).toEqual([
        {
          body: 'text Käse',
          id: 'ID:1',
          type: 'order.placed',
          correlation: 'ID:of-jms',
          replyTo: written(peer, 'answers'),
          priority: 8,
          isPersistent: true,
          expires: true,
          redelivered: false,
          properties: {
            ...once,
            text: 'String x',
            whole: 'Integer 1',
            big: 'Long 1152921504606846976',
            fraction: 'Double 1.5',
            flag: 'Boolean true',
          },
        },
        { ...usual, body: 'text {"id":1}', id: 'ID:AMQP_NO_PREFIX:m-2', correlation: 'plain' },
        { ...usual, body: 'bytes 0102', id: 'ID:AMQP_NO_PREFIX:m-3' },
        { ...usual, body: 'map {count=2, item=bread}', id: 'ID:AMQP_NO_PREFIX:m-4' },
        { ...usual, body: 'stream [1, two]', id: 'ID:AMQP_NO_PREFIX:m-5' },
      ]);
    }, 60_000);

    // RabbitMQ 4 has no transactions over AMQP 1.0.
    (peer.name === 'rabbitmq-4' ? it.skip : it)(
      'rolls back what a send client sent, and has it again',
      async () => {
        const queue = await queueAt(peer);
        await withConnection(peer, (connection) => connection.createSendClient(queue).send('again'));
        expect(await jms(peer, 'redeliver', written(peer, queue))).toEqual([
          { count: 1, redelivered: false },
          { count: 2, redelivered: true },
        ]);
      },
      60_000,
    );

    it('asks a handler of the transport and gets its replies', async () => {
      const requests = await queueAt(peer);
      @Module({ controllers: [Service] })
      class AppModule {}
      const strategy = new AmqpTransportStrategy({ uri: peer.uri, sources: requests });
      const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
      ends.push(() => app.close());
      await app.listen();
      // RabbitMQ 4 before 4.2 makes no temporary queues.
      const replies = peer.name === 'rabbitmq-4' ? [written(peer, await queueAt(peer))] : [];
      const once = { JMSXDeliveryCount: 'Integer 1' };
      expect(await jms(peer, 'ask', written(peer, requests), ...replies)).toEqual([
        { body: 'text {"data":"Käse"}', isCorrelated: true, properties: { ...once, 'x-reply': 'String value' } },
        { body: 'text 3', isCorrelated: true, properties: { ...once, 'x-reply': 'String value' } },
        {
          body: 'text {"status":"error","message":"There is no matching message handler defined in the remote service."}',
          isCorrelated: true,
          properties: { ...once, 'x-reply': 'String error' },
        },
      ]);
    }, 60_000);

    it('answers what a client proxy asks', async () => {
      const requests = await queueAt(peer);
      const responder = startJms(peer, 'answer', written(peer, requests), '2');
      ends.push(() => responder.stop());
      expect(await responder.next()).toBe('ready');
      const proxy = new AmqpClientProxy({ uri: peer.uri, target: requests });
      ends.push(() => proxy.close());
      expect(await ask(proxy, 'price', 'Käse')).toBe('seen: Käse');
      expect(await ask(proxy, { cmd: 'price' }, { id: 1 })).toBe('seen: {"id":1}');
      expect([await responder.next(), await responder.next()]).toEqual([
        { subject: 'price', text: 'Käse' },
        { subject: '{"cmd":"price"}', text: '{"id":1}' },
      ]);
    }, 60_000);
  },
);
