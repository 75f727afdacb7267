// A deadline and somebody else's signal as one signal. Unlike AbortSignal.any and .timeout it leaves no timer and no listener behind.

/** One wait. Call `done` when it is over, however it ended. */
export interface Deadline {
  readonly signal: AbortSignal;
  done(): void;
}

/**
 * @param timeoutMs `Infinity`: only the parent ends it
 * @param reason what the signal is aborted with when the time is over
 */
export function deadline(timeoutMs: number, reason: () => Error, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const { signal } = controller;
  if (parent?.aborted === true) {
    controller.abort(parent.reason);
    return { signal, done: () => undefined };
  }
  const timer = timeoutMs === Infinity ? undefined : setTimeout(() => controller.abort(reason()), timeoutMs);
  const abort = (): void => {
    clearTimeout(timer);
    controller.abort(parent?.reason);
  };
  parent?.addEventListener('abort', abort, { once: true });
  return {
    signal,
    done: () => {
      clearTimeout(timer);
      parent?.removeEventListener('abort', abort);
    },
  };
}

/** `promise`, or the signal's reason as soon as it is aborted; the late result is then ignored. */
export function raceSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(asError(signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Resolves with the promise, or after `timeoutMs`; what it rejects with is thrown only within that time. */
export async function atMost(timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  const wait = deadline(timeoutMs, () => new Error('late'));
  try {
    await Promise.race([
      promise,
      new Promise<void>((resolve) => wait.signal.addEventListener('abort', () => resolve())),
    ]);
  } finally {
    wait.done();
  }
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('something that is no error was thrown', { cause: thrown });
}
