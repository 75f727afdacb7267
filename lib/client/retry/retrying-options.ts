import { AmqpError } from '../../protocol/index.js';
import { checkFunction, checkMethods, checkMs, checkObject, checkWhole } from '../options/check.js';
import { exponential } from '../policy/backoff.js';
import type { Backoff } from '../policy/handler-policy.js';

/** One call of the work given to `connection.retrying()`. */
export interface RetriedAttempt {
  /** From 1. */
  readonly number: number;
  /** A former attempt failed without saying that nothing came of it: what this one does may be done twice. */
  readonly mayRepeat: boolean;
  /** Aborted when the time of all attempts is over, or when the caller's signal is. */
  readonly signal: AbortSignal;
}

/** Options of `connection.retrying()`. */
export interface RetryingOptions {
  /** Calls of the work in all, whatever made them fail. Range: 1 or more, or Infinity. @default 4 */
  readonly maxAttempts?: number | undefined;
  /**
   * The pause after each failure. What is no number of 0 or more ends it all with an InvalidOptionsError.
   *
   * @default policy.exponential({ initialMs: 100, maxMs: 10_000 })
   */
  readonly backoff?: Backoff | undefined;
  /** Whether to go on after this error. @default an {@link AmqpError} that is `retryable` */
  readonly retryIf?: ((error: unknown) => boolean) | undefined;
  /** Called before each pause. What it throws ends it all. */
  readonly onRetry?: ((error: unknown, delayMs: number) => void) | undefined;
  /** All attempts, pauses and reconnecting together. Unit: milliseconds. `Infinity`: no limit. @default 60_000 */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** {@link RetryingOptions}, checked and complete. */
export interface ResolvedRetryingOptions {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  readonly retryIf: (error: unknown) => boolean;
  readonly onRetry: (error: unknown, delayMs: number) => void;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

const NAMES = ['maxAttempts', 'backoff', 'retryIf', 'onRetry', 'timeoutMs', 'signal'];

/** @throws InvalidOptionsError */
export function resolveRetryingOptions(options: RetryingOptions | undefined): ResolvedRetryingOptions {
  const given = checkObject(options, '', NAMES);
  const attempts = { min: 1, max: Number.MAX_SAFE_INTEGER, default: 4, infinity: true } as const;
  return {
    maxAttempts: checkWhole(given['maxAttempts'], 'maxAttempts', attempts),
    backoff: checkFunction<Backoff>(given['backoff'], 'backoff') ?? exponential({ initialMs: 100, maxMs: 10_000 }),
    retryIf: checkFunction<(error: unknown) => boolean>(given['retryIf'], 'retryIf') ?? isRetryable,
    onRetry: checkFunction<(error: unknown, delayMs: number) => void>(given['onRetry'], 'onRetry') ?? (() => undefined),
    timeoutMs: checkMs(given['timeoutMs'], 'timeoutMs', { min: 1, default: 60_000, infinity: true }),
    signal: checkMethods<AbortSignal>(given['signal'], 'signal', ['addEventListener', 'throwIfAborted']),
  };
}

function isRetryable(error: unknown): boolean {
  return error instanceof AmqpError && error.retryable;
}
