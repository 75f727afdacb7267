import { BatchSendError } from '../errors.js';
import type { SendResult, SendSuccess } from './send-result.js';

/**
 * The successes, when that is what all are: for those who would rather catch than look at each result of `sendBatch` or
 * `sendAllMessages`.
 *
 * @throws BatchSendError with every result, when one of them failed
 */
export function allSent(results: readonly SendResult[]): SendSuccess[] {
  const sent = results.filter((result) => result.ok);
  if (sent.length < results.length) throw new BatchSendError(results);
  return sent;
}
