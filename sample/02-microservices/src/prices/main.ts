// The service of prices: a microservice with a connection of its own.

import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AmqpTransportStrategy } from 'nestjs-amqp10';
import { reportReady } from '../run/report-ready.js';
import { surroundings } from '../run/surroundings.js';
import { PricesController } from './prices.controller.js';

@Module({ controllers: [PricesController] })
class PricesModule {}

const { uri, queues } = surroundings();
const app = await NestFactory.createMicroservice(PricesModule, {
  logger: ['error'],
  strategy: new AmqpTransportStrategy({ uri, topology: { queues: [queues.prices] }, sources: queues.prices }),
});
await app.listen();
reportReady(app);
