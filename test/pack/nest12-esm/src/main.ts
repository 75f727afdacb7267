import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

import { NestFactory } from '@nestjs/core';
import * as esm from 'nestjs-amqp10';
import * as esmBroker from 'nestjs-amqp10/broker';
import * as esmClient from 'nestjs-amqp10/client';

import { AppModule, OrderConsumer } from './app.js';

const require = createRequire(import.meta.url);
const cjs = require('nestjs-amqp10') as typeof import('nestjs-amqp10', { with: { 'resolution-mode': 'require' } });
const cjsClient = require('nestjs-amqp10/client') as typeof import('nestjs-amqp10/client', {
  with: { 'resolution-mode': 'require' },
});
const cjsBroker = require('nestjs-amqp10/broker') as typeof import('nestjs-amqp10/broker', {
  with: { 'resolution-mode': 'require' },
});

// Two copies in one process.
assert.notEqual(esm.AmqpError, cjs.AmqpError);
assert.equal(esm.AmqpError, esmClient.AmqpError);
assert.equal(cjs.AmqpError, cjsClient.AmqpError);
const fromCjs = new cjs.SendError('x', 'no');
const fromEsm = new esm.SendError('x', 'unknown');
assert.ok(fromCjs instanceof esm.SendError && fromCjs instanceof esm.AmqpError);
assert.ok(fromEsm instanceof cjs.SendError && fromEsm instanceof cjsClient.AmqpError);
assert.ok(!(new cjs.AmqpError('x', 'x') instanceof esm.SendError));
assert.ok(!(new Error('x') instanceof esm.AmqpError));
// The two copies' types are assignable to each other.
const asEsm: esm.SendError = fromCjs;
const asCjs: InstanceType<typeof cjs.SendError> = fromEsm;
assert.equal(asEsm.delivered + asCjs.delivered, 'nounknown');
// Metadata written by one copy is read by the other; brokers started in one are found in the other.
class Both {
  @cjs.AmqpSubscribe('from-cjs')
  run(): void {}
}
assert.deepEqual(esm.subscriptionsOf(Both.prototype.run), [{ source: 'from-cjs' }]);
const broker = cjsBroker.startBroker('shared');
assert.equal(esmBroker.findBroker('shared'), broker);
broker.stop();

const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
assert.deepEqual(app.get(esm.AmqpConsumers).all(), [{ name: 'OrderConsumer.place', source: 'orders' }]);
assert.equal(app.get(OrderConsumer).consumers, app.get(esm.AmqpConsumers));
await app.close();
console.log('nest12-esm: ok');
