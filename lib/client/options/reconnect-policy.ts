// How long to wait between attempts.

import { InvalidOptionsError } from '../../protocol/index.js';
import { checkBoolean, checkMs, checkObject, checkWhole, joinPath } from './check.js';

/** How long to wait, and for how long to go on. */
export interface ReconnectPolicy {
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  /** Failed attempts in a row after which it is given up; 0: not even one more attempt after a loss. */
  readonly maxAttempts: number;
  readonly stableAfterMs: number;
  /** `undefined`: the bound doubles. */
  readonly stepMs: number | undefined;
  readonly jitter: boolean;
}

const NAMES = ['initialDelayMs', 'maxDelayMs', 'stepMs', 'jitter', 'maxAttempts', 'stableAfterMs'];

/** `false`: the first failure is the last. @throws InvalidOptionsError */
export function resolveReconnect(value: unknown, path: string): ReconnectPolicy {
  if (value === false) return { ...resolveReconnect(undefined, path), maxAttempts: 0 };
  const options = checkObject(value, path, NAMES);
  const at = (name: string): string => joinPath(path, name);
  const initialDelayMs = checkMs(options['initialDelayMs'], at('initialDelayMs'), { min: 1, default: 100 });
  const maxDelayMs = checkMs(options['maxDelayMs'], at('maxDelayMs'), {
    min: 1,
    default: Math.max(10_000, initialDelayMs),
  });
  if (maxDelayMs < initialDelayMs)
    throw new InvalidOptionsError(at('maxDelayMs'), `initialDelayMs (${initialDelayMs}) or more`, maxDelayMs);
  const attempts = { min: 1, max: Number.MAX_SAFE_INTEGER, default: Infinity, infinity: true } as const;
  return {
    initialDelayMs,
    maxDelayMs,
    maxAttempts: checkWhole(options['maxAttempts'], at('maxAttempts'), attempts),
    stepMs: checkMs(options['stepMs'], at('stepMs'), { default: undefined }),
    jitter: checkBoolean(options['jitter'], at('jitter'), true),
    stableAfterMs: checkMs(options['stableAfterMs'], at('stableAfterMs'), { default: 5_000 }),
  };
}

/**
 * Full jitter: anything from 1 ms to a bound that grows with each failure, by doubling or by steps. Without jitter: the bound.
 *
 * @param failures in a row, from 1
 * @param random in [0, 1)
 */
export function backoffMs(policy: ReconnectPolicy, failures: number, random: number): number {
  const { initialDelayMs, maxDelayMs, stepMs, jitter } = policy;
  const growth = stepMs === undefined ? policy.initialDelayMs * 2 ** Math.min(failures - 1, 40) : undefined;
  const bound = Math.min(maxDelayMs, growth ?? initialDelayMs + (stepMs ?? 0) * (failures - 1));
  return jitter ? Math.max(1, Math.round(bound * random)) : bound;
}
