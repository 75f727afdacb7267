// This library, as built: `./client`, and for subscribe-nest the whole Nest pipeline.

import { RICH } from '../bodies.mjs';
import { manyAtOnce } from '../round-trips.mjs';

const entry = (path) =>
  import(new URL(path, process.env.BENCH_DIST ?? new URL('../../dist/esm/', import.meta.url)).href);

/** `BENCH_TELEMETRY=api`: with the instrumentation and no SDK; `sdk`: with one that records everything and exports nothing. */
async function observer() {
  const telemetry = process.env.BENCH_TELEMETRY;
  if (telemetry === undefined) return undefined;
  const { AmqpInstrumentation } = await entry('telemetry/index.js');
  if (telemetry === 'sdk') await import('./telemetry-sdk.mjs');
  return new AmqpInstrumentation();
}

/** @param watched whether the dashboard listens to it */
async function connect(port, watched) {
  const { AmqpConnection } = await entry('client/index.js');
  const connection = new AmqpConnection({ uri: `amqp://127.0.0.1:${port}`, observer: await observer() });
  if (watched) {
    const { Activity } = await entry('dashboard/activity/activity.js');
    const { ConnectionActivity } = await entry('dashboard/activity/connection-activity.js');
    void new ConnectionActivity('default', connection, new Activity(100, 100));
  }
  await connection.open();
  return connection;
}

export async function sender({ port, window, rich, watched }) {
  const connection = await connect(port, watched);
  const client = connection.createSendClient('sink');
  const options = rich ? RICH : undefined;
  return {
    sendOne: (value) => client.send(value, options),
    sendAll: (make, from, to) => manyAtOnce((index) => client.send(make(index), options), from, to, window),
    close: () => connection.close(),
  };
}

const inItsOwnTask = () => new Promise((resolve) => setImmediate(resolve));

export async function receiver({ port, address, prefetch, kind, watched }, onValue) {
  if (kind === 'subscribe-nest') return nestReceiver({ port, address, prefetch, watched }, onValue);
  const connection = await connect(port, watched);
  const handler =
    kind === 'receive-async'
      ? async ({ body }) => {
          await inItsOwnTask();
          onValue(body);
        }
      : ({ body }) => onValue(body);
  connection.createReceiveClient({ address }).subscribe(handler, { prefetch, concurrency: prefetch });
  return { close: () => connection.close() };
}

async function nestReceiver({ port, address, prefetch, watched }, onValue) {
  await import('reflect-metadata');
  const { NestFactory } = await import('@nestjs/core');
  const { Module, Injectable } = await import('@nestjs/common');
  const { Payload } = await import('@nestjs/microservices');
  const { AmqpModule, AmqpSubscribe } = await entry('index.js');

  class Consumer {
    handle(value) {
      onValue(value);
    }
  }
  const method = Object.getOwnPropertyDescriptor(Consumer.prototype, 'handle');
  Payload()(Consumer.prototype, 'handle', 0);
  AmqpSubscribe({ address }, { prefetch, concurrency: prefetch })(Consumer.prototype, 'handle', method);
  Injectable()(Consumer);
  // oxlint-disable-next-line typescript/no-extraneous-class -- a module of Nest
  class App {}
  const imports = [AmqpModule.forRoot({ uri: `amqp://127.0.0.1:${port}`, observer: await observer() })];
  if (watched) imports.push((await entry('dashboard/index.js')).AmqpDashboardModule.forRoot());
  Module({ imports, providers: [Consumer] })(App);
  const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
  return { close: () => app.close() };
}
