// Nest's own RMQ transport (AMQP 0-9-1) and this one on the same queues of a RabbitMQ 4: rmqEnvelope on this side.

import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';

import { AmqpClientProxy, AmqpTransportStrategy, rmqEnvelope } from '../../lib/index.js';
import { gate } from '../nest/harness.js';
import { all, ask, failure, tell } from '../nest/scenarios/stage.js';
import { Sums } from '../nest/scenarios/sums.js';
import { realPeers, uniqueName, withConnection } from './peer.js';

const { up } = await realPeers();
const peer = up.find(({ name }) => name === 'rabbitmq-4');
if (peer === undefined) process.stdout.write('skipped: rabbitmq-4 is not up (npm run brokers -- up rabbitmq-4)\n');
const uri = peer?.uri ?? '';
const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Both transports open the same queue with the same arguments. */
async function queue(): Promise<string> {
  if (peer === undefined) throw new Error('no RabbitMQ 4');
  const name = uniqueName('nest-rmq');
  await withConnection(peer, ({ topology }) => topology.declare({ queues: [{ name, type: 'classic' }] }));
  ends.push(() => withConnection(peer, ({ topology }) => topology.deleteQueue(name)));
  return name;
}

function service(): { readonly controller: Type; readonly told: Promise<void> } {
  const news = gate();
  @Controller()
  class MathController extends Sums {
    @MessagePattern('fails')
    fails(): never {
      throw new RpcException({ code: 7 });
    }
    @EventPattern('told')
    told(@Payload() data: { what: string }): void {
      if (data.what === 'news') news.open();
    }
  }
  return { controller: MathController, told: news.opened };
}

async function start(controller: Type, options: MicroserviceOptions): Promise<void> {
  @Module({ controllers: [controller] })
  class AppModule {}
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, { ...options, logger: false });
  ends.push(() => app.close());
  await app.listen();
}

/** What each client of either transport gets of a service of the other. */
async function converse(client: Parameters<typeof all>[0], told: Promise<void>): Promise<void> {
  expect(await all(client, { cmd: 'sum' }, [1, 2, 3])).toEqual([6]);
  expect(await all(client, 'stream', [1, 2, 3])).toEqual([1, 2, 3]);
  expect(await failure(client, 'fails')).toEqual({ code: 7 });
  expect(await failure(client, 'nobody')).toBeDefined();
  const many = Array.from({ length: 100 }, (_, n) => n);
  expect(await Promise.all(many.map((n) => ask(client, { cmd: 'sum' }, [n, 1])))).toEqual(many.map((n) => n + 1));
  await tell(client, 'told', { what: 'news' });
  await told;
}

(peer === undefined ? describe.skip : describe)("Nest's RMQ transport on RabbitMQ 4", () => {
  it('is asked by a proxy of this one', async () => {
    const name = await queue();
    const { controller, told } = service();
    await start(controller, { transport: Transport.RMQ, options: { urls: [uri], queue: name, noAssert: true } });
    const client = new AmqpClientProxy({ uri, target: name, logger: quiet, ...rmqEnvelope.client });
    ends.push(() => client.close());
    await converse(client, told);
  }, 60_000);

  it('asks a server of this one, with a reply queue of its own', async () => {
    const name = await queue();
    const replyQueue = await queue();
    const { controller, told } = service();
    await start(controller, { strategy: new AmqpTransportStrategy({ uri, sources: name, ...rmqEnvelope.server }) });
    const client = ClientProxyFactory.create({
      transport: Transport.RMQ,
      options: { urls: [uri], queue: name, noAssert: true, replyQueue },
    });
    ends.push(() => Promise.resolve(client.close()));
    await converse(client, told);
  }, 60_000);
});
