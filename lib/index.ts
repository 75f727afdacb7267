// Entry ".": AMQP 1.0 for Nest. The names of lib/nest by hand, and everything public of "./client".
export * from './client/index.js';
export { AmqpConsumers } from './nest/amqp-consumers.js';
export { AmqpContext } from './nest/amqp-context.js';
export {
  AmqpAnnotation,
  AmqpApplicationProperty,
  AmqpDelivery,
  AmqpHeader,
  AmqpProperty,
} from './nest/amqp-params.decorator.js';
export { AmqpSubscribe, type AmqpAddressFactory, type AmqpSubscribeOptions } from './nest/amqp-subscribe.decorator.js';
export { AmqpModule } from './nest/amqp.module.js';
export { InjectAmqpConnection, InjectReceiveClient, InjectSendClient } from './nest/inject.decorator.js';
export type {
  AmqpFeatureOptions,
  AmqpModuleAsyncOptions,
  AmqpModuleOptions,
  AmqpOptionsFactory,
  AmqpReceiverOptions,
  AmqpSenderOptions,
  ConsumerOverrides,
} from './nest/options/amqp-module-options.js';
export { getAmqpConnectionToken, getReceiveClientToken, getSendClientToken } from './nest/tokens.js';
