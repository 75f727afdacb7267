import assert from 'node:assert/strict';

import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { AmqpConsumers } from 'nestjs-amqp10';
import { AmqpHealthIndicator, AmqpHealthModule, type AmqpHealthDetails } from 'nestjs-amqp10/health';

import { AppModule } from './app.js';

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly amqp: AmqpHealthIndicator,
  ) {}

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([() => this.amqp.isHealthy('amqp')]);
  }

  @Get('live')
  @HealthCheck()
  live() {
    return this.health.check([() => this.amqp.isAlive('amqp')]);
  }
}

@Module({
  imports: [AppModule, TerminusModule.forRoot({ logger: false }), AmqpHealthModule],
  controllers: [HealthController],
})
class WatchedModule {}

/** Readiness and liveness of the application, over HTTP. */
export async function checkHealth(): Promise<void> {
  const app = await NestFactory.create(WatchedModule, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const ready = await fetch(`${url}/health/ready`);
  const { details } = (await ready.json()) as { details: { amqp: AmqpHealthDetails } };
  assert.equal(ready.status, 200, JSON.stringify(details));
  assert.equal(details.amqp.connections['default']?.consumers['Orders.place']?.state, 'running');
  assert.equal((await fetch(`${url}/health/live`)).status, 200);

  await app.get(AmqpConsumers).get('Orders.place').pause();
  assert.equal((await fetch(`${url}/health/ready`)).status, 200);
  await app.close();
  assert.equal(app.get(AmqpHealthIndicator).isHealthy('amqp').amqp.status, 'down');
}
