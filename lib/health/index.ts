// Entry "./health": readiness and liveness for @nestjs/terminus, an optional peer.
export { AmqpHealthIndicator } from './amqp-health.indicator.js';
export { AmqpHealthModule } from './amqp-health.module.js';
export type { AmqpHealthDetails, ConnectionHealth, ConsumerHealth, HealthError, LinkHealth } from './health-details.js';
export type { AmqpHealthOptions, CheckedConnection, ConnectionHolder } from './health-options.js';
