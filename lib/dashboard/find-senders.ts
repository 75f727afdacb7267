import type { DiscoveryService } from '@nestjs/core';

import type { SendClient } from '../client/index.js';
import { getConnectionHostToken, getSendClientToken } from '../nest/index.js';

const PREFIX = getSendClientToken('');

/** A send client of `AmqpModule.forFeature`. */
export interface DeclaredSender {
  readonly address: string;
  /** Whether it sends over the connection of that name. */
  readonly isOf: (connection: string) => boolean;
}

/** Those of the whole application. */
export function findSenders(discovery: DiscoveryService): DeclaredSender[] {
  return discovery.getProviders().flatMap(({ token, instance, inject }) => {
    if (typeof token !== 'string' || !token.startsWith(PREFIX)) return [];
    const { address } = instance as SendClient; // true: the token is forFeature's
    return [{ address, isOf: (connection) => inject?.includes(getConnectionHostToken(connection)) === true }];
  });
}
