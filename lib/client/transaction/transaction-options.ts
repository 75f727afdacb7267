import { InvalidOptionsError } from '../../protocol/index.js';
import { checkMs, checkObject } from '../options/check.js';

/** What `transaction` may be told beside the work. */
export interface TransactionOptions {
  /**
   * From the call to the commit: a work that takes longer is rolled back, though it may still run. The answer to the commit has the
   * connection's `connectTimeoutMs` on top. Unit: milliseconds. Range: 1 or more. @default 60_000
   */
  readonly timeoutMs?: number | undefined;
  /** Aborted before the commit is sent, it rolls back; `transaction` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The same, checked. */
export interface ResolvedTransactionOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** @throws InvalidOptionsError */
export function resolveTransactionOptions(options?: TransactionOptions): ResolvedTransactionOptions {
  const given = checkObject(options, '', ['timeoutMs', 'signal']);
  const { signal } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new InvalidOptionsError('signal', 'an AbortSignal', signal);
  return { timeoutMs: checkMs(given['timeoutMs'], 'timeoutMs', { min: 1, default: 60_000 }), signal };
}
