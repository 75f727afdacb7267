import { checkMs, checkObject, checkOneOf, checkText, checkWhole, joinPath } from '../options/check.js';
import {
  resolveSendClientOptions,
  SEND_CLIENT_OPTION_NAMES,
  type ResolvedSendClientOptions,
  type SendClientOptions,
} from '../send/send-client-options.js';

/** How a request client works. Of the options of a send client, `onConnectionLost` has no effect: requests are never sent again. */
export interface RequestClientOptions extends SendClientOptions {
  /** From the call to the reply, and from one reply of a stream to the next. Unit: milliseconds. @default 30_000 */
  readonly timeoutMs?: number | undefined;
  /**
   * A queue of this client alone, written as a source's string, for peers that cannot make one (profiles `azure` and `rabbitmq-3`).
   *
   * @default a node that the peer makes for the client, and takes away with it
   */
  readonly replyTo?: string | undefined;
  /**
   * What stands in `reply-to`: the address as this peer writes it, or the bare name of the queue, which consumers over AMQP 0-9-1 on a
   * RabbitMQ need: it hands `reply-to` on between the protocols as it is. Peers whose addresses are names have but one form.
   *
   * @default 'address'
   */
  readonly replyToAs?: 'address' | 'queue' | undefined;
  /** Replies that may be on their way to this client at once. Range: 1 to 2^31 - 1. @default 256 */
  readonly replyPrefetch?: number | undefined;
}

/** The same with every default filled in. */
export interface ResolvedRequestClientOptions {
  readonly timeoutMs: number;
  readonly replyTo: string | undefined;
  readonly replyToAs: 'address' | 'queue';
  readonly replyPrefetch: number;
  readonly send: ResolvedSendClientOptions;
}

/** The options' names, for those who add their own to them. */
export const REQUEST_CLIENT_OPTION_NAMES: readonly (keyof RequestClientOptions)[] = [
  ...SEND_CLIENT_OPTION_NAMES,
  'timeoutMs',
  'replyTo',
  'replyToAs',
  'replyPrefetch',
];

/**
 * @param path in front of the option's name in the error; empty at the top
 * @throws InvalidOptionsError
 */
export function resolveRequestClientOptions(options?: RequestClientOptions, path = ''): ResolvedRequestClientOptions {
  const given = checkObject(options, path, REQUEST_CLIENT_OPTION_NAMES);
  const { timeoutMs, replyTo, replyToAs, replyPrefetch, ...rest } = given;
  const send = resolveSendClientOptions(rest, path);
  return {
    timeoutMs: checkMs(timeoutMs, joinPath(path, 'timeoutMs'), { min: 1, default: 30_000 }),
    replyTo: checkText(replyTo, joinPath(path, 'replyTo')),
    replyToAs: checkOneOf(replyToAs, joinPath(path, 'replyToAs'), ['address', 'queue'], 'address'),
    replyPrefetch: checkWhole(replyPrefetch, joinPath(path, 'replyPrefetch'), {
      min: 1,
      max: 2_147_483_647,
      default: 256,
    }),
    // A request sent again would be answered to an address that is no more.
    send: { ...send, onConnectionLost: 'fail', defaults: { durable: false, ...send.defaults } },
  };
}
