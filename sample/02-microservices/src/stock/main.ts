// The service of the stock: it answers requests, hears events, and asks the service of prices, all on one connection.

import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule } from '@nestjs/microservices';
import { AmqpClientProxy, AmqpModule, AmqpTransportStrategy } from 'nestjs-amqp10';
import { reportReady } from '../run/report-ready.js';
import { surroundings } from '../run/surroundings.js';
import { PRICES, StockController } from './stock.controller.js';

const { uri, queues } = surroundings();

@Module({
  imports: [
    AmqpModule.forRoot({ uri, topology: { queues: [queues.stock] } }),
    ClientsModule.register([
      { name: PRICES, customClass: AmqpClientProxy, options: { connection: 'default', target: queues.prices } },
    ]),
  ],
  controllers: [StockController],
})
class StockModule {}

const app = await NestFactory.createMicroservice(StockModule, {
  logger: ['error'],
  strategy: new AmqpTransportStrategy({ connection: 'default', sources: queues.stock }),
});
await app.listen();
reportReady(app);
