import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

import { NestFactory } from '@nestjs/core';
import * as esm from 'nestjs-amqp10';
import * as esmBroker from 'nestjs-amqp10/broker';
import * as esmClient from 'nestjs-amqp10/client';
import * as esmTesting from 'nestjs-amqp10/testing';

import { AppModule, Orders, until } from './app.js';
import { checkDashboard } from './dashboard.js';
import { checkHealth } from './health.js';
import { checkTelemetry } from './telemetry.js';

const require = createRequire(import.meta.url);
const cjs = require('nestjs-amqp10') as typeof import('nestjs-amqp10', { with: { 'resolution-mode': 'require' } });
const cjsClient = require('nestjs-amqp10/client') as typeof import('nestjs-amqp10/client', {
  with: { 'resolution-mode': 'require' },
});
const cjsBroker = require('nestjs-amqp10/broker') as typeof import('nestjs-amqp10/broker', {
  with: { 'resolution-mode': 'require' },
});

// Two copies in one process: each other's errors are instances of one's own classes.
assert.notEqual(esm.AmqpError, cjs.AmqpError);
assert.equal(esm.AmqpError, esmClient.AmqpError);
assert.equal(cjs.AmqpError, cjsClient.AmqpError);
const failure = { address: 'orders', delivered: 'no', attempts: 1 } as const;
const fromCjs = new cjs.SendError('rejected', 'x', failure);
const fromEsm = new esm.SendError('timeout', 'x', { ...failure, delivered: 'unknown' });
assert.ok(fromCjs instanceof esm.SendError && fromCjs instanceof esm.AmqpError);
assert.ok(fromEsm instanceof cjs.SendError && fromEsm instanceof cjsClient.AmqpError);
assert.ok(!(fromCjs instanceof esm.ConnectionError));
assert.ok(!(new Error('x') instanceof esm.AmqpError));
// Their types are assignable to each other.
const asEsm: esm.SendError = fromCjs;
const asCjs: InstanceType<typeof cjs.SendError> = fromEsm;
assert.equal(asEsm.delivered + asCjs.delivered, 'nounknown');
assert.equal(typeof esmTesting.startAmqpTestApp, 'function');

// A broker that one copy started by name is found and used by the other.
const broker = await cjsBroker.EmbeddedBroker.start({ name: 'shared', port: false });
assert.equal(esmBroker.EmbeddedBroker.find('shared'), broker);
const sending = new esmClient.AmqpConnection('embedded:shared');
const receiving = new cjsClient.AmqpConnection('embedded:shared');
await sending.open();
await receiving.open();
await sending.createSendClient('between').send({ from: 'esm' });
const [message] = await receiving.createReceiveClient('between').receiveBatch({ maxMessages: 1, waitMs: 5_000 });
assert.deepEqual(message?.body, { from: 'esm' });
await message?.accept();
await sending.close();
await receiving.close();
await broker.stop();

// A consumer decorated with the other copy is found by this copy's module.
class Late extends Orders {
  @cjs.AmqpSubscribe('from-cjs')
  run(): void {}
}

const app = await NestFactory.createApplicationContext(
  { module: AppModule, providers: [{ provide: 'late', useClass: Late }] },
  { logger: false, abortOnError: false },
);
const orders = app.get(Orders);
assert.equal(orders.consumers, app.get(esm.AmqpConsumers));
assert.ok(orders.consumers.all().has('Orders.place'), [...orders.consumers.all().keys()].join());
assert.ok(orders.consumers.all().has('Late.run'), [...orders.consumers.all().keys()].join());
await orders.send({ id: 1 });
await orders.send({ id: -2 });
await until(() => orders.placed.length + app.get<Late>('late').placed.length === 1);
await until(() => orders.parked.length + app.get<Late>('late').parked.length === 1);
await app.close();
await checkHealth();
await checkDashboard();
await checkTelemetry();
console.log('nest12-esm: ok');
