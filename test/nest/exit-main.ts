// A service as a process of its own, for exit.spec.ts: one handler that never ends, on the broker of AMQP_URI.
import 'reflect-metadata';

import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { AmqpModule, AmqpSubscribe } from '../../lib/index.js';

@Injectable()
class Hangs {
  @AmqpSubscribe('orders')
  handle(): Promise<never> {
    process.stdout.write('handling\n');
    return new Promise(() => undefined);
  }
}

@Module({
  imports: [AmqpModule.forRoot({ uri: process.env['AMQP_URI'], shutdownTimeoutMs: 300 })],
  providers: [Hangs],
})
class App {}

const app = await NestFactory.createApplicationContext(App, { logger: false });
app.enableShutdownHooks(['SIGTERM']);
// As a service that ends by itself: closed, and then nothing more.
process.once('SIGUSR2', () => void app.close());
