// Injection tokens are strings, so that Nest's "can't resolve dependencies" names what is missing.

const DEFAULT_CONNECTION = 'default';

/** The injection token of a connection; without a name, that of the connection without a name. */
export function getAmqpConnectionToken(name: string = DEFAULT_CONNECTION): string {
  return `AmqpConnection:${name}`;
}

/** The injection token of a send client declared with `AmqpModule.forFeature({ senders })`. */
export function getSendClientToken(name: string): string {
  return `AmqpSendClient:${name}`;
}

/** The injection token of a receive client declared with `AmqpModule.forFeature({ receivers })`. */
export function getReceiveClientToken(name: string): string {
  return `AmqpReceiveClient:${name}`;
}

/** Where forRoot keeps a connection for forFeature, also with `isGlobal: false`. Reads as what the user has to add. */
export function getConnectionHostToken(name: string = DEFAULT_CONNECTION): string {
  return `AmqpModule.forRoot({ name: '${name}' })`;
}

export function getModuleOptionsToken(name: string = DEFAULT_CONNECTION): string {
  return `AmqpModuleOptions:${name}`;
}

/** Optional; what makes connections in place of `new AmqpConnection(options)`. Used by the testing entry. */
export const CONNECTION_FACTORY: symbol = Symbol.for('nestjs-amqp10:connection-factory');
