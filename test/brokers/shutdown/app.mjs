// A service with fifty handlers at work, as a process of its own. Tells on standard output what happens, a JSON object per line.
import 'reflect-metadata';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { AmqpModule, AmqpSubscribe } from '../../../dist/esm/index.js';

const { AMQP_URI, QUEUE, HANDLER_MS, SHUTDOWN_MS } = process.env;
const tell = (what, number) => process.stdout.write(`${JSON.stringify({ what, number })}\n`);

class Database {
  isOpen = true;
  write(number) {
    tell(this.isOpen ? 'written' : 'written-after-close', number);
  }
  onApplicationShutdown() {
    this.isOpen = false;
    tell('database-closed');
  }
}
Injectable()(Database);

class Worker {
  constructor(database) {
    this.database = database;
  }
  async work({ number }) {
    tell('started', number);
    await new Promise((resolve) => setTimeout(resolve, Number(HANDLER_MS)));
    this.database.write(number);
  }
}
Injectable()(Worker);
Inject(Database)(Worker, undefined, 0);
Payload()(Worker.prototype, 'work', 0);
const method = Object.getOwnPropertyDescriptor(Worker.prototype, 'work');
AmqpSubscribe(QUEUE, { concurrency: 50, prefetch: 60 })(Worker.prototype, 'work', method);

// Decorated by hand: this file runs as it is.
// oxlint-disable-next-line typescript/no-extraneous-class
class App {}
Module({
  imports: [AmqpModule.forRoot({ uri: AMQP_URI, shutdownTimeoutMs: Number(SHUTDOWN_MS) })],
  providers: [Database, Worker],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
