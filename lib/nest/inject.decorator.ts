import { Inject } from '@nestjs/common';

import { getAmqpConnectionToken, getReceiveClientToken, getSendClientToken } from './tokens.js';

/** Injects the `SendClient` that `AmqpModule.forFeature({ senders })` declares under this name. */
export function InjectSendClient(name: string): ParameterDecorator & PropertyDecorator {
  return Inject(getSendClientToken(name));
}

/** Injects the `ReceiveClient` that `AmqpModule.forFeature({ receivers })` declares under this name. */
export function InjectReceiveClient(name: string): ParameterDecorator & PropertyDecorator {
  return Inject(getReceiveClientToken(name));
}

/** Injects the `AmqpConnection` of `AmqpModule.forRoot`; a name picks one of several. */
export function InjectAmqpConnection(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getAmqpConnectionToken(name));
}
