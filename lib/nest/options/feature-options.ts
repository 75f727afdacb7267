import type { FactoryProvider } from '@nestjs/common';

import {
  InvalidOptionsError,
  type ReceiveClientOptions,
  type SendClientOptions,
  type Source,
  type Target,
} from '../../client/index.js';
import {
  checkObject,
  checkRecord,
  checkSource,
  checkTarget,
  checkText,
  resolveReceiveClientOptions,
  resolveSendClientOptions,
} from '../../client/options/index.js';
import type { ConnectionHost } from '../lifecycle/connection-host.js';
import { getConnectionHostToken, getReceiveClientToken, getSendClientToken } from '../tokens.js';
import type { AmqpFeatureOptions } from './amqp-module-options.js';
import { mergeOptions } from './merge-options.js';

/** Checked, with the defaults filled in. */
export interface ResolvedFeatureOptions {
  readonly connection: string;
  readonly senders: readonly Declared<Target, SendClientOptions>[];
  readonly receivers: readonly Declared<Source, ReceiveClientOptions>[];
}

interface Declared<Place, Options> {
  readonly name: string;
  readonly place: Place;
  readonly options: Options;
}

/** @throws InvalidOptionsError with the path: `senders[0].maxPendingMessages` */
export function resolveFeatureOptions(options: AmqpFeatureOptions): ResolvedFeatureOptions {
  const given = checkObject(options, 'AmqpModule.forFeature', ['connection', 'senders', 'receivers']);
  return {
    connection: checkText(given['connection'], 'connection') ?? 'default',
    senders: named(given['senders'], 'senders').map(({ name, at, entry }) => {
      const { name: _name, target = name, ...own } = entry;
      resolveSendClientOptions(own, at);
      return { name, place: checkTarget(target, `${at}.target`), options: own };
    }),
    receivers: named(given['receivers'], 'receivers').map(({ name, at, entry }) => {
      const { name: _name, source = name, ...own } = entry;
      resolveReceiveClientOptions(own, at);
      return { name, place: checkSource(source, `${at}.source`), options: own };
    }),
  };
}

/** The provider of a send client. */
export function senderProvider(
  { name, place, options }: Declared<Target, SendClientOptions>,
  connection: string,
): FactoryProvider {
  return {
    provide: getSendClientToken(name),
    useFactory: (host: ConnectionHost) =>
      host.connection.createSendClient(place, mergeOptions(host.options.sendDefaults, options)),
    inject: [getConnectionHostToken(connection)],
  };
}

/** The provider of a receive client. */
export function receiverProvider(
  { name, place, options }: Declared<Source, ReceiveClientOptions>,
  connection: string,
): FactoryProvider {
  return {
    provide: getReceiveClientToken(name),
    useFactory: (host: ConnectionHost) => host.connection.createReceiveClient(place, options),
    inject: [getConnectionHostToken(connection)],
  };
}

interface Named {
  readonly name: string;
  readonly at: string;
  readonly entry: Readonly<Record<string, unknown>>;
}

function named(value: unknown, path: string): readonly Named[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidOptionsError(path, 'a list of objects with a name', value);
  const names = new Set<string>();
  return value.map((given: unknown, index) => {
    const at = `${path}[${index}]`;
    const entry = checkRecord(given, at) ?? {};
    const name = checkText(entry['name'], `${at}.name`);
    if (name === undefined) throw new InvalidOptionsError(`${at}.name`, 'a string that is not empty', name);
    if (names.has(name)) throw new InvalidOptionsError(`${at}.name`, `unique among ${path}`, name);
    names.add(name);
    return { name, at, entry };
  });
}
