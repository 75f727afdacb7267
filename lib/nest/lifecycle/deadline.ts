import { setTimeout as delay } from 'node:timers/promises';

/** The promise's result, or after `timeoutMs` that of `expired`, which may throw. The promise itself goes on. */
export async function withDeadline<T>(promise: Promise<T>, timeoutMs: number, expired: () => T): Promise<T> {
  if (timeoutMs === Infinity) return promise;
  const timer = new AbortController();
  try {
    return await Promise.race([promise, delay(timeoutMs, undefined, { signal: timer.signal }).then(expired)]);
  } finally {
    timer.abort();
  }
}
