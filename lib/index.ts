// Entry ".": AMQP 1.0 for Nest. The names of lib/nest by hand, and everything public of "./client".
export * from './client/index.js';
export { AmqpConsumers } from './nest/amqp-consumers.js';
export { AmqpContext } from './nest/amqp-context.js';
export {
  AmqpAnnotation,
  AmqpApplicationProperty,
  AmqpCloudEvent,
  AmqpDelivery,
  AmqpHeader,
  AmqpProperty,
} from './nest/amqp-params.decorator.js';
export { AmqpRecord, AmqpRecordBuilder } from './nest/amqp-record.js';
export { AmqpSubscribe, type AmqpAddressFactory, type AmqpSubscribeOptions } from './nest/amqp-subscribe.decorator.js';
export type { AmqpMatch } from './nest/consumer/message-match.js';
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
export { AmqpClientProxy } from './nest/transport/amqp-client-proxy.js';
export { AMQP_TRANSPORT, AmqpTransportStrategy } from './nest/transport/amqp-transport-strategy.js';
export type { AmqpClientProxyOptions } from './nest/transport/client-proxy-options.js';
export { rmqEnvelope } from './nest/transport/rmq-envelope.js';
export type { AmqpTransportEvents } from './nest/transport/transport-connection.js';
export type { AmqpTransportOptions, AmqpTransportSource } from './nest/transport/transport-options.js';
