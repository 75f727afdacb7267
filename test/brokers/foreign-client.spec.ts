// A client that nobody here wrote (Apache Qpid Proton) sends to and receives from a Nest consumer.

import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, Payload } from '@nestjs/microservices';
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  AmqpApplicationProperty,
  AmqpContext,
  AmqpModule,
  AmqpSubscribe,
  InjectSendClient,
  SendClient,
} from '../../lib/index.js';
import { embeddedPeer, realPeers, withConnection, type Peer } from './peer.js';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('./proton_round_trip.py', import.meta.url));
const isInstalled = spawnSync(PYTHON, ['-c', 'import proton']).status === 0;
if (!isInstalled) process.stdout.write(`skipped: ${PYTHON} has no module "proton" (python3-qpid-proton)\n`);

const { up } = await realPeers();
const embedded = await embeddedPeer();
afterAll(() => embedded.close());
const peers = [embedded, ...up.filter((peer) => peer.name !== 'rabbitmq-3')];

let app: INestApplicationContext | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function answeringApp(peer: Peer, orders: string, answers: string): Promise<void> {
  @Injectable()
  class OrderConsumer {
    constructor(@InjectSendClient('answers') private readonly client: SendClient) {}

    @AmqpSubscribe(orders, { concurrency: 1 })
    async place(
      @Payload() order: unknown,
      @Ctx() context: AmqpContext,
      @AmqpApplicationProperty('tenant') tenant: unknown,
    ): Promise<void> {
      const { properties } = context.getMessage();
      await this.client.send(
        { got: order },
        {
          correlationId: properties?.messageId,
          subject: properties?.subject ?? 'none',
          applicationProperties: { tenant: tenant ?? 'none' },
        },
      );
    }
  }
  @Module({
    imports: [
      AmqpModule.forRoot({ uri: peer.uri }),
      AmqpModule.forFeature({ senders: [{ name: 'answers', target: answers }] }),
    ],
    providers: [OrderConsumer],
  })
  class App {}
  app = await NestFactory.createApplicationContext(App, { logger: ['error'], abortOnError: false });
}

(isInstalled ? describe : describe.skip)('Proton and a Nest consumer', () => {
  it.each(peers.map((peer) => ({ name: peer.name, peer })))(
    'understand each other over $name',
    async ({ peer }) => {
      const [orders, answers] = await withConnection(peer, async (connection) => [
        await peer.queue(connection),
        await peer.queue(connection),
      ]);
      if (orders === undefined || answers === undefined) throw new Error('no queues');
      await answeringApp(peer, orders.name, answers.name);
      const written = (name: string): string => (peer.name === 'rabbitmq-4' ? `/queues/${name}` : name);
      const { stdout } = await promisify(execFile)(PYTHON, [
        SCRIPT,
        peer.uri,
        written(orders.name),
        written(answers.name),
      ]);
      expect(JSON.parse(stdout)).toEqual([
        {
          body: { got: { id: 1, item: 'Käse' } },
          correlation: 'proton-1',
          subject: 'order.placed',
          tenant: 'acme',
          contentType: 'application/json',
        },
        {
          body: { got: { id: 2, item: 'bread' } },
          correlation: 'proton-2',
          subject: 'none',
          tenant: 'none',
          contentType: 'application/json',
        },
        {
          body: { got: 'plain text' },
          correlation: 'proton-3',
          subject: 'none',
          tenant: 'none',
          contentType: 'application/json',
        },
      ]);
    },
    60_000,
  );
});
