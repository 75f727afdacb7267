import type { Deserializer, Serializer } from '@nestjs/microservices';

import {
  type AmqpConnection,
  type ConnectionOptions,
  InvalidOptionsError,
  type RequestClientOptions,
  type SendClientOptions,
  type Target,
} from '../../client/index.js';
import {
  checkMethods,
  checkMs,
  checkObject,
  checkTarget,
  CONNECTION_OPTION_NAMES,
  resolveRequestClientOptions,
  SEND_CLIENT_OPTION_NAMES,
} from '../../client/options/index.js';
import type { GivenConnection } from './transport-connection.js';
import { resolveConnection } from './transport-options.js';

/** Options of {@link AmqpClientProxy}: where it sends, how, and the connection it does so on. */
export interface AmqpClientProxyOptions extends Omit<ConnectionOptions, 'uri'>, SendClientOptions {
  /** For a connection of its own. This, or `connection`. */
  readonly uri?: string | readonly string[] | undefined;
  /** A connection, or the name of one of `AmqpModule.forRoot` of the same application; it is not closed with the proxy. */
  readonly connection?: AmqpConnection | string | undefined;
  /** Where requests and events go, or what says so for each pattern. */
  readonly target: Target | ((packet: { readonly pattern: string }) => Target);
  /** A queue for the replies to this proxy alone, for peers that cannot make one. @default made by the peer */
  readonly replyTo?: string | undefined;
  /** What stands in `reply-to`: the peer's address, or the queue's bare name, which services over AMQP 0-9-1 need. @default 'address' */
  readonly replyToAs?: 'address' | 'queue' | undefined;
  /** From `send` to the first reply, and from one reply to the next. Unit: milliseconds. @default 30_000 */
  readonly requestTimeoutMs?: number | undefined;
  /** Makes the body, or a record, of `{ pattern, data }`. @default the data */
  readonly serializer?: Serializer | undefined;
  /** Makes `{ response | err, isDisposed }` of a reply's body. @default the body, by the reply's kind */
  readonly deserializer?: Deserializer | undefined;
}

/** Checked, with the defaults filled in. */
export interface ResolvedClientProxyOptions {
  readonly connection: GivenConnection;
  readonly target: (packet: { readonly pattern: string }) => Target;
  readonly send: SendClientOptions;
  readonly request: RequestClientOptions;
  readonly serializer: Serializer | undefined;
  readonly deserializer: Deserializer | undefined;
}

const OWN_NAMES = ['connection', 'target', 'replyTo', 'replyToAs', 'requestTimeoutMs', 'serializer', 'deserializer'];

/** @throws InvalidOptionsError with the option's path */
export function resolveClientProxyOptions(options: AmqpClientProxyOptions): ResolvedClientProxyOptions {
  const sendNames: readonly string[] = SEND_CLIENT_OPTION_NAMES;
  const given = checkObject(options, '', [...CONNECTION_OPTION_NAMES, ...sendNames, ...OWN_NAMES]);
  const { target, replyTo, replyToAs, requestTimeoutMs } = options;
  if (target === undefined) throw new InvalidOptionsError('target', 'a target, or a function of the pattern', target);
  const fixed = typeof target === 'function' ? target : checkTarget(target, 'target');
  const send: SendClientOptions = Object.fromEntries(
    Object.entries(given).filter(([name]) => sendNames.includes(name)),
  );
  const timeoutMs = checkMs(requestTimeoutMs, 'requestTimeoutMs', { min: 1, default: 30_000 });
  const request: RequestClientOptions = { ...send, timeoutMs, replyTo, replyToAs };
  resolveRequestClientOptions(request);
  return {
    connection: resolveConnection(given, [...sendNames, ...OWN_NAMES]),
    target: typeof fixed === 'function' ? fixed : () => fixed,
    send,
    request,
    serializer: checkMethods(given['serializer'], 'serializer', ['serialize']),
    deserializer: checkMethods(given['deserializer'], 'deserializer', ['deserialize']),
  };
}
