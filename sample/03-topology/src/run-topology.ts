// One run: the application with its topology, each route tried, dead letters moved back, everything taken away again.

import { Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AmqpConnection, AmqpConsumers, AmqpModule, getAmqpConnectionToken } from 'nestjs-amqp10';
import { run } from './current-run.js';
import { buryAndRedrive } from './dead-letters.js';
import type { Row } from './report.js';
import { routesOf } from './routes.js';
import { tryRoutes } from './routing.js';
import { removeTopology, topologyOf } from './topology.js';
import { WorkConsumer } from './work.consumer.js';

@Module({})
class AppModule {
  static at(uri: string): DynamicModule {
    return {
      module: AppModule,
      imports: [AmqpModule.forRoot({ uri, topology: topologyOf(run.names) })],
      providers: [WorkConsumer],
    };
  }
}

/** @param routes what is tried; a test may expect something else of them */
export async function runTopology(uri: string, routes = routesOf(run.names)): Promise<readonly Row[]> {
  const app = await NestFactory.createApplicationContext(AppModule.at(uri), { logger: ['error'], abortOnError: false });
  const connection = app.get<AmqpConnection>(getAmqpConnectionToken());
  try {
    const routed = await tryRoutes(connection, run.names, routes);
    return [...routed, ...(await buryAndRedrive(connection, run.names, app.get(WorkConsumer)))];
  } finally {
    await app.get(AmqpConsumers).get('WorkConsumer.work').close();
    await removeTopology(connection, run.names);
    await app.close();
  }
}
