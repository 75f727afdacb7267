// The door of the Nest layer for the folders above it; lib/index.ts lists what users see.
export { AmqpConsumers } from './amqp-consumers.js';
export { AmqpModule } from './amqp.module.js';
export { CONNECTION_FACTORY, getAmqpConnectionToken, getConnectionHostToken, getSendClientToken } from './tokens.js';
export { AmqpRuntime } from './lifecycle/amqp-runtime.js';
export type { ApplicationConnection, ApplicationConsumer } from './lifecycle/application-connection.js';
export { AmqpCoreModule } from './amqp-core.module.js';
export type { ConnectionFactory } from './lifecycle/connection-host.js';
