// Whether and when a failed send is tried again.

import { AZURE_REFUSALS, InvalidOptionsError } from '../../protocol/index.js';
import type { SendError } from '../errors.js';
import { checkBoolean, checkFunction, checkMs, checkObject, checkWhole } from '../options/check.js';
import { exponential } from '../policy/backoff.js';
import type { Backoff } from '../policy/handler-policy.js';

/** What is done about one failure. */
export interface ErrorAction {
  readonly retry: boolean;
  /**
   * The pause before the next transfer; other messages go on meanwhile. A function is given the number of retries that counted, this
   * one included: `policy.exponential({ initialMs, maxMs, jitter })`. Unit: milliseconds. @default exponential, 100 to 10_000
   */
  readonly backoffMs?: number | Backoff | undefined;
  /** `false`: this retry does not count towards `maxRetries`. @default true */
  readonly incrementRetries?: boolean | undefined;
}

/** Options of an {@link ErrorPolicy}. */
export interface ErrorPolicyOptions {
  /** 3 means at most 4 transfers. Range: 0 or more, or Infinity. @default 3 */
  readonly maxRetries?: number | undefined;
  /**
   * Asked for each failure of a transfer, whatever its condition. `undefined` leaves it to the table of conditions. An action in place
   * of a function is taken for every failure.
   */
  readonly onError?: ErrorAction | ((error: SendError) => ErrorAction | undefined) | undefined;
}

/** Conditions that another try will not mend (table T1 of the documentation). All others, and unknown ones, are retried. */
const NOT_RETRIED: ReadonlySet<string> = new Set([
  'amqp:decode-error',
  'amqp:invalid-field',
  'amqp:illegal-state',
  'amqp:not-implemented',
  'amqp:not-allowed',
  'amqp:frame-size-too-small',
  'amqp:not-found',
  'amqp:unauthorized-access',
  'amqp:precondition-failed',
  'amqp:resource-deleted',
  'amqp:resource-limit-exceeded',
  'amqp:connection:framing-error',
  'amqp:connection:redirect',
  'amqp:session:window-violation',
  'amqp:session:errant-link',
  'amqp:session:handle-in-use',
  'amqp:session:unattached-handle',
  'amqp:link:message-size-exceeded',
  'amqp:link:stolen',
  'amqp:link:redirect',
  ...AZURE_REFUSALS,
]);

/** How a send client treats failures: uamqp's ErrorPolicy. */
export class ErrorPolicy {
  readonly maxRetries: number;
  readonly onError: ((error: SendError) => ErrorAction | undefined) | undefined;

  /** @throws InvalidOptionsError */
  constructor(options: ErrorPolicyOptions = {}) {
    const given = checkObject(options, 'errorPolicy', ['maxRetries', 'onError']);
    this.maxRetries = checkWhole(given['maxRetries'], 'errorPolicy.maxRetries', {
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      default: 3,
      infinity: true,
    });
    this.onError = checkOnError(given['onError']);
  }
}

function checkOnError(given: unknown): ((error: SendError) => ErrorAction | undefined) | undefined {
  if (typeof given !== 'object') return checkFunction(given, 'errorPolicy.onError');
  const { retry, backoffMs, incrementRetries } = checkObject(given, 'errorPolicy.onError', ACTION_NAMES);
  if (typeof retry !== 'boolean') throw new InvalidOptionsError('errorPolicy.onError.retry', 'true or false', retry);
  checkBackoff(backoffMs, 'errorPolicy.onError.backoffMs');
  checkBoolean(incrementRetries, 'errorPolicy.onError.incrementRetries', undefined);
  // True: its fields were seen to be an action's.
  const action = given as ErrorAction;
  return () => action;
}

/** @throws InvalidOptionsError */
function checkBackoff(value: unknown, path: string): void {
  if (typeof value !== 'function') checkMs(value, path, { default: undefined });
}

const ACTION_NAMES: readonly (keyof ErrorAction)[] = ['retry', 'backoffMs', 'incrementRetries'];
const defaultBackoff = exponential({ initialMs: 100, maxMs: 10_000 });

/** The next try of a failed transfer. */
export interface Retry {
  readonly delayMs: number;
  /** Counts towards `maxRetries`. */
  readonly counts: boolean;
}

/**
 * @param retries counted retries so far
 * @param byDefault what is done when the user's function has no opinion
 * @returns `undefined`: given up
 * @throws whatever `onError` throws; InvalidOptionsError when it answers something impossible
 */
export function decideRetry(
  policy: ErrorPolicy,
  error: SendError,
  retries: number,
  byDefault: { readonly retry: boolean; readonly delayMs?: number },
): Retry | undefined {
  const action = policy.onError?.(error);
  const retry = action === undefined ? byDefault.retry : action.retry;
  if (!retry || retries >= policy.maxRetries) return undefined;
  const { backoffMs } = action ?? {};
  const asked = typeof backoffMs === 'function' ? backoffMs(retries + 1) : backoffMs;
  const fallback = byDefault.delayMs ?? defaultBackoff(retries + 1);
  const delayMs = checkMs(asked, 'errorPolicy.onError().backoffMs', { default: fallback });
  return { delayMs, counts: action?.incrementRetries !== false };
}

/** Whether a message that was not sent yet goes on waiting for a link that the peer refuses. @throws as {@link decideRetry} */
export function waitsForLink(policy: ErrorPolicy, error: SendError): boolean {
  return policy.onError?.(error)?.retry ?? retriedByTable(error);
}

/** Table T1, except that the outcomes rejected and released are not retried unless asked. */
export function retriedByTable({ code, condition, outcome }: SendError): boolean {
  if (outcome !== undefined) return outcome.kind === 'modified' && !outcome.undeliverableHere;
  if (code !== 'connection-lost' && code !== 'link-closed') return false;
  return condition === undefined || !NOT_RETRIED.has(condition);
}

/** @throws InvalidOptionsError */
export function checkErrorPolicy(value: unknown, path: string): ErrorPolicy {
  if (value === undefined) return new ErrorPolicy();
  if (value instanceof ErrorPolicy) return value;
  // One that was made by the package's other module format.
  if (typeof value === 'object' && value !== null && 'maxRetries' in value && 'onError' in value)
    // True enough: the constructor checks both.
    return new ErrorPolicy({ maxRetries: value.maxRetries, onError: value.onError } as ErrorPolicyOptions);
  throw new InvalidOptionsError(path, 'an ErrorPolicy', value);
}
