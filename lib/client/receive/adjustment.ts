import { checkObject, checkWhole } from '../options/check.js';
import { MAX_CONCURRENCY } from './subscribe-options.js';

const MAX_PREFETCH = 2_147_483_647;

/** What a running subscription may be told; what is left out stays. */
export interface Adjustment {
  readonly prefetch?: number;
  readonly concurrency?: number;
}

/**
 * @param leastPrefetch what a batch has to find room in
 * @throws InvalidOptionsError
 */
export function resolveAdjustment(change: Adjustment, leastPrefetch: number): Adjustment {
  const given = checkObject(change, 'adjust', ['prefetch', 'concurrency']);
  const window = { min: leastPrefetch, max: MAX_PREFETCH, default: undefined };
  const places = { min: 1, max: MAX_CONCURRENCY, default: undefined };
  const prefetch = checkWhole(given['prefetch'], 'adjust.prefetch', window);
  const concurrency = checkWhole(given['concurrency'], 'adjust.concurrency', places);
  return { ...(prefetch !== undefined && { prefetch }), ...(concurrency !== undefined && { concurrency }) };
}
