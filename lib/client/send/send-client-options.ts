import { InvalidOptionsError } from '../../protocol/index.js';
import { checkCodec } from '../codec/check-codecs.js';
import type { Codec } from '../codec/codec.js';
import type { LinkRole } from '../link/link-status.js';
import { checkSendOptions, type SendOptions } from '../message/send-options.js';
import { checkBoolean, checkMs, checkObject, checkOneOf, checkWhole, joinPath } from '../options/check.js';
import { checkErrorPolicy, type ErrorPolicy } from './error-policy.js';

/** How a send client works. */
export interface SendClientOptions {
  /**
   * `unsettled`: a send resolves on the peer's outcome. `settled`: as soon as it is written. `mixed`: each send says with `settled`.
   * @default 'unsettled'
   */
  readonly settleMode?: 'unsettled' | 'settled' | 'mixed' | undefined;
  /** @default new ErrorPolicy() */
  readonly errorPolicy?: ErrorPolicy | undefined;
  /**
   * What becomes of a message that was written when the link is lost and whose fate nobody knows. `retry`: sent again with the same
   * message-id, so that it may arrive twice and out of order. `fail`: its send fails with `delivered: 'unknown'`. @default 'retry'
   */
  readonly onConnectionLost?: 'retry' | 'fail' | undefined;
  /** `fail`: a send beyond the bounds fails at once. `wait`: it waits for room, within its time-out. @default 'fail' */
  readonly whenFull?: 'fail' | 'wait' | undefined;
  /** Messages queued, or sent without an outcome. Range: 1 or more. @default 10_000 */
  readonly maxPendingMessages?: number | undefined;
  /** Bytes of their bodies. Range: 1 or more. @default 67_108_864 (64 MiB) */
  readonly maxPendingBytes?: number | undefined;
  /** With `whenFull: 'wait'`: sends that may wait for room. Range: 0 or more. @default 1_000 */
  readonly maxWaitingSends?: number | undefined;
  /**
   * The login may name others in a message's `userId` (RabbitMQ: its user has the tag `impersonator`). Without it such a message is refused
   * here, since the peer would end the session. @default false
   */
  readonly impersonate?: boolean | undefined;
  /** From the call to the outcome: connection, credit and retries included. Unit: milliseconds. @default 30_000 */
  readonly sendTimeoutMs?: number | undefined;
  /** Encodes what this client sends without a content type, before the codecs of the connection. */
  readonly codec?: Codec | undefined;
  /** Options of every send; those of the call win. */
  readonly defaults?: SendOptions | undefined;
}

/** The same with every default filled in. */
export interface ResolvedSendClientOptions {
  readonly settleMode: 'unsettled' | 'settled' | 'mixed';
  readonly errorPolicy: ErrorPolicy;
  readonly onConnectionLost: 'retry' | 'fail';
  readonly whenFull: 'fail' | 'wait';
  readonly maxPendingMessages: number;
  readonly maxPendingBytes: number;
  readonly maxWaitingSends: number;
  readonly impersonate: boolean;
  readonly sendTimeoutMs: number;
  readonly codec: Codec | undefined;
  readonly defaults: SendOptions | undefined;
  /** Whom its link may share a session with; no option of users. */
  readonly session: 'shared' | 'replies' | 'transactional';
  /** For whom it sends; no option of users. */
  readonly role: LinkRole;
  /** Its target was not named here but by a message, so that there may be very many; no option of users. */
  readonly isNamedByMessage: boolean;
}

const NAMES: readonly (keyof SendClientOptions)[] = [
  'settleMode',
  'errorPolicy',
  'onConnectionLost',
  'whenFull',
  'maxPendingMessages',
  'maxPendingBytes',
  'maxWaitingSends',
  'impersonate',
  'sendTimeoutMs',
  'codec',
  'defaults',
];

/**
 * @param path in front of the option's name in the error; empty at the top
 * @throws InvalidOptionsError
 */
export function resolveSendClientOptions(options?: SendClientOptions, path = ''): ResolvedSendClientOptions {
  const given = checkObject(options, path, NAMES);
  const at = (name: keyof SendClientOptions): string => joinPath(path, name);
  const atLeast = (name: keyof SendClientOptions, min: number, fallback: number): number =>
    checkWhole(given[name], at(name), { min, max: Number.MAX_SAFE_INTEGER, default: fallback });
  const defaults = given['defaults'];
  return {
    settleMode: checkOneOf(given['settleMode'], at('settleMode'), ['unsettled', 'settled', 'mixed'], 'unsettled'),
    errorPolicy: checkErrorPolicy(given['errorPolicy'], at('errorPolicy')),
    onConnectionLost: checkOneOf(given['onConnectionLost'], at('onConnectionLost'), ['retry', 'fail'], 'retry'),
    whenFull: checkOneOf(given['whenFull'], at('whenFull'), ['fail', 'wait'], 'fail'),
    maxPendingMessages: atLeast('maxPendingMessages', 1, 10_000),
    maxPendingBytes: atLeast('maxPendingBytes', 1, 67_108_864),
    maxWaitingSends: atLeast('maxWaitingSends', 0, 1_000),
    impersonate: checkBoolean(given['impersonate'], at('impersonate'), false),
    sendTimeoutMs: checkMs(given['sendTimeoutMs'], at('sendTimeoutMs'), { min: 1, default: 30_000 }),
    codec: checkCodec(given['codec'], at('codec')),
    defaults: defaults === undefined ? undefined : checkDefaults(defaults, at('defaults')),
    session: 'shared',
    role: 'send',
    isNamedByMessage: false,
  };
}

/** Of a client for replies to an address that a stranger chose. */
export function replyClientOptions(): ResolvedSendClientOptions {
  return { ...resolveSendClientOptions(), session: 'replies', isNamedByMessage: true, role: 'answer' };
}

function checkDefaults(value: unknown, path: string): SendOptions {
  const defaults = checkSendOptions(value, path);
  if (defaults.transaction === undefined) return defaults;
  throw new InvalidOptionsError(`${path}.transaction`, 'left out: a transaction is given to each send', undefined);
}

/** The options' names, for those who add their own to them. */
export const SEND_CLIENT_OPTION_NAMES = NAMES;
