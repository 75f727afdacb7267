import type { AmqpLogger } from '../client-context.js';
import { AmqpError } from '../../protocol/index.js';
import { errorName } from '../policy/error-name.js';
import type { SettleResult } from './received-message.js';

/**
 * Waits for a settlement and never rejects: one that fails is logged, and resolves to `failed`. For places where a second settlement, or
 * a transaction that is over, must not end what goes on.
 *
 * @param settling for example `message.accept()`
 */
export async function settleOrLog(
  settling: Promise<SettleResult>,
  logger: Pick<AmqpLogger, 'error'>,
): Promise<SettleResult | 'failed'> {
  try {
    return await settling;
  } catch (error) {
    // Only our own words: those of others may quote a body.
    logger.error(`a message could not be settled: ${AmqpError.hasOwnWords(error) ? error.message : errorName(error)}`);
    return 'failed';
  }
}
