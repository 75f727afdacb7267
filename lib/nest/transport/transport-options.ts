import type { Deserializer, Serializer } from '@nestjs/microservices';

import {
  type AmqpConnection,
  type ConnectionOptions,
  type HandlerPolicy,
  InvalidOptionsError,
  policy,
  type ReceivedMessage,
  type Source,
  type SubscribeOptions,
} from '../../client/index.js';
import {
  checkBoolean,
  checkFunction,
  checkMethods,
  checkMs,
  checkObject,
  checkRecord,
  checkSource,
  checkText,
  CONNECTION_OPTION_NAMES,
  resolveConnectionOptions,
  resolveSubscribeOptions,
} from '../../client/options/index.js';
import type { AmqpContext } from '../amqp-context.js';
import type { GivenConnection } from './transport-connection.js';

/** A source of the transport with options of its own. */
export interface AmqpTransportSource extends Omit<SubscribeOptions, 'batch' | 'autoStart'> {
  readonly source: Source;
}

/** Options of {@link AmqpTransportStrategy}: where it listens, and the connection it does so on. */
export interface AmqpTransportOptions extends Omit<ConnectionOptions, 'uri'> {
  /** For a connection of its own. This, or `connection`. */
  readonly uri?: string | readonly string[] | undefined;
  /** A connection, or the name of one of `AmqpModule.forRoot` of the same application; it is not closed with the server. */
  readonly connection?: AmqpConnection | string | undefined;
  /** What it receives from; each source has its own link, prefetch and concurrency. */
  readonly sources: Source | readonly (Source | AmqpTransportSource)[];
  /** What is matched with the patterns of handlers: the message's subject, the source's address, or what the function says. @default 'subject' */
  readonly pattern?: 'subject' | 'address' | ((message: ReceivedMessage) => string | undefined) | undefined;
  /** What becomes of a message that no handler is for; a requester is told. @default policy.reject('amqp:not-found') */
  readonly unmatched?: HandlerPolicy | undefined;
  /** What becomes of an event whose handler failed, and of what cannot be decoded. @default the default policy */
  readonly errorPolicy?: HandlerPolicy | undefined;
  /** Unsettled messages of each source at most. @default twice the concurrency, at least 10 */
  readonly prefetch?: number | undefined;
  /** Handlers of each source at once. @default 64 */
  readonly concurrency?: number | undefined;
  /** `reply-to` is a stranger's choice. `allow` says whether replies may go there; without it they may. */
  readonly reply?: { readonly allow?: ((address: string, context: AmqpContext) => boolean) | undefined } | undefined;
  /** Makes the body of a reply of `{ id, response | err, isDisposed }`. @default the handler's value */
  readonly serializer?: Serializer | undefined;
  /** Makes `{ pattern, data }` of a body; a pattern that is left out is the message's. @default the body as data */
  readonly deserializer?: Deserializer | undefined;
  /**
   * Whether the application's global pipes, guards, interceptors and filters run for the handlers, as
   * `connectMicroservice(..., { inheritAppConfig: true })` says it. In an application with AmqpModule. @default false
   */
  readonly inheritAppConfig?: boolean | undefined;
  /** Milliseconds that closing waits for running handlers. @default 20_000 */
  readonly shutdownTimeoutMs?: number | undefined;
}

/** Checked, with the defaults filled in. */
export interface ResolvedTransportOptions {
  readonly connection: GivenConnection;
  readonly sources: readonly { readonly source: Source; readonly subscribe: SubscribeOptions }[];
  readonly pattern: 'subject' | 'address' | ((message: ReceivedMessage) => string | undefined);
  readonly unmatched: HandlerPolicy;
  readonly errorPolicy: HandlerPolicy;
  readonly allow: ((address: string, context: AmqpContext) => boolean) | undefined;
  readonly serializer: Serializer | undefined;
  readonly deserializer: Deserializer | undefined;
  readonly inheritAppConfig: boolean;
  readonly shutdownTimeoutMs: number;
}

const OWN_NAMES = [
  'connection',
  'sources',
  'pattern',
  'unmatched',
  'errorPolicy',
  'prefetch',
  'concurrency',
  'reply',
  'serializer',
  'deserializer',
  'inheritAppConfig',
  'shutdownTimeoutMs',
];
const CONCURRENCY = 64;

/** @throws InvalidOptionsError with the option's path */
export function resolveTransportOptions(options: AmqpTransportOptions): ResolvedTransportOptions {
  const given = checkObject(options, '', [...CONNECTION_OPTION_NAMES, ...OWN_NAMES]);
  const { pattern = 'subject', errorPolicy = policy.byError([]), concurrency = CONCURRENCY, prefetch } = options;
  if (typeof pattern !== 'function' && pattern !== 'subject' && pattern !== 'address')
    throw new InvalidOptionsError('pattern', "'subject', 'address' or a function", pattern);
  const shared: SubscribeOptions = { concurrency, errorPolicy, ...(prefetch === undefined ? {} : { prefetch }) };
  resolveSubscribeOptions(shared);
  return {
    connection: resolveConnection(given, OWN_NAMES),
    sources: resolveSources(given['sources'], shared),
    pattern,
    unmatched: checkFunction<HandlerPolicy>(given['unmatched'], 'unmatched') ?? policy.reject('amqp:not-found'),
    errorPolicy,
    allow: checkFunction(checkObject(given['reply'], 'reply', ['allow'])['allow'], 'reply.allow'),
    serializer: checkMethods(given['serializer'], 'serializer', ['serialize']),
    deserializer: checkMethods(given['deserializer'], 'deserializer', ['deserialize']),
    inheritAppConfig: checkBoolean(given['inheritAppConfig'], 'inheritAppConfig', false),
    shutdownTimeoutMs: checkMs(given['shutdownTimeoutMs'], 'shutdownTimeoutMs', { default: 20_000 }),
  };
}

/**
 * One of its own or a shared one, never both.
 *
 * @param ownNames what in the options does not belong to the connection
 * @throws InvalidOptionsError
 */
export function resolveConnection(
  given: Readonly<Record<string, unknown>>,
  ownNames: readonly string[],
): GivenConnection {
  const { connection } = given;
  const entries = Object.entries(given).filter(([name, value]) => !ownNames.includes(name) && value !== undefined);
  if (connection === undefined) {
    const options = Object.fromEntries(entries);
    if (options['uri'] === undefined) throw new InvalidOptionsError('uri', 'given, or connection instead', undefined);
    // true: checked by the line below
    const own = options as unknown as ConnectionOptions;
    resolveConnectionOptions(own);
    return own;
  }
  const [extra] = entries;
  if (extra !== undefined)
    throw new InvalidOptionsError(extra[0], 'left out where connection is given: it has its own', extra[1], 'secret');
  if (typeof connection === 'string') return checkText(connection, 'connection') ?? connection;
  // Not instanceof: it may come from the package's other module format.
  return checkMethods<AmqpConnection>(connection, 'connection', ['open', 'createReceiveClient']) ?? 'default';
}

function resolveSources(given: unknown, shared: SubscribeOptions): ResolvedTransportOptions['sources'] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw new InvalidOptionsError('sources', 'a source, or a list with at least one', given);
  return list.map((entry, index) => {
    const path = Array.isArray(given) ? `sources[${index}]` : 'sources';
    if (typeof entry !== 'object' || entry === null) return { source: checkSource(entry, path), subscribe: shared };
    const { source, ...own } = checkRecord(entry, path) ?? {};
    if (source === undefined) return { source: checkSource(own, path), subscribe: shared };
    for (const name of ['batch', 'autoStart'])
      if (own[name] !== undefined)
        throw new InvalidOptionsError(`${path}.${name}`, 'left out in the transport', own[name]);
    resolveSubscribeOptions(own, undefined, path);
    return { source: checkSource(source, `${path}.source`), subscribe: { ...shared, ...withoutUndefined(own) } };
  });
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
