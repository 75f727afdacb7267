// The gateway: an ordinary HTTP application that is a client of the services.

import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule } from '@nestjs/microservices';
import { AmqpClientProxy } from 'nestjs-amqp10';
import type { Surroundings } from '../run/surroundings.js';
import { GatewayController, SERVICES } from './gateway.controller.js';

/** Listens on a port that is free; `url` says which. */
export async function startGateway({ uri, queues }: Surroundings): Promise<{ app: INestApplication; url: string }> {
  const target = ({ pattern }: { pattern: string }): string =>
    pattern.startsWith('stock.') || pattern.startsWith('order.') ? queues.stock : queues.prices;

  @Module({
    imports: [
      ClientsModule.register([
        { name: SERVICES, customClass: AmqpClientProxy, options: { uri, target, requestTimeoutMs: 10_000 } },
      ]),
    ],
    controllers: [GatewayController],
  })
  class GatewayModule {}

  const app = await NestFactory.create(GatewayModule, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}
