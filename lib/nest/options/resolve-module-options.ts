import { Logger } from '@nestjs/common';
import type { EmbeddedBrokerOptions } from '../../broker/index.js';
import {
  type ConnectionOptions,
  InvalidOptionsError,
  type SendClientOptions,
  type SubscribeOptions,
} from '../../client/index.js';
import {
  checkBoolean,
  CONNECTION_OPTION_NAMES,
  checkMs,
  checkObject,
  checkRecord,
  checkText,
  resolveConnectionOptions,
  resolveSendClientOptions,
  resolveSubscribeOptions,
} from '../../client/options/index.js';
import { checkSources } from '../amqp-subscribe.decorator.js';
import type { AmqpModuleOptions, ConsumerOverrides } from './amqp-module-options.js';

/** The URI of a broker of the module's own. */
export const PRIVATE_BROKER_URI = 'embedded:';

/** Checked, with the defaults filled in. */
export interface ResolvedModuleOptions {
  readonly name: string;
  readonly isGlobal: boolean;
  readonly connection: ConnectionOptions;
  readonly waitForConnection: boolean;
  readonly lazy: boolean;
  readonly registerHandlers: boolean;
  readonly inheritAppConfig: boolean;
  readonly shutdownTimeoutMs: number;
  readonly sendDefaults: SendClientOptions;
  readonly subscribeDefaults: SubscribeOptions;
  readonly consumers: ReadonlyMap<string, ConsumerOverrides>;
  /** Set: a broker is to be started for this connection alone. */
  readonly privateBroker: EmbeddedBrokerOptions | undefined;
}

const OPTION_NAMES: readonly string[] = [
  ...CONNECTION_OPTION_NAMES,
  'name',
  'isGlobal',
  'waitForConnection',
  'lazy',
  'registerHandlers',
  'inheritAppConfig',
  'shutdownTimeoutMs',
  'defaults',
  'consumers',
  'broker',
];

const EXPECTED_URI =
  "given, for example 'amqp://host' (AmqpModule has no default; is the environment variable it comes from set?)";

/**
 * What `forRoot` and the factory of `forRootAsync` were given.
 * @throws InvalidOptionsError with the option's path
 */
export function resolveModuleOptions(
  given: string | readonly string[] | AmqpModuleOptions | undefined,
  nodeEnv: string | undefined = process.env['NODE_ENV'],
): ResolvedModuleOptions {
  if (given === undefined || given === null || given === '') throw new InvalidOptionsError('uri', EXPECTED_URI, given);
  const options: AmqpModuleOptions = isUri(given) ? { uri: given } : given;
  checkObject(options, '', OPTION_NAMES);
  const {
    name,
    isGlobal,
    waitForConnection,
    lazy,
    registerHandlers,
    inheritAppConfig,
    shutdownTimeoutMs,
    defaults,
    consumers,
    broker,
    uri,
    ...rest
  } = options;
  if (uri === undefined || uri === null || uri === '') throw new InvalidOptionsError('uri', EXPECTED_URI, uri);
  const connection: ConnectionOptions = { ...rest, uri: typeof uri === 'string' ? uri : [...uri] };
  const privateBroker = resolvePrivateBroker(uri, broker, connection.dial !== undefined, nodeEnv);
  // Only to be told what is wrong with them now; the private broker's dialler is not there yet, nor is the logger that is the default.
  const logger = connection.logger ?? new Logger('AmqpModule');
  const dialled = privateBroker === undefined ? {} : { dial: rejectedDial };
  resolveConnectionOptions({ ...connection, logger, ...dialled });
  const { send, subscribe } = checkObject(defaults, 'defaults', ['send', 'subscribe']);
  return {
    name: checkText(name, 'name') ?? 'default',
    isGlobal: checkBoolean(isGlobal, 'isGlobal', true),
    connection,
    waitForConnection: checkBoolean(waitForConnection, 'waitForConnection', true),
    lazy: checkBoolean(lazy, 'lazy', false),
    registerHandlers: checkBoolean(registerHandlers, 'registerHandlers', true),
    inheritAppConfig: checkBoolean(inheritAppConfig, 'inheritAppConfig', false),
    shutdownTimeoutMs: checkMs(shutdownTimeoutMs, 'shutdownTimeoutMs', { default: 20_000 }),
    sendDefaults: checkedSendDefaults(send),
    subscribeDefaults: checkedSubscribeDefaults(subscribe),
    consumers: resolveOverrides(consumers),
    privateBroker,
  };
}

const rejectedDial = (): Promise<never> => Promise.reject(new Error('never called'));

function isUri(given: string | readonly string[] | AmqpModuleOptions): given is string | readonly string[] {
  return typeof given === 'string' || Array.isArray(given);
}

function checkedSendDefaults(send: unknown): SendClientOptions {
  const options = checkRecord(send, 'defaults.send') ?? {};
  resolveSendClientOptions(options, 'defaults.send');
  return options;
}

function checkedSubscribeDefaults(subscribe: unknown): SubscribeOptions {
  const options = checkRecord(subscribe, 'defaults.subscribe') ?? {};
  refuseName(options, 'defaults.subscribe');
  resolveSubscribeOptions(options, undefined, 'defaults.subscribe');
  return options;
}

function resolveOverrides(consumers: unknown): ReadonlyMap<string, ConsumerOverrides> {
  const resolved = new Map<string, ConsumerOverrides>();
  for (const [name, given] of Object.entries(checkRecord(consumers, 'consumers') ?? {})) {
    const path = `consumers.${name}`;
    const overrides = checkRecord(given, path);
    if (overrides === undefined) continue;
    const { enabled, source, shutdownTimeoutMs, topology: _topology, ...subscribe } = overrides;
    refuseName(subscribe, path);
    resolveSubscribeOptions(subscribe, undefined, path);
    checkBoolean(enabled, `${path}.enabled`, true);
    checkMs(shutdownTimeoutMs, `${path}.shutdownTimeoutMs`, { default: undefined });
    if (source !== undefined) checkSources(source, `${path}.source`);
    resolved.set(name, overrides);
  }
  return resolved;
}

/** A consumer's name is what overrides find it by. */
function refuseName(options: Readonly<Record<string, unknown>>, path: string): void {
  if (options['name'] === undefined) return;
  throw new InvalidOptionsError(`${path}.name`, 'left out: @AmqpSubscribe names its consumer', options['name']);
}

function resolvePrivateBroker(
  uri: string | readonly string[],
  broker: EmbeddedBrokerOptions | undefined,
  hasDial: boolean,
  nodeEnv: string | undefined,
): EmbeddedBrokerOptions | undefined {
  const options = checkRecord(broker, 'broker');
  const uris = typeof uri === 'string' ? [uri] : uri;
  if (hasDial || !uris.some((entry) => entry.trim() === PRIVATE_BROKER_URI)) {
    if (options === undefined) return undefined;
    throw new InvalidOptionsError('broker', `left out unless uri is '${PRIVATE_BROKER_URI}'`, broker);
  }
  if (uris.length > 1)
    throw new InvalidOptionsError('uri', `'${PRIVATE_BROKER_URI}' alone, without a failover list`, uri);
  if (nodeEnv === 'production' && options?.['allowInProduction'] !== true) {
    const expected =
      'a real broker when NODE_ENV is production (the embedded one keeps nothing); broker: { allowInProduction: true } allows it';
    throw new InvalidOptionsError('uri', expected, uri);
  }
  return options ?? {};
}
