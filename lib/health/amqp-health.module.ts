import { Module } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';

import { AmqpCoreModule } from '../nest/index.js';
import { AmqpHealthIndicator } from './amqp-health.indicator.js';

/** Gives `AmqpHealthIndicator` to the module that imports it, beside terminus's own `TerminusModule`. */
@Module({
  imports: [AmqpCoreModule],
  providers: [HealthIndicatorService, AmqpHealthIndicator],
  exports: [AmqpHealthIndicator],
})
export class AmqpHealthModule {}
