import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { AmqpConsumers } from './amqp-consumers.js';
import { AmqpRuntime } from './lifecycle/amqp-runtime.js';

/** Once per application, however many connections it has. */
@Module({ imports: [DiscoveryModule], providers: [AmqpRuntime, AmqpConsumers], exports: [AmqpRuntime, AmqpConsumers] })
export class AmqpCoreModule {}
