// Work that is done again when it fails: one counter, one deadline, and a pause that ends with it.

import { AmqpTimeoutError, SendError } from '../errors.js';
import { AmqpError, InvalidOptionsError } from '../../protocol/index.js';
import { deadline, raceSignal } from '../deadline.js';
import { MAX_TIMER_MS } from '../options/check.js';
import type { ResolvedRetryingOptions, RetriedAttempt } from './retrying-options.js';

/** @param connect resolves when the connection is open; its failure is one of the attempt's */
export async function retrying<Result>(
  connect: (signal: AbortSignal) => Promise<void>,
  work: (attempt: RetriedAttempt) => Promise<Result>,
  { maxAttempts, backoff, retryIf, onRetry, timeoutMs, signal }: ResolvedRetryingOptions,
): Promise<Result> {
  let last: unknown;
  const late = (): Error =>
    AmqpError.inOwnWords(new AmqpTimeoutError(`not done within ${timeoutMs} ms`, { cause: last }));
  const wait = deadline(timeoutMs, late, signal);
  let mayRepeat = false;
  try {
    for (let number = 1; ; number++) {
      wait.signal.throwIfAborted();
      let isStarted = false;
      try {
        await connect(wait.signal);
        isStarted = true;
        return await raceSignal(work({ number, mayRepeat, signal: wait.signal }), wait.signal);
      } catch (error) {
        last = error;
        if (wait.signal.aborted || number >= maxAttempts || !retryIf(error)) throw error;
        mayRepeat ||= isStarted && !(error instanceof SendError && error.delivered === 'no');
      }
      const delayMs = checkDelay(backoff(number));
      onRetry(last, delayMs);
      await pause(delayMs, wait.signal);
    }
  } finally {
    wait.done();
  }
}

/** A timer would take what is no delay, or too long a one, for 1 ms. @throws InvalidOptionsError */
function checkDelay(delayMs: unknown): number {
  if (typeof delayMs === 'number' && delayMs >= 0 && delayMs < Infinity) return Math.min(delayMs, MAX_TIMER_MS);
  throw new InvalidOptionsError('backoff()', 'a number of milliseconds, 0 or more', delayMs);
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, delayMs);
  });
  return raceSignal(over, signal).finally(() => clearTimeout(timer));
}
