import { InvalidOptionsError, type AmqpError } from '../../protocol/index.js';
import type { IdempotencyStore } from '../idempotency/idempotency-store.js';
import { MemoryIdempotencyStore } from '../idempotency/memory-idempotency-store.js';
import type { ReceivedMessage } from '../message/received-message.js';
import {
  checkBoolean,
  checkFunction,
  checkMethods,
  checkMs,
  checkObject,
  checkText,
  checkWhole,
  joinPath,
} from '../options/check.js';
import type { ConcurrencyLimit } from './concurrency-limit.js';
import {
  RECEIVE_CLIENT_OPTION_NAMES,
  resolveReceiving,
  type ReceiveClientOptions,
  type ResolvedReceiveClientOptions,
} from './receive-client-options.js';

/** How one subscription works; what is left out is taken from the receive client. */
export interface SubscribeOptions extends ReceiveClientOptions {
  /** What observers, and so telemetry and the dashboard, call it. In Nest it is the consumer's name. @default none */
  readonly name?: string | undefined;
  /** Handler calls at a time. Range: 1 or more. @default 10 */
  readonly concurrency?: number | undefined;
  /** Shared with other subscriptions: together they make no more calls at a time than it allows. @default none */
  readonly concurrencyLimit?: ConcurrencyLimit | undefined;
  /** Called at each change of `state`, with what was lost, refused or stopped. Must not throw. @default none */
  readonly onState?: ((change: SubscriptionChange) => void) | undefined;
  /** `false`: nothing is attached before `resume()`. @default true */
  readonly autoStart?: boolean | undefined;
  /**
   * After which a call counts as failed: the policy gets an AmqpTimeoutError and the message's signal aborts. The call keeps its slot
   * until it really ends. Unit: milliseconds. @default none
   */
  readonly handlerTimeoutMs?: number | undefined;
  /**
   * Messages of one key are handled one after another, in their order; different keys at the same time. `undefined` as a key: no
   * lane. @default none
   */
  readonly orderBy?: 'group-id' | ((message: ReceivedMessage) => string | undefined) | undefined;
  /** The handler gets arrays: `maxMessages`, or what came within `waitMs` of the first. Not with `orderBy`. @default none */
  readonly batch?: { readonly maxMessages: number; readonly waitMs: number } | undefined;
  /** Messages whose key was handled before are accepted without calling the handler. @default none */
  readonly idempotency?:
    | {
        /** @default the message-id; a message without one is always handled */
        readonly key?: ((message: ReceivedMessage) => string) | undefined;
        /** @default one in this process, for 100 000 keys */
        readonly store?: IdempotencyStore | undefined;
        /** How long a key is remembered. Unit: milliseconds. @default 600_000 */
        readonly ttlMs?: number | undefined;
      }
    | undefined;
}

/** A subscription is in another state. */
export interface SubscriptionChange {
  readonly state: 'starting' | 'running' | 'paused' | 'closed' | 'failed';
  /** `starting`: why the link was lost or not attached; `failed`: why it was given up; `paused`: what its policy paused it for. */
  readonly error?: AmqpError | undefined;
}

/** The same with every default filled in. */
export interface ResolvedSubscribeOptions extends ResolvedReceiveClientOptions {
  readonly name: string | undefined;
  readonly prefetch: number;
  readonly concurrency: number;
  readonly concurrencyLimit: ConcurrencyLimit | undefined;
  readonly onState: ((change: SubscriptionChange) => void) | undefined;
  readonly autoStart: boolean;
  /** 0: none. */
  readonly handlerTimeoutMs: number;
  readonly orderBy: ((message: ReceivedMessage) => string | undefined) | undefined;
  readonly batch: { readonly maxMessages: number; readonly waitMs: number } | undefined;
  readonly idempotency: ResolvedIdempotency | undefined;
}

/** How handled messages are remembered. */
export interface ResolvedIdempotency {
  readonly key: (message: ReceivedMessage) => string | undefined;
  readonly store: IdempotencyStore;
  readonly ttlMs: number;
}

/** The options' names, for those who add their own to them. */
export const SUBSCRIBE_OPTION_NAMES: readonly (keyof SubscribeOptions)[] = [
  ...RECEIVE_CLIENT_OPTION_NAMES,
  'name',
  'concurrency',
  'concurrencyLimit',
  'onState',
  'autoStart',
  'handlerTimeoutMs',
  'orderBy',
  'batch',
  'idempotency',
];

/** Handler calls at a time. */
export const MAX_CONCURRENCY = 1_000_000;

/**
 * @param client what stands where these are left out
 * @param path in front of the option's name in the error; empty at the top
 * @throws InvalidOptionsError
 */
export function resolveSubscribeOptions(
  options?: SubscribeOptions,
  client?: ResolvedReceiveClientOptions,
  path = '',
): ResolvedSubscribeOptions {
  const given = checkObject(options, path, SUBSCRIBE_OPTION_NAMES);
  const at = (name: keyof SubscribeOptions): string => joinPath(path, name);
  const receiving = resolveReceiving(given, path, client);
  const concurrency = checkWhole(given['concurrency'], at('concurrency'), {
    min: 1,
    max: MAX_CONCURRENCY,
    default: 10,
  });
  const batch = checkBatch(given['batch'], at('batch'));
  const orderBy = checkOrder(given['orderBy'], at('orderBy'));
  if (batch !== undefined && orderBy !== undefined)
    throw new InvalidOptionsError(at('orderBy'), 'left out with batch: a batch has no lanes', given['orderBy']);
  const idempotency = checkIdempotency(given['idempotency'], at('idempotency'));
  if (batch !== undefined && idempotency !== undefined)
    throw new InvalidOptionsError(at('idempotency'), 'left out with batch', given['idempotency']);
  const maxMessages = batch?.maxMessages ?? 0;
  if (given['prefetch'] === 0)
    throw new InvalidOptionsError(at('prefetch'), 'at least 1: a subscription asks for no single messages', 0);
  const prefetch = receiving.prefetch || Math.max(10, 2 * concurrency, 2 * maxMessages);
  if (maxMessages > prefetch)
    throw new InvalidOptionsError(
      joinPath(at('batch'), 'maxMessages'),
      `at most the prefetch, ${prefetch}`,
      maxMessages,
    );
  return {
    ...receiving,
    name: checkText(given['name'], at('name')),
    prefetch,
    concurrency,
    concurrencyLimit: checkMethods(given['concurrencyLimit'], at('concurrencyLimit'), ['take', 'give']),
    onState: checkFunction(given['onState'], at('onState')),
    autoStart: checkBoolean(given['autoStart'], at('autoStart'), true),
    handlerTimeoutMs: checkMs(given['handlerTimeoutMs'], at('handlerTimeoutMs'), { min: 1, default: 0 }),
    orderBy,
    batch,
    idempotency,
  };
}

function checkBatch(value: unknown, path: string): ResolvedSubscribeOptions['batch'] {
  if (value === undefined) return undefined;
  const given = checkObject(value, path, ['maxMessages', 'waitMs']);
  const maxMessages = checkWhole(given['maxMessages'], `${path}.maxMessages`, {
    min: 1,
    max: MAX_CONCURRENCY,
    default: undefined,
  });
  const waitMs = checkMs(given['waitMs'], `${path}.waitMs`, { default: undefined });
  if (maxMessages === undefined)
    throw new InvalidOptionsError(`${path}.maxMessages`, 'given: a whole number of at least 1', undefined);
  if (waitMs === undefined) throw new InvalidOptionsError(`${path}.waitMs`, 'given: milliseconds', undefined);
  return { maxMessages, waitMs };
}

function checkOrder(value: unknown, path: string): ResolvedSubscribeOptions['orderBy'] {
  if (value === undefined) return undefined;
  if (value === 'group-id') return (message) => message.properties?.groupId;
  if (typeof value === 'string') throw new InvalidOptionsError(path, "'group-id' or a function", value);
  return checkFunction(value, path);
}

function checkIdempotency(value: unknown, path: string): ResolvedIdempotency | undefined {
  if (value === undefined) return undefined;
  const given = checkObject(value, path, ['key', 'store', 'ttlMs']);
  return {
    key: checkFunction<ResolvedIdempotency['key']>(given['key'], `${path}.key`) ?? messageIdText,
    store:
      checkMethods<IdempotencyStore>(given['store'], `${path}.store`, ['begin', 'done', 'forget']) ??
      new MemoryIdempotencyStore(),
    ttlMs: checkMs(given['ttlMs'], `${path}.ttlMs`, { min: 1, default: 600_000 }),
  };
}

/** The id with its kind, so that the string '1' and the number 1 are two. */
function messageIdText(message: ReceivedMessage): string | undefined {
  const id = message.properties?.messageId;
  if (id === undefined || typeof id === 'string') return id;
  if (Buffer.isBuffer(id)) return `binary:${id.toString('hex')}`;
  return `${typeof id === 'bigint' ? 'ulong' : 'uuid'}:${id.toString()}`;
}
