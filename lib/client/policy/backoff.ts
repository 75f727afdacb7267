import { checkBoolean, checkMs, checkObject, MAX_TIMER_MS } from '../options/check.js';
import { InvalidOptionsError } from '../../protocol/index.js';
import type { Backoff } from './handler-policy.js';

/** How a delay grows. */
export interface ExponentialOptions {
  /** Delay after the first failure. Unit: milliseconds. @default 100 */
  readonly initialMs?: number | undefined;
  /** Each delay is this many times the one before it. Range: 1 or more. @default 2 */
  readonly factor?: number | undefined;
  /** No delay is longer. Unit: milliseconds. @default 30_000 */
  readonly maxMs?: number | undefined;
  /** Spreads each delay over its upper half, so that messages which failed together do not come back together. @default true */
  readonly jitter?: boolean | undefined;
}

/** A delay that grows with each failure. */
export function exponential(options: ExponentialOptions = {}, random: () => number = Math.random): Backoff {
  const path = 'policy.exponential';
  const given = checkObject(options, path, ['initialMs', 'factor', 'maxMs', 'jitter']);
  const initialMs = checkMs(given['initialMs'], `${path}.initialMs`, { default: 100 });
  const maxMs = checkMs(given['maxMs'], `${path}.maxMs`, { default: 30_000 });
  const jitter = checkBoolean(given['jitter'], `${path}.jitter`, true);
  const factor = given['factor'] ?? 2;
  if (typeof factor !== 'number' || !(factor >= 1) || factor === Infinity)
    throw new InvalidOptionsError(`${path}.factor`, 'a number of at least 1', factor);
  return (failures) => {
    const full = Math.min(maxMs, initialMs * factor ** (failures - 1));
    return Math.round(jitter ? full / 2 + (full / 2) * random() : full);
  };
}

/** The same delay after every failure. Unit: milliseconds. */
export function fixed(delayMs: number): Backoff {
  const checked = checkMs(delayMs, 'policy.fixed.delayMs', { default: undefined });
  if (checked === undefined)
    throw new InvalidOptionsError('policy.fixed.delayMs', `a whole number from 0 to ${MAX_TIMER_MS}`, delayMs);
  return () => checked;
}
