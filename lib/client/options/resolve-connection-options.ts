// Checks the connection's options and fills in the defaults, while the application starts.

import { InvalidOptionsError, type HttpProxy } from '../../protocol/index.js';
import { amqpConstants } from '../constants.js';
import type { AmqpLogger } from '../client-context.js';
import { checkCodecs } from '../codec/check-codecs.js';
import type { Codec } from '../codec/codec.js';
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
  checkWhole,
  joinPath,
} from './check.js';
import { checkAmqpRecord } from './check-amqp.js';
import type { ConnectionOptions, Dial, TlsOptions } from './connection-options.js';
import { resolveKeepAlive } from './keep-alive-options.js';
import { checkProxy } from './proxy-options.js';
import { resolvePeers, type ResolvedPeer } from './resolve-peers.js';
import { checkRedirect, type RedirectOptions } from './redirect-options.js';
import { resolveReconnect, type ReconnectPolicy } from './reconnect-policy.js';
import { safeLogger } from './safe-logger.js';
import { checkTls } from './tls-options.js';
import { checkWebSocket } from './web-socket-options.js';

/** {@link ConnectionOptions}, checked and complete. */
export interface ResolvedConnectionOptions {
  readonly peers: readonly ResolvedPeer[];
  readonly failover: 'round-robin' | 'shuffle' | 'in-order' | ((uris: string[]) => Iterator<string>);
  readonly dial: Dial | undefined;
  readonly tls: TlsOptions;
  readonly proxy: HttpProxy | undefined;
  readonly webSocket: { readonly subprotocol: string };
  readonly redirect: RedirectOptions;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly bootTimeoutMs: number;
  readonly closeTimeoutMs: number;
  /** One attempt at a session and link. */
  readonly attachTimeoutMs: number;
  readonly heartbeatMs: number | undefined;
  readonly heartbeatRatio: number | undefined;
  readonly reconnect: ReconnectPolicy;
  readonly refusedRetryMs: number;
  readonly onRefused: 'retry' | 'stop';
  readonly maxFrameSize: number;
  readonly channelMax: number;
  readonly handleMax: number | undefined;
  readonly incomingWindow: number | undefined;
  readonly maxMessageBytes: number;
  readonly profile: 'auto' | ProfileName;
  readonly topology: Topology;
  readonly codecs: readonly Codec[];
  readonly observers: readonly Observer[];
  readonly logger: AmqpLogger;
  readonly trace: ((line: string) => void) | undefined;
}

/** Every option's name; `forRoot` and the transport take these and more. */
export const CONNECTION_OPTION_NAMES: readonly string[] = [
  'uri',
  'failover',
  'credentials',
  'allowInsecureCredentials',
  'dial',
  'tls',
  'proxy',
  'webSocket',
  'redirect',
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
  'handleMax',
  'incomingWindow',
  'maxMessageBytes',
  'profile',
  'topology',
  'codecs',
  'observer',
  'logger',
  'trace',
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
  const proxy = checkProxy(options['proxy'], at('proxy'));
  const peers = resolvePeers(options, at, { connectTimeoutMs, idleTimeoutMs: keepAlive.idleTimeoutMs, proxy });
  const withoutProxy = peers.some(({ uri }) => uri.scheme === 'embedded')
    ? "left out beside 'embedded:', which is reached without a network"
    : options['dial'] !== undefined && 'left out where dial opens the streams';
  if (proxy !== undefined && withoutProxy !== false)
    throw new InvalidOptionsError(at('proxy'), withoutProxy, options['proxy'], 'secret');
  const logger = checkMethods<AmqpLogger>(options['logger'], at('logger'), ['log', 'warn', 'error']);
  return {
    peers,
    failover: resolveFailover(options['failover'], at('failover')),
    dial: checkFunction<Dial>(options['dial'], at('dial')),
    tls: checkTls(options['tls'], at('tls')),
    proxy,
    webSocket: checkWebSocket(options['webSocket'], at('webSocket')),
    redirect: checkRedirect(options['redirect'], at('redirect')),
    properties: checkAmqpRecord(options['properties'], at('properties')) ?? {},
    bootTimeoutMs: checkMs(options['bootTimeoutMs'], at('bootTimeoutMs'), { min: 1, default: 30_000, infinity: true }),
    closeTimeoutMs: checkMs(options['closeTimeoutMs'], at('closeTimeoutMs'), { min: 1, default: 5_000 }),
    attachTimeoutMs: connectTimeoutMs ?? 10_000,
    heartbeatMs: keepAlive.intervalMs,
    heartbeatRatio: keepAlive.emptyFrameRatio,
    reconnect: resolveReconnect(options['reconnect'], at('reconnect')),
    refusedRetryMs: checkMs(options['refusedRetryMs'], at('refusedRetryMs'), { min: 1, default: 30_000 }),
    onRefused: checkOneOf(options['onRefused'], at('onRefused'), ['retry', 'stop'], 'retry'),
    maxFrameSize: checkWhole(options['maxFrameSize'], at('maxFrameSize'), {
      min: amqpConstants.minMaxFrameSize,
      max: 16 * MIB,
      default: amqpConstants.maxFrameSize,
    }),
    channelMax: checkWhole(options['channelMax'], at('channelMax'), { min: 0, max: 65_535, default: 65_535 }),
    handleMax: checkWhole(options['handleMax'], at('handleMax'), { min: 1, max: 65_535, default: undefined }),
    incomingWindow: checkWhole(options['incomingWindow'], at('incomingWindow'), {
      min: 2,
      max: 2_147_483_647,
      default: undefined,
    }),
    maxMessageBytes: resolveMaxMessageBytes(options['maxMessageBytes'], at('maxMessageBytes')),
    profile: checkOneOf(options['profile'], at('profile'), ['auto', ...PROFILE_NAMES], 'auto'),
    topology: checkTopology(options['topology'], at('topology')),
    codecs: checkCodecs(options['codecs'], at('codecs')),
    observers: checkObservers(options['observer'], at('observer')),
    logger: safeLogger(logger ?? SILENT),
    trace: resolveTrace(options['trace'], at('trace'), logger),
  };
}

/** Also for a single receiver's option of this name. */
export function resolveMaxMessageBytes(value: unknown, path: string): number {
  return checkWhole(value, path, { min: 1, max: 2_147_483_647, default: amqpConstants.maxMessageBytes });
}

function resolveTrace(
  value: unknown,
  path: string,
  logger: AmqpLogger | undefined,
): ((line: string) => void) | undefined {
  if (typeof value === 'function') return checkFunction<(line: string) => void>(value, path);
  if (!checkBoolean(value, path, false)) return undefined;
  if (logger === undefined) throw new InvalidOptionsError(path, 'given with logger, or a function', value);
  return (line) => (logger.debug === undefined ? logger.log(line) : logger.debug(line));
}

function resolveFailover(value: unknown, path: string): ResolvedConnectionOptions['failover'] {
  if (typeof value === 'function')
    return checkFunction<(uris: string[]) => Iterator<string>>(value, path) ?? 'round-robin';
  if (value === undefined) return 'round-robin';
  if (value === 'round-robin' || value === 'shuffle' || value === 'in-order') return value;
  throw new InvalidOptionsError(path, "'round-robin', 'shuffle', 'in-order' or a function", value);
}

/** The options as the user's type says, for callers that hold the type. */
export type ConnectionInput = string | readonly string[] | ConnectionOptions;
