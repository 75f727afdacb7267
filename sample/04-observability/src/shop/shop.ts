// The application: an ordinary HTTP application with a consumer, a sender and a request handler, and what watches it.

import { type DynamicModule, type INestApplication, type MiddlewareConsumer, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule } from '@nestjs/microservices';
import { TerminusModule } from '@nestjs/terminus';
import { AmqpClientProxy, AmqpModule, AmqpTransportStrategy, type Dial } from 'nestjs-amqp10';
import { AmqpDashboardModule } from 'nestjs-amqp10/dashboard';
import { AmqpHealthModule } from 'nestjs-amqp10/health';
import { AmqpInstrumentation } from 'nestjs-amqp10/telemetry';
import { names, templateOf } from '../run/current-run.js';
import { HealthController } from '../watch/health.controller.js';
import { HttpSpans } from '../watch/http-spans.middleware.js';
import { Ledger } from './ledger.js';
import { OrderConsumer } from './order.consumer.js';
import { OrdersController, PRICES } from './orders.controller.js';
import { PricesController } from './prices.controller.js';

/** How the application reaches the broker, and who may see its dashboard. */
export interface ShopOptions {
  readonly uri: string;
  readonly dial: Dial;
  readonly adminToken: string;
}

@Module({})
class ShopModule {
  static with({ uri, dial, adminToken }: ShopOptions): DynamicModule {
    return {
      module: ShopModule,
      imports: [
        AmqpModule.forRoot({
          uri,
          dial,
          // The names of the queues have the run in them; spans and metrics are called the same in every run.
          observer: new AmqpInstrumentation({ destinationTemplate: templateOf }),
          // Short, so that nobody has to wait for the sample; the defaults are 10 and 30 seconds.
          reconnect: { maxDelayMs: 200 },
          refusedRetryMs: 200,
        }),
        AmqpModule.forFeature({
          senders: [
            { name: 'orders', target: names.orders },
            { name: 'invoices', target: names.invoices },
          ],
        }),
        ClientsModule.register([
          { name: PRICES, customClass: AmqpClientProxy, options: { connection: 'default', target: names.prices } },
        ]),
        // Terminus would log each 503.
        TerminusModule.forRoot({ logger: false }),
        AmqpHealthModule,
        AmqpDashboardModule.forRoot({
          path: 'amqp',
          authorize: ({ headers }) => headers.authorization === `Bearer ${adminToken}`,
        }),
      ],
      controllers: [OrdersController, PricesController, HealthController],
      providers: [Ledger, OrderConsumer],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(HttpSpans).forRoutes(OrdersController);
  }
}

/** Listens on a port that is free. */
export async function startShop(options: ShopOptions): Promise<INestApplication> {
  const app = await NestFactory.create(ShopModule.with(options), { logger: ['error'], abortOnError: false });
  app.connectMicroservice({ strategy: new AmqpTransportStrategy({ connection: 'default', sources: names.prices }) });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  return app;
}
