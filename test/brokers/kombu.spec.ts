// kombu on AMQP 0-9-1 and this library on AMQP 1.0, on two ends of one RabbitMQ 4 queue.

import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx } from '@nestjs/microservices';
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AmqpContext, AmqpModule, AmqpSubscribe, type ReceivedMessage } from '../../lib/index.js';
import { realPeers, withConnection, type Peer } from './peer.js';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('./kombu_client.py', import.meta.url));
const { up } = await realPeers();
const peer = up.find((one) => one.name === 'rabbitmq-4');
const hasKombu = spawnSync(PYTHON, ['-c', 'import kombu, amqp']).status === 0;
const why = peer === undefined ? 'rabbitmq-4 is not up' : hasKombu ? undefined : `${PYTHON} has no module "kombu"`;
if (why !== undefined) process.stdout.write(`skipped: kombu and a Nest consumer: ${why}\n`);

let app: INestApplicationContext | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

const kombu = async (...words: string[]): Promise<string> =>
  (await promisify(execFile)(PYTHON, [SCRIPT, ...words], { timeout: 30_000 })).stdout;

function rabbitmq(): Peer {
  if (peer === undefined) throw new Error('RabbitMQ 4 is not up');
  return peer;
}

function queueName(): Promise<string> {
  return withConnection(rabbitmq(), async (connection) => {
    const declaration = { maxPriority: 10 };
    return (await rabbitmq().queue(connection, { kind: 'classic', declaration })).name;
  });
}

(why === undefined ? describe : describe.skip)('kombu and a Nest consumer', () => {
  it('what kombu publishes arrives whole', async () => {
    const queue = await queueName();
    const arrived = new Promise<ReceivedMessage>((resolve) => {
      @Injectable()
      class OrderConsumer {
        @AmqpSubscribe(queue)
        place(@Ctx() context: AmqpContext): void {
          resolve(context.getMessage());
        }
      }
      @Module({ imports: [AmqpModule.forRoot({ uri: rabbitmq().uri })], providers: [OrderConsumer] })
      class App {}
      void NestFactory.createApplicationContext(App, { logger: ['error'], abortOnError: false }).then(async (made) => {
        app = made;
        await kombu('publish', rabbitmq().uri, queue);
      });
    });
    const message = await arrived;
    expect(message.body).toEqual({ id: 7, item: 'Käse' });
    expect(message.properties).toMatchObject({
      messageId: 'k-7',
      correlationId: 'c-7',
      contentType: 'application/json',
      replyTo: expect.stringContaining('answers'),
    });
    expect(message.applicationProperties).toMatchObject({ tenant: 'acme', size: 3 });
    expect(message.header).toMatchObject({ durable: true, priority: 5 });
    expect(message.header?.ttl).toBeGreaterThan(0);
    expect(message.header?.ttl).toBeLessThanOrEqual(60_000);
  }, 60_000);

  it('what kombu compressed is read', async () => {
    const queue = await queueName();
    await kombu('publish', rabbitmq().uri, queue, 'gzip');
    const message = await withConnection(rabbitmq(), async (connection) => {
      const taken = await connection.createReceiveClient(queue).get({ waitMs: 15_000 });
      await taken?.accept();
      return taken;
    });
    expect(message?.body).toEqual({ id: 7, item: 'Käse' });
    expect(message?.deliveryInfo).toMatchObject({ exchange: '', routingKey: queue, redelivered: false });
  }, 60_000);

  it('what is sent arrives whole at kombu', async () => {
    const queue = await queueName();
    await withConnection(rabbitmq(), (connection) =>
      connection.createSendClient(queue).send(
        { id: 8, item: 'bread' },
        {
          messageId: 'n-8',
          correlationId: 'c-8',
          replyTo: 'answers',
          priority: 6,
          ttlMs: 60_000,
          applicationProperties: { tenant: 'acme', size: 4 },
        },
      ),
    );
    expect(JSON.parse(await kombu('get', rabbitmq().uri, queue))).toEqual({
      body: { id: 8, item: 'bread' },
      contentType: 'application/json',
      headers: { tenant: 'acme', size: 4 },
      priority: 6,
      expiration: '60000',
      replyTo: 'answers',
      correlationId: 'c-8',
      messageId: 'n-8',
      deliveryMode: 2,
    });
  }, 60_000);
});
