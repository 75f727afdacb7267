import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import { AmqpHealthIndicator } from 'nestjs-amqp10/health';

/** What Kubernetes asks. */
@Controller('health')
export class HealthController {
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
