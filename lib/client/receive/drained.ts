import { AmqpError, type ReceiverLink } from '../../protocol/index.js';
import { deadline } from '../deadline.js';
import { AmqpTimeoutError } from '../errors.js';

/** A peer answers at once; one that does not is not waited for longer. */
const DRAIN_TIMEOUT_MS = 2_000;

/**
 * Takes the credit of a link back. What the peer had for it has arrived when this resolves.
 *
 * @throws AmqpTimeoutError when the peer does not answer; the link's error when it is lost meanwhile; the signal's reason
 */
export async function drained(link: ReceiverLink, address: string, signal: AbortSignal): Promise<void> {
  const late = (): Error =>
    AmqpError.inOwnWords(new AmqpTimeoutError(`"${address}": the peer did not answer the drain`));
  const wait = deadline(DRAIN_TIMEOUT_MS, late, signal);
  try {
    await link.drain({ signal: wait.signal });
  } finally {
    wait.done();
  }
}
