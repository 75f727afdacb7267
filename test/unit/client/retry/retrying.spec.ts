import { describe, expect, it } from '@jest/globals';
import { AmqpTimeoutError, SendError } from '../../../../lib/client/errors.js';
import { retrying } from '../../../../lib/client/retry/retrying.js';
import {
  resolveRetryingOptions,
  type RetriedAttempt,
  type RetryingOptions,
} from '../../../../lib/client/retry/retrying-options.js';
import { ConnectionError, InvalidOptionsError, LinkError } from '../../../../lib/protocol/index.js';
import { LATE_MS } from '../../../support/time.js';

const lost = new ConnectionError('connection-lost', 'gone');
const locked = new LinkError('locked', 'q', 'l', { condition: 'amqp:resource-locked' });
const missing = new LinkError('no such queue', 'q', 'l', { condition: 'amqp:not-found', retryable: false });
const send = (delivered: 'no' | 'unknown') =>
  new SendError('link-closed', 'x', { address: 'q', delivered, attempts: 1, retryable: true });

interface Run {
  readonly attempts: RetriedAttempt[];
  readonly retries: [unknown, number][];
  readonly connects: () => number;
  readonly outcome: Promise<unknown>;
}

/** Fails with each of these in turn, then succeeds. */
function run(
  failures: readonly unknown[],
  options: RetryingOptions = {},
  connect: (signal: AbortSignal, count: number) => Promise<void> = () => Promise.resolve(),
): Run {
  const attempts: RetriedAttempt[] = [];
  const retries: [unknown, number][] = [];
  let connects = 0;
  const work = async (attempt: RetriedAttempt): Promise<string> => {
    attempts.push(attempt);
    if (attempts.length <= failures.length) throw failures[attempts.length - 1];
    return 'done';
  };
  const resolved = resolveRetryingOptions({
    backoff: (failed) => failed,
    onRetry: (error, delayMs) => retries.push([error, delayMs]),
    ...options,
  });
  const outcome = retrying((signal) => connect(signal, ++connects), work, resolved);
  outcome.catch(() => undefined);
  return { attempts, retries, connects: () => connects, outcome };
}

describe('work that is retried', () => {
  it.each([[NaN], [Infinity], [-1], ['5'], [undefined]])(
    'ends with the mistake where backoff gives %p',
    async (delay) => {
      const { outcome, attempts, retries } = run([lost, lost], { backoff: () => delay as number });
      await expect(outcome).rejects.toBeInstanceOf(InvalidOptionsError);
      await expect(outcome).rejects.toMatchObject({ option: 'backoff()' });
      expect([attempts.length, retries]).toEqual([1, []]);
    },
  );

  it('waits as long as a timer can where backoff gives more', async () => {
    const { outcome, attempts, retries } = run([lost], { backoff: () => 1e12, timeoutMs: 30 });
    await expect(outcome).rejects.toBeInstanceOf(AmqpTimeoutError);
    expect([attempts.length, retries]).toEqual([1, [[lost, 2_147_483_647]]]);
  });

  it.each([
    ['of the connection', [lost, lost, lost]],
    ['of a link', [locked, locked, locked]],
    ['of both, with one counter', [lost, locked, lost]],
  ])('is called maxAttempts times for failures %s, each on an open connection', async (_what, failures) => {
    const failing = run([...failures, lost], { maxAttempts: 3 });
    await expect(failing.outcome).rejects.toBe(failures[2]);
    expect(failing.attempts.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(failing.connects()).toBe(3);
    expect(failing.retries).toEqual([
      [failures[0], 1],
      [failures[1], 2],
    ]);
    const succeeding = run(failures);
    await expect(succeeding.outcome).resolves.toBe('done');
    expect(succeeding.attempts).toHaveLength(4);
  });

  it('is not called again for what another try will not mend', async () => {
    for (const error of [missing, new TypeError('mine'), 'no error at all']) {
      const once = run([error]);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(once.outcome).rejects.toBe(error);
      expect(once.attempts).toHaveLength(1);
    }
    const asked = run([new TypeError('mine')], { retryIf: (error) => error instanceof TypeError });
    await expect(asked.outcome).resolves.toBe('done');
  });

  it('is told whether it may repeat what a former attempt has done', async () => {
    const hints = async (failures: readonly unknown[]): Promise<readonly boolean[]> => {
      const { attempts, outcome } = run(failures);
      await outcome;
      return attempts.map(({ mayRepeat }) => mayRepeat);
    };
    expect(await hints([send('no'), send('no')])).toEqual([false, false, false]);
    expect(await hints([send('no'), send('unknown'), send('no')])).toEqual([false, false, true, true]);
    expect(await hints([lost])).toEqual([false, true]);
  });

  it('waits for the connection, whose failure is one of the attempt, before the work was ever called', async () => {
    const { attempts, outcome, connects } = run([], {}, (_signal, count) =>
      count < 3 ? Promise.reject(lost) : Promise.resolve(),
    );
    await expect(outcome).resolves.toBe('done');
    expect(connects()).toBe(3);
    expect(attempts).toMatchObject([{ number: 3, mayRepeat: false }]);
  });

  it('ends with its deadline in the middle of a pause, and says what it met last', async () => {
    const startedAt = performance.now();
    const { outcome, attempts } = run([lost], { timeoutMs: 30, backoff: () => 5_000 });
    const error: unknown = await outcome.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AmqpTimeoutError);
    expect(error).toMatchObject({ cause: lost });
    expect(performance.now() - startedAt).toBeLessThan(LATE_MS);
    expect(attempts[0]?.signal.aborted).toBe(true);
  });

  it('ends with the reason of its signal, also while the work runs and does not heed it', async () => {
    const reason = new Error('tired');
    const abort = new AbortController();
    const never = retrying(
      () => Promise.resolve(),
      () => new Promise<never>(() => undefined),
      resolveRetryingOptions({ signal: abort.signal }),
    );
    abort.abort(reason);
    await expect(never).rejects.toBe(reason);
  });

  it.each([
    [{ maxAttempts: 0 }, 'maxAttempts'],
    [{ backoff: 5 }, 'backoff'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ signal: {} }, 'signal'],
    [{ retries: 3 }, 'retries'],
  ])('refuses %j', (options, name) => {
    const resolve = () => resolveRetryingOptions(options as RetryingOptions);
    expect(resolve).toThrow(InvalidOptionsError);
    expect(resolve).toThrow(name);
  });
});
