// Checks the connection's options and fills in the defaults, while the application starts.

import { randomUUID } from 'node:crypto';
import { InvalidOptionsError } from '../../protocol/index.js';
import type { AmqpLogger } from '../client-context.js';
import { checkCodecs } from '../codec/check-codecs.js';
import type { Codec } from '../codec/codec.js';
import type { Credentials } from '../credentials/credentials.js';
import { saslAnonymous, saslPlain } from '../credentials/sasl.js';
import { checkObservers } from '../observer/check-observers.js';
import type { Observer } from '../observer/observer.js';
import type { ProfileName } from '../profile/peer-profile.js';
import { PROFILE_NAMES } from '../profile/profiles.js';
import { checkTopology } from '../topology/check-topology.js';
import type { Topology } from '../topology/topology.js';
import {
  checkBoolean,
  checkFunction,
  checkMethods,
  checkMs,
  checkObject,
  checkOneOf,
  checkText,
  checkWhole,
  joinPath,
} from './check.js';
import { checkAmqpRecord } from './check-amqp.js';
import type { ConnectionOptions, Dial, TlsOptions } from './connection-options.js';
import { isLoopback } from './loopback.js';
import { parseUris, type PeerUri } from './peer-uri.js';
import { resolveReconnect, type ReconnectPolicy } from './reconnect-policy.js';
import { safeLogger } from './safe-logger.js';
import { checkTls } from './tls-options.js';

/** One peer of the failover list, with everything that its attempt needs. */
export interface ResolvedPeer {
  /** As the user wrote it: the key for a failover function. Not to be shown. */
  readonly given: string;
  readonly uri: PeerUri;
  readonly credentials: Credentials;
  readonly hostname: string | undefined;
  readonly containerId: string;
  readonly connectTimeoutMs: number;
  /** 0: none. */
  readonly idleTimeoutMs: number;
}

/** {@link ConnectionOptions}, checked and complete. */
export interface ResolvedConnectionOptions {
  readonly peers: readonly ResolvedPeer[];
  readonly failover: 'round-robin' | 'shuffle' | ((uris: string[]) => Iterator<string>);
  readonly dial: Dial | undefined;
  readonly tls: TlsOptions;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly bootTimeoutMs: number;
  readonly closeTimeoutMs: number;
  /** One attempt at a session and link. */
  readonly attachTimeoutMs: number;
  readonly heartbeatMs: number | undefined;
  readonly reconnect: ReconnectPolicy;
  readonly refusedRetryMs: number;
  readonly onRefused: 'retry' | 'stop';
  readonly maxFrameSize: number;
  readonly channelMax: number;
  readonly maxMessageBytes: number;
  readonly profile: 'auto' | ProfileName;
  readonly topology: Topology;
  readonly codecs: readonly Codec[];
  readonly observers: readonly Observer[];
  readonly logger: AmqpLogger;
}

/** Every option's name; `forRoot` and the transport take these and more. */
export const CONNECTION_OPTION_NAMES: readonly string[] = [
  'uri',
  'failover',
  'credentials',
  'allowInsecureCredentials',
  'dial',
  'tls',
  'containerId',
  'hostname',
  'properties',
  'connectTimeoutMs',
  'bootTimeoutMs',
  'closeTimeoutMs',
  'keepAlive',
  'reconnect',
  'refusedRetryMs',
  'onRefused',
  'maxFrameSize',
  'channelMax',
  'maxMessageBytes',
  'profile',
  'topology',
  'codecs',
  'observer',
  'logger',
];

const MIB = 1_048_576;
const SILENT: AmqpLogger = { log: () => undefined, warn: () => undefined, error: () => undefined };

/** @throws InvalidOptionsError naming the first option that cannot work */
export function resolveConnectionOptions(given: unknown, path = ''): ResolvedConnectionOptions {
  const options =
    typeof given === 'string' || Array.isArray(given)
      ? { uri: given as unknown }
      : checkObject(given, path, CONNECTION_OPTION_NAMES);
  const at = (name: string): string => joinPath(path, name);
  const keepAlive = resolveKeepAlive(options['keepAlive'], at('keepAlive'));
  const connectTimeoutMs = checkMs(options['connectTimeoutMs'], at('connectTimeoutMs'), { min: 1, default: undefined });
  return {
    peers: resolvePeers(options, at, connectTimeoutMs, keepAlive.idleTimeoutMs),
    failover: resolveFailover(options['failover'], at('failover')),
    dial: checkFunction<Dial>(options['dial'], at('dial')),
    tls: checkTls(options['tls'], at('tls')),
    properties: checkAmqpRecord(options['properties'], at('properties')) ?? {},
    bootTimeoutMs: checkMs(options['bootTimeoutMs'], at('bootTimeoutMs'), { min: 1, default: 30_000, infinity: true }),
    closeTimeoutMs: checkMs(options['closeTimeoutMs'], at('closeTimeoutMs'), { min: 1, default: 5_000 }),
    attachTimeoutMs: connectTimeoutMs ?? 10_000,
    heartbeatMs: keepAlive.intervalMs,
    reconnect: resolveReconnect(options['reconnect'], at('reconnect')),
    refusedRetryMs: checkMs(options['refusedRetryMs'], at('refusedRetryMs'), { min: 1, default: 30_000 }),
    onRefused: checkOneOf(options['onRefused'], at('onRefused'), ['retry', 'stop'], 'retry'),
    maxFrameSize: checkWhole(options['maxFrameSize'], at('maxFrameSize'), { min: 512, max: 16 * MIB, default: 65_536 }),
    channelMax: checkWhole(options['channelMax'], at('channelMax'), { min: 0, max: 65_535, default: 65_535 }),
    maxMessageBytes: resolveMaxMessageBytes(options['maxMessageBytes'], at('maxMessageBytes')),
    profile: checkOneOf(options['profile'], at('profile'), ['auto', ...PROFILE_NAMES], 'auto'),
    topology: checkTopology(options['topology'], at('topology')),
    codecs: checkCodecs(options['codecs'], at('codecs')),
    observers: checkObservers(options['observer'], at('observer')),
    logger: safeLogger(checkMethods<AmqpLogger>(options['logger'], at('logger'), ['log', 'warn', 'error']) ?? SILENT),
  };
}

/** Also for a single receiver's option of this name. */
export function resolveMaxMessageBytes(value: unknown, path: string): number {
  return checkWhole(value, path, { min: 1, max: 2_147_483_647, default: 16 * MIB });
}

function resolvePeers(
  options: Readonly<Record<string, unknown>>,
  at: (name: string) => string,
  connectTimeoutMs: number | undefined,
  idleTimeoutMs: number | undefined,
): readonly ResolvedPeer[] {
  const credentials = checkCredentials(options['credentials'], at('credentials'));
  const allowInsecure = checkBoolean(options['allowInsecureCredentials'], at('allowInsecureCredentials'), false);
  const containerId = checkText(options['containerId'], at('containerId')) ?? `nestjs-amqp10-${randomUUID()}`;
  const hostname = checkText(options['hostname'], at('hostname'));
  return parseUris(options['uri'], at('uri')).map(({ given, uri }) => {
    if (uri.scheme === 'embedded' && uri.host === '' && options['dial'] === undefined)
      throw new InvalidOptionsError(
        at('uri'),
        "'embedded:NAME', or given with dial ('embedded:' alone is for AmqpModule)",
        given,
      );
    const own = uri.user === undefined ? saslAnonymous() : saslPlain(uri.user.name, uri.user.password);
    const used = credentials ?? own;
    if (used.isSecret && !allowInsecure && !isSafe(uri))
      throw new InvalidOptionsError(
        at('uri'),
        `amqps:// or wss:// for credentials to ${uri.host}, or given with allowInsecureCredentials: true`,
        uri.shown,
      );
    return {
      given,
      uri,
      credentials: used,
      hostname: hostname ?? (uri.vhost !== undefined ? `vhost:${uri.vhost}` : uri.host === '' ? undefined : uri.host),
      containerId: options['containerId'] === undefined ? (uri.containerId ?? containerId) : containerId,
      connectTimeoutMs: connectTimeoutMs ?? uri.connectTimeoutMs ?? 10_000,
      idleTimeoutMs: idleTimeoutMs ?? uri.idleTimeoutMs ?? 30_000,
    };
  });
}

/** TLS, this machine, or not a network at all. */
export function isSafe(uri: PeerUri): boolean {
  return uri.scheme === 'amqps' || uri.scheme === 'wss' || uri.scheme === 'embedded' || isLoopback(uri.host);
}

function resolveKeepAlive(
  value: unknown,
  path: string,
): { readonly idleTimeoutMs: number | undefined; readonly intervalMs: number | undefined } {
  if (value === false) return { idleTimeoutMs: 0, intervalMs: undefined };
  const options = checkObject(value, path, ['idleTimeoutMs', 'intervalMs']);
  return {
    idleTimeoutMs: checkMs(options['idleTimeoutMs'], joinPath(path, 'idleTimeoutMs'), {
      min: 1_000,
      default: undefined,
    }),
    intervalMs: checkMs(options['intervalMs'], joinPath(path, 'intervalMs'), { min: 100, default: undefined }),
  };
}

function resolveFailover(value: unknown, path: string): ResolvedConnectionOptions['failover'] {
  if (typeof value === 'function')
    return checkFunction<(uris: string[]) => Iterator<string>>(value, path) ?? 'round-robin';
  if (value === undefined || value === 'round-robin' || value === 'shuffle') return value ?? 'round-robin';
  throw new InvalidOptionsError(path, "'round-robin', 'shuffle' or a function", value);
}

function checkCredentials(value: unknown, path: string): Credentials | undefined {
  if (value === undefined) return undefined;
  const fits =
    typeof value === 'object' && value !== null && 'mechanism' in value && 'start' in value && 'isSecret' in value;
  // Without isSecret nobody would know that they must not go over an open network.
  const complete = fits && typeof value.mechanism === 'string' && typeof value.isSecret === 'boolean';
  if (!complete || typeof value.start !== 'function')
    throw new InvalidOptionsError(path, 'made by saslPlain(), saslExternal() or one of the others', value, 'secret');
  // True: what is used of it was checked.
  return value as unknown as Credentials;
}

/** The options as the user's type says, for callers that hold the type. */
export type ConnectionInput = string | readonly string[] | ConnectionOptions;
