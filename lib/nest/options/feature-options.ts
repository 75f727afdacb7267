import type { FactoryProvider } from '@nestjs/common';

import { InvalidOptionsError } from '../../client/index.js';
import { checkObject, checkRecord, checkText } from '../../client/options/index.js';
import type { ConnectionHost } from '../lifecycle/connection-host.js';
import { getConnectionHostToken, getReceiveClientToken, getSendClientToken } from '../tokens.js';
import type { AmqpFeatureOptions, AmqpReceiverOptions, AmqpSenderOptions } from './amqp-module-options.js';

/** Checked; the clients check their own options when the application starts. */
export interface ResolvedFeatureOptions {
  readonly connection: string;
  readonly senders: readonly AmqpSenderOptions[];
  readonly receivers: readonly AmqpReceiverOptions[];
}

/** @throws InvalidOptionsError */
export function resolveFeatureOptions(options: AmqpFeatureOptions): ResolvedFeatureOptions {
  const given = checkObject(options, 'AmqpModule.forFeature', ['connection', 'senders', 'receivers']);
  // true as far as nest goes: each has a name; the clients check the rest
  return {
    connection: checkText(given['connection'], 'connection') ?? 'default',
    senders: named(given['senders'], 'senders') as readonly AmqpSenderOptions[],
    receivers: named(given['receivers'], 'receivers') as readonly AmqpReceiverOptions[],
  };
}

export function senderProvider(sender: AmqpSenderOptions, connection: string): FactoryProvider {
  const { name, target = name, ...options } = sender;
  return {
    provide: getSendClientToken(name),
    useFactory: (host: ConnectionHost) =>
      host.connection.createSendClient(target, { ...host.options.sendDefaults, ...options }),
    inject: [getConnectionHostToken(connection)],
  };
}

export function receiverProvider(receiver: AmqpReceiverOptions, connection: string): FactoryProvider {
  const { name, source = name, ...options } = receiver;
  return {
    provide: getReceiveClientToken(name),
    useFactory: (host: ConnectionHost) => host.connection.createReceiveClient(source, options),
    inject: [getConnectionHostToken(connection)],
  };
}

function named(value: unknown, path: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidOptionsError(path, 'a list of objects with a name', value);
  const names = new Set<string>();
  return value.map((entry: unknown, index) => {
    const at = `${path}[${index}]`;
    const name = checkText(checkRecord(entry, at)?.['name'], `${at}.name`);
    if (name === undefined) throw new InvalidOptionsError(`${at}.name`, 'a string that is not empty', name);
    if (names.has(name)) throw new InvalidOptionsError(`${at}.name`, `unique among ${path}`, name);
    names.add(name);
    return entry;
  });
}
