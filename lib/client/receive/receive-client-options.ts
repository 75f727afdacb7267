import { InvalidOptionsError } from '../../protocol/index.js';
import { checkCodec } from '../codec/check-codecs.js';
import type { Codec } from '../codec/codec.js';
import { checkBoolean, checkMs, checkObject, checkOneOf, checkWhole, joinPath } from '../options/check.js';
import { checkHandlerPolicy } from '../policy/check-policy.js';
import type { HandlerPolicy } from '../policy/handler-policy.js';

/** How a receive client works; what `subscribe` is given wins over it. */
export interface ReceiveClientOptions {
  /**
   * Attached on the session of the transaction coordinator, so that its messages may be settled in transactions also where those do not
   * span sessions. Not with `at-most-once`. @default false
   */
  readonly transactional?: boolean | undefined;
  /**
   * Unsettled messages in hand at most. Range: 0 to 2^31 - 1; 0 is credit by hand, for fetching only: the peer sends what a
   * `receiveBatch`, `get` or step of an iteration asks for, and nothing ahead. A subscription of such a client has its own default.
   *
   * @default 100; subscriptions: twice the concurrency, at least 10, and two batches
   */
  readonly prefetch?: number | undefined;
  /**
   * `auto`: accepted when the handler returns. `manual`: the handler settles; one that ends without it has failed. `at-most-once`: the
   * peer settles before it sends. `receiveBatch` and iteration are manual in place of `auto`.
   *
   * @default 'auto'
   */
  readonly settlement?: 'auto' | 'manual' | 'at-most-once' | undefined;
  /** `receiveBatch` and iteration: accepts what is still unsettled on the next pull. @default false */
  readonly autoAccept?: boolean | undefined;
  /**
   * After so long without a message an iteration ends, and a subscription closes. Time without a link does not count, nor does a handler
   * that runs. Unit: milliseconds. Range: 1 or more. @default none
   */
  readonly idleTimeoutMs?: number | undefined;
  /** A larger message is discarded while it streams in and goes to the policy. Range: 1 or more. @default the connection's, 16 MiB */
  readonly maxMessageBytes?: number | undefined;
  /** `declare`: a durable queue of the source's name is declared before the attach, where the peer can. @default 'must-exist' */
  readonly queues?: 'must-exist' | 'declare' | undefined;
  /** What is done with a message whose handler failed, or that cannot be decoded. @default the default policy */
  readonly errorPolicy?: HandlerPolicy | undefined;
  /** Decodes data bodies of its content type, and those without one, before the codecs of the connection. */
  readonly codec?: Codec | undefined;
}

/** The same with every default filled in, but for the prefetch, whose default depends on how messages are taken. */
export interface ResolvedReceiveClientOptions {
  readonly transactional: boolean;
  readonly prefetch: number | undefined;
  readonly settlement: 'auto' | 'manual' | 'at-most-once';
  readonly autoAccept: boolean;
  /** 0: none. */
  readonly idleTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly queues: 'must-exist' | 'declare';
  readonly errorPolicy: HandlerPolicy;
  readonly codec: Codec | undefined;
}

/** The options' names, for those who add their own to them. */
export const RECEIVE_CLIENT_OPTION_NAMES: readonly (keyof ReceiveClientOptions)[] = [
  'transactional',
  'prefetch',
  'settlement',
  'autoAccept',
  'idleTimeoutMs',
  'maxMessageBytes',
  'queues',
  'errorPolicy',
  'codec',
];

/** 16 MiB. */
const MAX_MESSAGE_BYTES = 16_777_216;
const MAX_PREFETCH = 2_147_483_647;

/**
 * @param path in front of the option's name in the error; empty at the top
 * @throws InvalidOptionsError
 */
export function resolveReceiveClientOptions(options?: ReceiveClientOptions, path = ''): ResolvedReceiveClientOptions {
  return resolveReceiving(checkObject(options, path, RECEIVE_CLIENT_OPTION_NAMES), path);
}

/** The part that subscriptions share; names are checked by the caller. */
export function resolveReceiving(
  given: Readonly<Record<string, unknown>>,
  path: string,
  defaults?: ResolvedReceiveClientOptions,
): ResolvedReceiveClientOptions {
  const at = (name: keyof ReceiveClientOptions): string => joinPath(path, name);
  const policy = given['errorPolicy'];
  const transactional = checkBoolean(given['transactional'], at('transactional'), defaults?.transactional ?? false);
  const settlement = checkOneOf(
    given['settlement'],
    at('settlement'),
    ['auto', 'manual', 'at-most-once'],
    defaults?.settlement ?? 'auto',
  );
  if (transactional && settlement === 'at-most-once')
    throw new InvalidOptionsError(
      at('transactional'),
      "false with settlement 'at-most-once': those messages are settled before they are sent",
      true,
    );
  return {
    transactional,
    prefetch: checkWhole(given['prefetch'], at('prefetch'), {
      min: 0,
      max: MAX_PREFETCH,
      default: defaults?.prefetch,
    }),
    settlement,
    autoAccept: checkBoolean(given['autoAccept'], at('autoAccept'), defaults?.autoAccept ?? false),
    idleTimeoutMs: checkMs(given['idleTimeoutMs'], at('idleTimeoutMs'), {
      min: 1,
      default: defaults?.idleTimeoutMs ?? 0,
    }),
    maxMessageBytes: checkWhole(given['maxMessageBytes'], at('maxMessageBytes'), {
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      default: defaults?.maxMessageBytes ?? MAX_MESSAGE_BYTES,
    }),
    queues: checkOneOf(given['queues'], at('queues'), ['must-exist', 'declare'], defaults?.queues ?? 'must-exist'),
    errorPolicy:
      policy === undefined && defaults !== undefined
        ? defaults.errorPolicy
        : checkHandlerPolicy(policy, at('errorPolicy')),
    codec: checkCodec(given['codec'], at('codec')) ?? defaults?.codec,
  };
}
